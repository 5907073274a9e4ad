// Do both nodes hold the same? And if not: make this follower take the leader's state over.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <iostream>

#include "node/ctl/commands/commands.hpp"
#include "node/ctl/human.hpp"

namespace distributor::ctl {

int diff(const Context& context, const Arguments&) {
  const auto reply = context.ask_daemon("diff");
  if (!reply) return reply.error();
  if (!reply->ok || context.json()) {
    (reply->ok ? std::cout : std::cerr) << (context.json() ? reply->line : "distributorctl: " + reply->message) << "\n";
    if (!reply->ok) return kRefused;
  } else {
    std::cout << human_diff(reply->line);
  }
  boost::json::error_code error;
  const auto value = boost::json::parse(reply->line, error);
  const auto* equal = value.is_object() ? value.get_object().if_contains("equal") : nullptr;
  return equal != nullptr && equal->is_bool() && equal->get_bool() ? kOk : kRefused;
}

int resync(const Context& context, const Arguments&) { return context.admin("resync"); }

}  // namespace distributor::ctl
