// PLUG, first half (P3): what can be refused without knowing what stands.
#include <algorithm>

#include "sync/registry/detail/rules.hpp"
#include "sync/registry/limits.hpp"

namespace distributor::detail {
namespace {

constexpr std::uint16_t kVlanMin = 1;
constexpr std::uint16_t kVlanMax = 4094;

// Body fields of the first VIP stand at the top, those of the others in the list.
std::string vip_field(std::size_t index, const char* name) {
  if (index == 0) return name;
  const char* in_list = std::string_view(name) == "vip_address" ? "ip_address" : name;
  return "additional_vips[" + std::to_string(index - 1) + "]." + in_list;
}

std::string node_field(std::size_t index, const char* name) {
  return "nodes[" + std::to_string(index) + "]." + name;
}

IpAddress last_of(const IpPrefix& subnet) {
  auto bytes = subnet.network.v4_bytes();
  for (std::size_t bit = subnet.length; bit < 32; ++bit) {
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | (0x80U >> (bit % 8)));
  }
  return IpAddress::v4(bytes);
}

// Why this cannot be the address of a host in that subnet; empty if it can. `router`: the IPv6 subnet-router anycast
// address (RFC 4291 2.6.1), which is the network address, is one too.
std::string host_problem(const IpAddress& address, const IpPrefix& subnet, bool router) {
  if (address.is_unspecified()) return "is the unspecified address";
  if (address.is_multicast()) return "is a multicast address";
  if (address.is_loopback()) return "is a loopback address";
  if (address.is_limited_broadcast()) return "is the broadcast address";
  if (!subnet.contains(address)) return "is outside of the subnet " + subnet.text();
  const bool has_network_address =
      subnet.length + 1U < address.size() * 8;  // RFC 3021, RFC 6164: not with one host bit
  if (!has_network_address) return {};
  if (address == subnet.network && (address.is_v4() || !router)) return "is the network address of " + subnet.text();
  if (address.is_v4() && address == last_of(subnet)) return "is the broadcast address of " + subnet.text();
  return {};
}

bool well_formed(const IpPrefix& prefix) {
  return prefix.length <= prefix.network.size() * 8 && IpPrefix::parse(prefix.text()).value_or(IpPrefix{}) == prefix;
}

bool is_vip(const PlugCommand& command, const IpAddress& address) {
  return std::any_of(command.vips.begin(), command.vips.end(), [&](const Vip& vip) { return vip.address == address; });
}

Verdict check_host_routes(const PlugCommand& command, std::size_t index) {
  const auto& vip = command.vips[index];
  const auto field = vip_field(index, "host_routes");
  if (vip.host_routes.size() > limits::kHostRoutesMax) {
    return invalid(field,
                   std::to_string(vip.host_routes.size()) + " host routes, at most " +
                       std::to_string(limits::kHostRoutesMax) + " are possible",
                   "send fewer routes");
  }
  for (std::size_t i = 0; i < vip.host_routes.size(); ++i) {
    const auto& route = vip.host_routes[i];
    const auto place = field + "[" + std::to_string(i) + "]";
    if (!well_formed(route.destination) || route.destination.network.family() != vip.subnet.network.family()) {
      return invalid(place + ".destination", route.destination.text() + " is not a prefix of the VIP's address family",
                     "send destination and nexthop in the family of subnet_cidr");
    }
    if (const auto problem = host_problem(route.next_hop, vip.subnet, true); !problem.empty()) {
      return invalid(place + ".nexthop", route.next_hop.text() + " " + problem,
                     "send a next hop inside the VIP's subnet");
    }
    if (is_vip(command, route.next_hop)) {
      return invalid(place + ".nexthop", route.next_hop.text() + " is a VIP", "send the address of a router");
    }
    for (std::size_t before = 0; before < i; ++before) {
      if (vip.host_routes[before].destination == route.destination) {
        return invalid(place + ".destination", route.destination.text() + " is there twice",
                       "send each destination once");
      }
    }
  }
  return {};
}

// The amphorae send their replies to hairpin_address, and from there they go on to the gateway: both must be there.
Verdict check_hairpin(const PlugCommand& command, std::size_t index) {
  const auto& vip = command.vips[index];
  const auto field = vip_field(index, "hairpin_address");
  if (command.mode != ForwardingMode::hairpin) {
    if (!vip.hairpin_address) return {};
    return invalid(field, "there is a hairpin_address, and forwarding_mode is not hairpin",
                   "leave it out, or send forwarding_mode hairpin");
  }
  if (!vip.hairpin_address) {
    return invalid(field, "forwarding_mode is hairpin, and hairpin_address is not there",
                   "send a free address of the VIP's subnet, to which the amphorae send their replies");
  }
  if (!vip.gateway) {
    return invalid(vip_field(index, "gateway"), "forwarding_mode is hairpin, and the gateway is not there",
                   "send the subnet's router, to which replies go");
  }
  const auto& address = *vip.hairpin_address;
  if (const auto problem = host_problem(address, vip.subnet, true); !problem.empty()) {
    return invalid(field, address.text() + " " + problem, "send a free host address inside the VIP's subnet");
  }
  if (address == *vip.gateway || is_vip(command, address)) {
    return invalid(field, address.text() + " is a VIP or the gateway", "send an address of the pair's own");
  }
  for (std::size_t before = 0; before < index; ++before) {
    if (command.vips[before].hairpin_address == address) {
      return invalid(field, address.text() + " is there twice", "send an address of its own for each VIP");
    }
  }
  return {};
}

Verdict check_vip(const PlugCommand& command, std::size_t index) {
  const auto& vip = command.vips[index];
  if (!well_formed(vip.subnet) || vip.subnet.length == 0) {
    return invalid(vip_field(index, "subnet_cidr"), vip.subnet.text() + " is not a subnet",
                   "send the VIP's subnet, as 192.0.2.0/24");
  }
  if (const auto problem = host_problem(vip.address, vip.subnet, false); !problem.empty()) {
    return invalid(vip_field(index, "vip_address"), vip.address.text() + " " + problem,
                   "send a host address inside the subnet");
  }
  for (std::size_t before = 0; before < index; ++before) {
    if (command.vips[before].address == vip.address) {
      return invalid(vip_field(index, "vip_address"), vip.address.text() + " is there twice", "send each VIP once");
    }
  }
  if (vip.gateway) {
    if (const auto problem = host_problem(*vip.gateway, vip.subnet, true); !problem.empty()) {
      return invalid(vip_field(index, "gateway"), vip.gateway->text() + " " + problem, "send the subnet's router");
    }
    if (is_vip(command, *vip.gateway)) {
      return invalid(vip_field(index, "gateway"), vip.gateway->text() + " is a VIP", "send the subnet's router");
    }
  }
  if (auto problem = check_hairpin(command, index)) return problem;
  return check_host_routes(command, index);
}

Verdict check_vrrp_ip(const PlugCommand& command, std::size_t index) {
  const auto& address = *command.nodes[index].vrrp_ip;
  const auto field = node_field(index, "vrrp_ip");
  const char* fix = "send the address of this node's port on the VIP network";
  std::string problem = "is outside of every VIP subnet";
  for (const auto& vip : command.vips) {
    if (vip.subnet.contains(address)) problem = host_problem(address, vip.subnet, false);
    if (problem.empty()) break;
  }
  if (!problem.empty()) return invalid(field, address.text() + " " + problem, fix);
  if (is_vip(command, address)) return invalid(field, address.text() + " is a VIP", fix);
  for (const auto& vip : command.vips) {
    if (vip.gateway == address) return invalid(field, address.text() + " is a gateway", fix);
    if (vip.hairpin_address == address) return invalid(field, address.text() + " is a hairpin_address", fix);
  }
  return {};
}

Verdict check_node(const PlugCommand& command, std::size_t index) {
  const auto& node = command.nodes[index];
  if (node.node.text().empty()) return invalid(node_field(index, "node_id"), "the node id is empty", "name the node");
  if (node.mac.is_multicast() || node.mac.is_zero()) {
    return invalid(node_field(index, "mac_address"), node.mac.text() + " is not the MAC address of an interface",
                   "send the unicast MAC address of this node's port on the VIP network");
  }
  if (node.vlan && (*node.vlan < kVlanMin || *node.vlan > kVlanMax)) {
    return invalid(node_field(index, "vlan"), std::to_string(*node.vlan) + " is not a VLAN id",
                   "send 1..4094, or none");
  }
  for (std::size_t before = 0; before < index; ++before) {
    const auto& other = command.nodes[before];
    if (other.node == node.node) {
      return invalid(node_field(index, "node_id"), node.node.text() + " is there twice", "send each node once");
    }
    if (other.mac == node.mac) {
      return invalid(node_field(index, "mac_address"), node.mac.text() + " is there twice",
                     "send each node's own MAC address");
    }
    if (node.vrrp_ip && other.vrrp_ip == node.vrrp_ip) {
      return invalid(node_field(index, "vrrp_ip"), node.vrrp_ip->text() + " is there twice",
                     "send each node's own address");
    }
  }
  return node.vrrp_ip ? check_vrrp_ip(command, index) : Verdict{};
}

Verdict check_scalars(const PlugCommand& command) {
  if (command.affinity != Affinity::source_ip && command.affinity != Affinity::source_ip_and_port) {
    return invalid("alg_extras", "unknown affinity", "send Source_IP or Source_IP_AND_port");
  }
  if (command.mode != ForwardingMode::direct_return && command.mode != ForwardingMode::hairpin) {
    return invalid("forwarding_mode", "unknown forwarding mode", "send direct_return or hairpin");
  }
  if (command.hash_classes_max && (*command.hash_classes_max < limits::kHashClassesMin ||
                                   *command.hash_classes_max > limits::kHashClassesMax)) {
    return invalid("alg_extras", "hash_classes_max is " + std::to_string(*command.hash_classes_max),
                   "send " + std::to_string(limits::kHashClassesMin) + ".." + std::to_string(limits::kHashClassesMax) +
                       ", or none");
  }
  if (command.cluster_size && (*command.cluster_size < 1 || *command.cluster_size > limits::kSlotsMax)) {
    return invalid("cluster_size", std::to_string(*command.cluster_size) + " amphorae",
                   "send 1.." + std::to_string(limits::kSlotsMax) + ", or none");
  }
  if (command.mtu && (*command.mtu < limits::kMtuMin || *command.mtu > limits::kMtuMax)) {
    return invalid("mtu", std::to_string(*command.mtu) + " bytes",
                   "send " + std::to_string(limits::kMtuMin) + ".." + std::to_string(limits::kMtuMax) + ", or none");
  }
  return {};
}

}  // namespace

Verdict check_plug_shape(const PlugCommand& command) {
  if (command.vips.empty()) return invalid("vip_address", "no VIP", "send at least one VIP");
  if (command.vips.size() > limits::kVipsPerLoadBalancerMax) {
    return invalid("additional_vips", std::to_string(command.vips.size()) + " VIPs",
                   "send at most " + std::to_string(limits::kVipsPerLoadBalancerMax));
  }
  for (std::size_t i = 0; i < command.vips.size(); ++i) {
    if (auto refused = check_vip(command, i)) return refused;
  }
  if (command.nodes.empty() || command.nodes.size() > limits::kNodesPerLoadBalancerMax) {
    return invalid("nodes", std::to_string(command.nodes.size()) + " node interfaces", "send one or two");
  }
  for (std::size_t i = 0; i < command.nodes.size(); ++i) {
    if (auto refused = check_node(command, i)) return refused;
  }
  return check_scalars(command);
}

}  // namespace distributor::detail
