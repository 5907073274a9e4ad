#include "node/ctl/overview.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <iostream>

#include "node/ctl/bodies.hpp"
#include "node/ctl/human.hpp"

namespace distributor::ctl {
namespace {

namespace json = boost::json;

tl::expected<json::object, int> object_from(const Context& context, const std::string& path) {
  const auto reply = context.ask("GET", path);
  if (!reply) return tl::unexpected(reply.error());
  if (reply->status != 200) return tl::unexpected(context.print(*reply, human_pair));
  json::error_code error;
  auto value = json::parse(reply->body, error);
  if (!error && value.is_object()) return std::move(value.get_object());
  std::cerr << "distributorctl: wanted a JSON object from " << path << ", found something else; is that address a distributor's?\n";
  return tl::unexpected(kRefused);
}

// STATUS of a load balancer in the shape of an overview.
json::object line_of(const json::object& lb) {
  json::object line{{"lb_id", lb.at("lb_id")}, {"affinity", lb.contains("affinity") ? lb.at("affinity") : json::value(nullptr)}, {"carried", true}};
  json::array vips{lb.contains("vip_address") ? lb.at("vip_address") : json::value("-")};
  if (const auto* more = lb.if_contains("additional_vips"); more != nullptr && more->is_array()) {
    for (const auto& vip : more->get_array()) {
      if (vip.is_object() && vip.get_object().contains("vip_address")) vips.push_back(vip.get_object().at("vip_address"));
    }
  }
  line["vips"] = std::move(vips);
  const auto size_of = [&lb](const char* name) {
    const auto* list = lb.if_contains(name);
    return list != nullptr && list->is_array() ? list->get_array().size() : 0;
  };
  line["vacant"] = size_of("vacant_positions");
  line["spares"] = size_of("spares");
  line["packets"] = lb.contains("packets") ? lb.at("packets") : json::value(0);
  line["bytes"] = lb.contains("bytes") ? lb.at("bytes") : json::value(0);
  line["buckets"] = lb.contains("amphorae") ? lb.at("amphorae") : json::value(json::array{});
  return line;
}

tl::expected<json::object, int> over_rest(const Context& context) {
  auto pair = object_from(context, "/1.0/pair");
  if (!pair) return tl::unexpected(pair.error());
  auto list = object_from(context, "/1.0/loadbalancer");
  if (!list) return tl::unexpected(list.error());
  json::array balancers;
  const auto* all = list->if_contains("loadbalancers");
  const auto total = all != nullptr && all->is_array() ? all->get_array().size() : 0;
  for (std::size_t i = 0; i < total && i < kRemoteBalancersMax; ++i) {
    const auto& one = all->get_array()[i];
    const auto* id = one.is_object() ? one.get_object().if_contains("lb_id") : nullptr;
    if (id == nullptr || !id->is_string()) continue;
    const auto lb = object_from(context, "/1.0/loadbalancer/" + percent_encoded(std::string(id->get_string())));
    if (!lb) return tl::unexpected(lb.error());
    balancers.push_back(line_of(*lb));
  }
  json::array concerns;
  const auto* stale = list->if_contains("stale");
  if (stale != nullptr && stale->is_string()) concerns.push_back(json::object{{"urgent", true}, {"text", *stale}});
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  return json::object{{"unix_ms", now}, {"pair", std::move(*pair)}, {"concerns", std::move(concerns)},
                      {"loadbalancers", std::move(balancers)}, {"loadbalancers_total", total}};
}

}  // namespace

tl::expected<json::object, int> fetch_overview(const Context& context) {
  if (context.settings().address) return over_rest(context);
  const auto reply = context.ask_daemon("overview");
  if (!reply) return tl::unexpected(reply.error());
  json::error_code error;
  auto value = json::parse(reply->line, error);
  if (reply->ok && !error && value.is_object()) return std::move(value.get_object());
  std::cerr << "distributorctl: " << reply->message << "\n";
  return tl::unexpected(kRefused);
}

}  // namespace distributor::ctl
