// What a reunion dropped (H8).
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "node/ctl/commands/commands.hpp"
#include "node/ctl/human.hpp"
#include "node/ctl/overview.hpp"

namespace distributor::ctl {

int losses(const Context& context, const Arguments& arguments) {
  if (!arguments.acknowledge.empty()) return context.admin("acknowledge-losses", {{"mark", arguments.acknowledge}});
  const auto overview = fetch_overview(context);
  if (!overview) return overview.error();
  const auto* pair = overview->if_contains("pair");
  const boost::json::object nothing;
  const auto& of = pair != nullptr && pair->is_object() ? pair->get_object() : nothing;
  if (!context.json()) {
    std::cout << human_losses(boost::json::serialize(of));
    return kOk;
  }
  const auto field = [&of](const char* name, boost::json::value otherwise) { return of.contains(name) ? of.at(name) : std::move(otherwise); };
  std::cout << boost::json::serialize(boost::json::object{{"dropped_total", field("dropped_total", 0)}, {"dropped_mark", field("dropped_mark", nullptr)}, {"dropped", field("dropped", boost::json::array{})}}) << "\n";
  return kOk;
}

}  // namespace distributor::ctl
