#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "node/ctl/commands/commands.hpp"
#include "node/ctl/human.hpp"

namespace distributor::ctl {

// The list comes in pieces; this puts them together.
int lb_list(const Context& context, const Arguments&) {
  boost::json::array all;
  boost::json::value stale;
  std::string after;
  while (true) {
    const auto reply = context.ask("GET", "/1.0/loadbalancer" + (after.empty() ? "" : "?after=" + percent_encoded(after)));
    if (!reply) return reply.error();
    if (reply->status != 200) return context.print(*reply, human_list);
    boost::json::error_code error;
    const auto piece = boost::json::parse(reply->body, error);
    const auto* object = piece.if_object();
    const auto* some = object == nullptr ? nullptr : object->if_contains("loadbalancers");
    if (some == nullptr || !some->is_array()) return context.print(*reply, human_list);
    all.insert(all.end(), some->get_array().begin(), some->get_array().end());
    const auto* may_be_old = object->if_contains("stale");
    if (may_be_old != nullptr && !may_be_old->is_null()) stale = *may_be_old;  // of any piece, it counts for the whole
    const auto* next = object->if_contains("next");
    if (next == nullptr || !next->is_string() || some->get_array().empty()) break;
    after = std::string(next->get_string());
  }
  const auto total = all.size();
  const boost::json::object answer{{"loadbalancers", std::move(all)}, {"total", total}, {"stale", std::move(stale)}};
  return context.print(Reply{200, boost::json::serialize(answer)}, human_list);
}

int lb_show(const Context& context, const Arguments& arguments) {
  return context.call("GET", "/1.0/loadbalancer/" + percent_encoded(arguments.lb), "", human_load_balancer);
}

}  // namespace distributor::ctl
