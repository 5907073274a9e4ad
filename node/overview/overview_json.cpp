#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "api/json/render.hpp"
#include "node/overview/overview.hpp"

namespace distributor::node {
namespace {

namespace json = boost::json;

json::object bucket(const BucketLine& line) {
  return {{"position", line.position.value}, {"mac_address", line.mac.text()}, {"amphora_id", line.amphora_id}, {"packets", line.packets}, {"bytes", line.bytes}};
}

json::object balancer(const BalancerLine& line) {
  json::array vips, buckets;
  for (const auto& vip : line.vips) vips.push_back(json::value(vip));
  for (const auto& one : line.buckets) buckets.push_back(bucket(one));
  return {{"lb_id", line.id.text()},   {"vips", std::move(vips)}, {"affinity", line.affinity}, {"carried", line.carried}, {"vacant", line.vacant},
          {"spares", line.spares}, {"packets", line.packets}, {"bytes", line.bytes},      {"buckets", std::move(buckets)}};
}

}  // namespace

std::string overview_json(const Overview& overview, std::size_t balancers_max) {
  json::array balancers, ownership, concerns;
  std::size_t buckets = 0;
  for (const auto& line : overview.balancers) {
    buckets += line.buckets.size();
    if (balancers.size() >= balancers_max || buckets > kBucketsShownMax) break;
    balancers.push_back(balancer(line));
  }
  for (const auto& change : overview.ownership) {
    ownership.push_back(json::object{{"unix_ms", change.unix_ms}, {"utc", utc_time(change.unix_ms)}, {"gained", change.gained},
                                     {"takeover", change.takeover ? json::parse(api::render_takeover(*change.takeover)) : json::value(nullptr)}});
  }
  for (const auto& concern : concerns_of(overview)) concerns.push_back(json::object{{"urgent", concern.urgent}, {"text", concern.text}});
  return json::serialize(json::object{
      {"unix_ms", overview.unix_ms},
      {"pair", json::parse(api::render_pair(overview.pair))},
      {"info", json::parse(api::render_info(overview.node))},
      {"uptime_s", overview.node.uptime_s},
      {"concerns", std::move(concerns)},
      {"keepalived_alive", overview.keepalived_alive},
      {"gatekeeper_connected", overview.gatekeeper_connected},
      {"readiness", overview.readiness},
      {"readiness_reason", overview.readiness_reason},
      {"replication_lag", {{"entries", overview.lag_entries}, {"seconds", overview.lag_s}}},
      {"changes", {{"pair", overview.changes_pair}, {"local", overview.changes_local}}},
      {"open_vswitch", {{"repairs", overview.repairs}, {"programming_last_ms", overview.programming_last_ms}}},
      {"counters_missing", overview.counters_missing ? json::value(*overview.counters_missing) : json::value(nullptr)},
      {"ownership", std::move(ownership)},
      {"loadbalancers", std::move(balancers)},
      {"loadbalancers_total", overview.balancers.size()},
  });
}

}  // namespace distributor::node
