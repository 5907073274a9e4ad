#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "api/json/detail/render_parts.hpp"
#include "api/json/render.hpp"

namespace distributor::api {
namespace {

namespace json = boost::json;
using detail::hex64;
using detail::text_or_null;

using Counters = tl::expected<std::vector<BucketCounters>, ApiError>;

json::array host_routes(const Vip& vip) {
  json::array routes;
  for (const auto& route : vip.host_routes) {
    routes.push_back(json::object{{"destination", route.destination.text()}, {"nexthop", route.next_hop.text()}});
  }
  return routes;
}

void put_vip(json::object& into, const Vip& vip) {
  into["vip_address"] = vip.address.text();
  into["subnet_cidr"] = vip.subnet.text();
  into["gateway"] = vip.gateway ? json::value(vip.gateway->text()) : json::value(nullptr);
  if (vip.hairpin_address) into["hairpin_address"] = vip.hairpin_address->text();
  into["host_routes"] = host_routes(vip);
}

json::array interfaces(const LoadBalancer& lb) {
  json::array nodes;
  for (const auto& one : lb.nodes) {
    json::object node{{"node_id", one.node.text()}, {"mac_address", one.mac.text()}};
    node["vrrp_ip"] = one.vrrp_ip ? json::value(one.vrrp_ip->text()) : json::value(nullptr);
    node["vlan"] = one.vlan ? json::value(*one.vlan) : json::value(nullptr);
    nodes.push_back(std::move(node));
  }
  return nodes;
}

json::array missing_interfaces(const LoadBalancer& lb, std::span<const NodeId> members) {
  json::array missing;
  for (const auto& node : members) {
    if (lb.interface_of(node) == nullptr) missing.push_back(json::value(node.text()));
  }
  return missing;
}

const BucketCounters* counters_of(const Counters* counters, std::uint32_t position) {
  if (counters == nullptr || !*counters) return nullptr;
  const auto found = std::find_if((*counters)->begin(), (*counters)->end(),
                                  [&](const BucketCounters& one) { return one.position.value == position; });
  return found == (*counters)->end() ? nullptr : &*found;
}

json::array amphorae(const LoadBalancer& lb, const Counters* counters) {
  json::array list;
  for (std::uint32_t position = 0; position < lb.slots.size(); ++position) {
    const auto& occupant = lb.slots[position].occupant;
    if (!occupant) continue;
    json::object one{{"mac_address", occupant->mac.text()},
                     {"position", position},
                     {"amphora_id", text_or_null(occupant->amphora_id)},
                     {"role", "active"}};
    if (const auto* bucket = counters_of(counters, position)) {
      one["packets"] = bucket->packets;
      one["bytes"] = bucket->bytes;
    }
    list.push_back(std::move(one));
  }
  return list;
}

json::array spares(const LoadBalancer& lb) {
  json::array list;
  for (const auto& spare : lb.spares) {
    list.push_back(json::object{{"mac_address", spare.mac.text()},
                                {"position", nullptr},
                                {"amphora_id", text_or_null(spare.amphora_id)},
                                {"role", "standby"}});
  }
  return list;
}

json::array vacant_positions(const LoadBalancer& lb) {
  json::array list;
  const auto size = std::max<std::size_t>(lb.slots.size(), lb.cluster_size.value_or(0));
  for (std::size_t position = 0; position < size; ++position) {
    if (position >= lb.slots.size() || !lb.slots[position].occupant) list.push_back(position);
  }
  return list;
}

std::string_view affinity_name(Affinity affinity) {
  return affinity == Affinity::source_ip ? "Source_IP" : "Source_IP_AND_port";
}

json::object complete(const LoadBalancer& lb, std::span<const NodeId> members, const Counters* counters) {
  json::object object{{"lb_id", lb.id.text()}};
  if (!lb.vips.empty()) put_vip(object, lb.vips.front());
  json::array additional;
  for (std::size_t i = 1; i < lb.vips.size(); ++i) {
    json::object vip;
    put_vip(vip, lb.vips[i]);
    additional.push_back(std::move(vip));
  }
  object["additional_vips"] = std::move(additional);
  object["nodes"] = interfaces(lb);
  object["nodes_missing_interface"] = missing_interfaces(lb, members);
  const auto affinity = affinity_name(lb.affinity);
  json::object extras{{"algorithm", "hash"}, {"affinity", affinity}};
  if (lb.hash_classes_max) extras["hash_classes_max"] = *lb.hash_classes_max;
  object["alg_extras"] = std::move(extras);
  object["affinity"] = affinity;
  object["forwarding_mode"] = lb.mode == ForwardingMode::direct_return ? "direct_return" : "hairpin";
  object["hash_seed"] = hex64(lb.hash_seed);
  object["cluster_size"] = lb.cluster_size ? json::value(*lb.cluster_size) : json::value(nullptr);
  object["mtu"] = lb.mtu ? json::value(*lb.mtu) : json::value(nullptr);
  object["amphorae"] = amphorae(lb, counters);
  object["spares"] = spares(lb);
  object["vacant_positions"] = vacant_positions(lb);
  return object;
}

void put_totals(json::object& object, const Counters& counters) {
  if (!counters) {
    object["counters_missing"] = details_of(counters.error());
    return;
  }
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  for (const auto& one : *counters) {
    packets += one.packets;
    bytes += one.bytes;
  }
  object["packets"] = packets;
  object["bytes"] = bytes;
}

std::string_view protocol_name(IpProtocol protocol) {
  switch (protocol) {
    case IpProtocol::icmp:
      return "icmp";
    case IpProtocol::tcp:
      return "tcp";
    case IpProtocol::udp:
      return "udp";
    case IpProtocol::icmp6:
      return "icmp6";
    case IpProtocol::sctp:
      return "sctp";
  }
  return "unknown";
}

}  // namespace

std::string render_change(const LoadBalancerId& lb, const ChangeOutcome& outcome, std::span<const NodeId> members) {
  json::object object;
  if (outcome.after) {
    object = complete(*outcome.after, members, nullptr);
  } else {
    object = json::object{{"lb_id", lb.text()}, {"amphorae", json::array{}}, {"spares", json::array{}}};
  }
  object["changed"] = outcome.changed;
  object["durability"] = outcome.durability == Durability::pair ? "pair" : "local";
  object["programmed"] = detail::names_of(outcome.programmed);
  return json::serialize(object);
}

std::string render_status(const LoadBalancer& lb, const Counters& counters, std::span<const NodeId> members,
                          const std::string& stale) {
  json::object object = complete(lb, members, &counters);
  put_totals(object, counters);
  object["stale"] = text_or_null(stale);
  return json::serialize(object);
}

std::string render_list(const Registry& registry, const std::optional<LoadBalancerId>& after,
                        std::span<const NodeId> members, const std::string& stale) {
  std::string text = R"({"loadbalancers":[)";
  auto next = after ? registry.all().upper_bound(*after) : registry.all().begin();
  const LoadBalancerId* last = nullptr;
  for (; next != registry.all().end() && text.size() < kListBytesMax; ++next) {
    if (last != nullptr) text += ',';
    text += json::serialize(complete(*next->second, members, nullptr));
    last = &next->first;
  }
  const bool more = next != registry.all().end() && last != nullptr;
  text += R"(],"total":)" + std::to_string(registry.size()) + R"(,"next":)";
  text += more ? '"' + last->text() + '"' : std::string("null");
  text += R"(,"stale":)" + json::serialize(text_or_null(stale)) + '}';
  return text;
}

std::string render_where(const LoadBalancer& lb, const ClientFlow& flow, const std::optional<Position>& position,
                         const std::string& stale) {
  json::object object{{"lb_id", lb.id.text()},
                      {"client", flow.client.text()},
                      {"port", flow.port},
                      {"protocol", protocol_name(flow.protocol)},
                      {"affinity", affinity_name(lb.affinity)},
                      {"position", nullptr},
                      {"mac_address", nullptr},
                      {"amphora_id", nullptr},
                      {"stale", text_or_null(stale)}};
  if (position && position->value < lb.slots.size() && lb.slots[position->value].occupant) {
    const auto& occupant = *lb.slots[position->value].occupant;
    object["position"] = position->value;
    object["mac_address"] = occupant.mac.text();
    object["amphora_id"] = text_or_null(occupant.amphora_id);
  } else {
    const bool has_family = std::any_of(lb.vips.begin(), lb.vips.end(),
                                        [&](const Vip& vip) { return vip.address.family() == flow.client.family(); });
    object["reason"] = has_family ? "every position is vacant" : "no VIP is of the client's address family";
  }
  return json::serialize(object);
}

}  // namespace distributor::api
