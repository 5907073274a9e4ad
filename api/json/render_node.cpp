#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>

#include "api/json/detail/render_parts.hpp"
#include "api/json/render.hpp"

namespace distributor::api {
namespace detail {

namespace json = boost::json;

std::string hex64(std::uint64_t number) {
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(number));
  return digits.data();
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::array names_of(std::span<const NodeId> nodes) {
  json::array names;
  for (const auto& node : nodes) names.push_back(json::value(node.text()));
  return names;
}

}  // namespace detail

namespace {

namespace json = boost::json;
using detail::text_or_null;

json::object member(const MemberView& view) {
  return json::object{{"node_id", view.node.text()},
                      {"version", view.version},
                      {"role", view.role},
                      {"leads", view.leads},
                      {"ready", view.ready},
                      {"gate_open", view.gate_open},
                      {"ovs_programmed", view.ovs_programmed},
                      {"vip_links_up", view.vip_links_up},
                      {"vip_links_wanted", view.vip_links_wanted},
                      {"term", view.term.value},
                      {"last_seq", view.last.value},
                      {"committed_seq", view.committed.value},
                      {"programmed_seq", view.programmed.value},
                      {"state_digest", view.state_digest.hex()},
                      {"hash_fingerprint", text_or_null(view.hash_fingerprint)}};
}

// As the client sent it: the router adds ":" and a digest of the request.
std::string idempotency_key(const std::string& request_id) {
  return request_id.substr(0, request_id.rfind(':'));
}

json::object dropped_change(const DroppedView& dropped) {
  return json::object{{"term", dropped.term.value},
                      {"seq", dropped.seq.value},
                      {"request_id", text_or_null(idempotency_key(dropped.request_id))},
                      {"change", dropped.change},
                      {"lb_id", dropped.lb ? json::value(dropped.lb->text()) : json::value(nullptr)},
                      {"reason", dropped.reason}};
}

json::object switchover(const SwitchoverView& view) {
  return json::object{{"completed", view.completed},     {"to", view.to.text()},
                      {"drained_ms", view.drained_ms},   {"peer_open_ms", view.peer_open_ms},
                      {"moved_ms", view.moved_ms},       {"reason", text_or_null(view.reason)}};
}

json::object takeover(const TakeoverView& view) {
  const auto ms = [](const std::optional<double>& time) { return time ? json::value(*time) : json::value(nullptr); };
  return json::object{{"number", view.number},       {"planned", view.planned},
                      {"gate_ms", ms(view.gate_ms)}, {"announcements", view.announcements},
                      {"announced_ms", ms(view.announced_ms)}, {"term_ms", ms(view.term_ms)},
                      {"writes_ms", ms(view.writes_ms)}};
}

json::value certificate(const NodeView& node) {
  if (!node.certificate) return nullptr;
  const auto& one = *node.certificate;
  return json::object{{"subject", one.subject},
                      {"serial", one.serial},
                      {"not_after", one.not_after},
                      {"seconds_left", one.seconds_left},
                      {"peer_has_it", one.peer_has_it}};
}

// haproxy_version: what an amphora tells there, and Octavia's operators' tools read.
json::object info(const NodeView& node) {
  return json::object{{"api_version", "1.0"},        {"hostname", node.hostname},
                      {"haproxy_version", nullptr},  {"uuid", node.distributor_id},
                      {"node_id", node.node_id.text()}, {"version", node.version},
                      {"role", node.role},           {"phase", node.phase},
                      {"certificate", certificate(node)},
                      {"limits", json::object{{"mode", node.limits.dedicated ? "dedicated" : "shared"},
                                              {"load_balancers_max", node.limits.load_balancers_max},
                                              {"slots_max", node.limits.slots_max},
                                              {"unequal", text_or_null(node.limits.unequal)}}}};
}

// The rest of what an amphora's agent tells in details, with its names and units.
void put_machine(json::object& object, const MachineView& machine) {
  json::object networks;
  for (const auto& one : machine.networks) {
    networks[one.name] = json::object{{"network_tx", one.sent_bytes}, {"network_rx", one.received_bytes}};
  }
  object["networks"] = std::move(networks);
  object["cpu"] = json::object{{"total", machine.cpu_total},
                               {"user", machine.cpu_user},
                               {"system", machine.cpu_system},
                               {"soft_irq", machine.cpu_soft_irq}};
  object["memory"] = json::object{{"total", machine.memory_total_kib},
                                  {"free", machine.memory_free_kib},
                                  {"buffers", machine.memory_buffers_kib},
                                  {"cached", machine.memory_cached_kib},
                                  {"swap_used", machine.memory_swap_used_kib},
                                  {"shared", machine.memory_shared_kib},
                                  {"slab", machine.memory_slab_kib}};
  object["disk"] = json::object{{"used", machine.disk_used_bytes}, {"available", machine.disk_available_bytes}};
}

}  // namespace

std::string render_version() {
  return R"({"api_version":"1.0"})";
}

std::string render_error(const ApiError& error) {
  const auto& row = row_of(error.code);
  return json::serialize(json::object{{"message", json::string_view(row.meaning.data(), row.meaning.size())},
                                      {"details", details_of(error)},
                                      {"error", json::string_view(row.name.data(), row.name.size())},
                                      {"http_code", row.status}});
}

std::string render_switchover(const SwitchoverView& view) {
  return json::serialize(switchover(view));
}

std::string render_takeover(const TakeoverView& view) {
  return json::serialize(takeover(view));
}

std::string render_pair(const PairView& pair) {
  json::array dropped;
  const auto listed = std::min(pair.dropped.size(), kDroppedListedMax);
  for (std::size_t i = 0; i < listed; ++i) dropped.push_back(dropped_change(pair.dropped[i]));
  json::object object{{"pair_id", pair.pair_id},
                      {"standalone", pair.standalone},
                      {"role", pair.self.role},
                      {"phase", pair.phase},
                      {"entitled", pair.entitled},
                      {"why_not", text_or_null(pair.why_not)},
                      {"diverged", pair.diverged},
                      {"term", pair.self.term.value},
                      {"pair_floor_seq", pair.pair_floor.value},
                      {"self", member(pair.self)},
                      {"peer_connected", pair.peer_connected},
                      {"peer_alive", pair.peer_alive},
                      {"affinity", pair.affinity_at_risk ? "at-risk" : "ok"},
                      {"affinity_reason", text_or_null(pair.affinity_reason)},
                      {"dropped_total", pair.dropped.size()},
                      {"dropped_mark", text_or_null(pair.dropped_mark)},
                      {"dropped", std::move(dropped)}};
  object["maintenance"] = pair.maintenance;
  object["last_takeover"] = pair.last_takeover ? json::value(takeover(*pair.last_takeover)) : json::value(nullptr);
  object["last_switchover"] = pair.last_switchover ? json::value(switchover(*pair.last_switchover)) : json::value(nullptr);
  object["peer"] = pair.peer ? json::value(member(*pair.peer)) : json::value(nullptr);
  return json::serialize(object);
}

std::string render_stored(const StoredOutcome& outcome) {
  return json::serialize(json::object{{"message", "OK"},
                                      {"changed", outcome.changed},
                                      {"durability", outcome.held_by.size() > 1 ? "pair" : "local"},
                                      {"held_by", detail::names_of(outcome.held_by)},
                                      {"note", text_or_null(outcome.note)}});
}

std::string render_info(const NodeView& node) {
  return json::serialize(info(node));
}

std::string render_details(const NodeView& node, const Registry& registry) {
  json::object object = info(node);
  object["active"] = node.owns;
  object["topology"] = node.standalone ? "SINGLE" : "ACTIVE_STANDBY";
  object["topology_status"] = "OK";
  object["haproxy_count"] = 0;
  object["listeners"] = json::array{};
  put_machine(object, node.machine);
  object["uptime_s"] = node.uptime_s;
  object["load"] = json::array{node.load_average[0], node.load_average[1], node.load_average[2]};
  json::object packages;
  for (const auto& part : node.versions) packages[part.name] = part.text;
  object["packages"] = std::move(packages);
  json::object counters;
  for (const auto& one : node.counters) counters[one.name] = one.value;
  object["counters"] = std::move(counters);
  std::size_t registered = 0;
  std::size_t spare = 0;
  for (const auto& [id, lb] : registry.all()) {
    spare += lb->spares.size();
    for (const auto& slot : lb->slots) registered += slot.occupant ? 1 : 0;
  }
  object["loadbalancers"] = registry.size();
  object["amphorae"] = registered;
  object["spares"] = spare;
  object["state_digest"] = registry.digest().hex();
  return json::serialize(object);
}

}  // namespace distributor::api
