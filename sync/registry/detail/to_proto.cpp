#include "sync/registry/detail/to_proto.hpp"

namespace distributor::detail {
namespace {

std::string text_of(const MacAddress& mac) {
  return {mac.bytes().begin(), mac.bytes().end()};
}

std::string text_of(const IpAddress& address) {
  return {address.bytes().begin(), address.bytes().begin() + static_cast<std::ptrdiff_t>(address.size())};
}

void write(const Vip& vip, proto::Vip& out) {
  out.set_address(text_of(vip.address));
  out.set_subnet(text_of(vip.subnet.network));
  out.set_subnet_length(vip.subnet.length);
  if (vip.gateway) out.set_gateway(text_of(*vip.gateway));
  if (vip.hairpin_address) out.set_hairpin_address(text_of(*vip.hairpin_address));
  for (const auto& route : vip.host_routes) {
    auto& to = *out.add_host_routes();
    to.set_destination(text_of(route.destination.network));
    to.set_destination_length(route.destination.length);
    to.set_next_hop(text_of(route.next_hop));
  }
}

void write(const NodeInterface& node, proto::NodeInterface& out) {
  out.set_node(node.node.text());
  out.set_mac(text_of(node.mac));
  if (node.vrrp_ip) out.set_vrrp_ip(text_of(*node.vrrp_ip));
  if (node.vlan) out.set_vlan(*node.vlan);
}

void write(const Amphora& amphora, proto::Amphora& out) {
  out.set_mac(text_of(amphora.mac));
  out.set_amphora_id(amphora.amphora_id);
}

// What a PLUG and a load balancer have in common.
template <typename From, typename To>
void write_common(const From& from, To& out) {
  for (const auto& vip : from.vips) write(vip, *out.add_vips());
  for (const auto& node : from.nodes) write(node, *out.add_nodes());
  out.set_affinity(static_cast<std::uint32_t>(from.affinity));
  out.set_mode(static_cast<std::uint32_t>(from.mode));
  if (from.hash_classes_max) out.set_hash_classes_max(*from.hash_classes_max);
  if (from.cluster_size) out.set_cluster_size(*from.cluster_size);
  if (from.mtu) out.set_mtu(*from.mtu);
}

void write(const PlugCommand& command, proto::Command& out) {
  auto& plug = *out.mutable_plug();
  plug.set_lb(command.lb.text());
  write_common(command, plug);
  if (command.hash_seed) plug.set_hash_seed(*command.hash_seed);
  plug.set_fresh_hash_seed(command.fresh_hash_seed);
}

void write(const UnplugCommand& command, proto::Command& out) {
  out.mutable_unplug()->set_lb(command.lb.text());
}

void write(const RegisterCommand& command, proto::Command& out) {
  auto& reg = *out.mutable_register_();
  reg.set_lb(command.lb.text());
  for (const auto& item : command.items) {
    auto& to = *reg.add_items();
    write(item.amphora, *to.mutable_amphora());
    if (item.position) to.set_position(item.position->value);
    if (item.role) to.set_role(static_cast<std::uint32_t>(*item.role));
  }
}

void write(const UnregisterCommand& command, proto::Command& out) {
  auto& unreg = *out.mutable_unregister();
  unreg.set_lb(command.lb.text());
  for (const auto& mac : command.macs) unreg.add_macs(text_of(mac));
}

void write(const ReplaceCommand& command, proto::Command& out) {
  auto& replace = *out.mutable_replace();
  replace.set_lb(command.lb.text());
  replace.set_failed(text_of(command.failed));
  if (command.standby) replace.set_standby(text_of(*command.standby));
}

}  // namespace

proto::Command to_proto(const Command& command) {
  proto::Command out;
  std::visit([&](const auto& one) { write(one, out); }, command);
  return out;
}

proto::LoadBalancer to_proto(const LoadBalancer& lb) {
  proto::LoadBalancer out;
  out.set_id(lb.id.text());
  out.set_ordinal(lb.ordinal);
  write_common(lb, out);
  out.set_hash_seed(lb.hash_seed);
  for (const auto& slot : lb.slots) {
    auto& to = *out.add_slots();
    if (slot.occupant) write(*slot.occupant, *to.mutable_occupant());
    if (slot.previous) to.set_previous(text_of(*slot.previous));
  }
  for (const auto& spare : lb.spares) write(spare, *out.add_spares());
  return out;
}

}  // namespace distributor::detail
