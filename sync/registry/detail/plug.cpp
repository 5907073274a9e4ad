// PLUG, second half (P3): against what stands. The same load balancer again is no change; a rebuilt node brings a new
// MAC.
#include <algorithm>

#include "sync/registry/detail/rules.hpp"
#include "sync/registry/limits.hpp"

namespace distributor::detail {
namespace {

// One order for what has none, so that the same request in another order is the same state.
std::vector<Vip> canonical(std::vector<Vip> vips) {
  for (auto& vip : vips) std::sort(vip.host_routes.begin(), vip.host_routes.end());
  std::sort(vips.begin() + 1, vips.end());
  return vips;
}

Verdict differs(const char* field, const LoadBalancer& lb) {
  return conflict(field, std::string(field) + " differs from what load balancer " + lb.id.text() + " was plugged with",
                  "send the same value, or UNPLUG the load balancer first");
}

Verdict compare(const PlugCommand& command, const LoadBalancer& before) {
  const auto vips = canonical(command.vips);
  const auto& first = vips.front();
  const auto& stored = before.vips.front();
  if (first.address != stored.address) return differs("vip_address", before);
  if (first.subnet != stored.subnet) return differs("subnet_cidr", before);
  if (first.gateway != stored.gateway) return differs("gateway", before);
  if (first.hairpin_address != stored.hairpin_address) return differs("hairpin_address", before);
  if (first.host_routes != stored.host_routes) return differs("host_routes", before);
  if (vips != before.vips) return differs("additional_vips", before);
  if (command.affinity != before.affinity || command.hash_classes_max != before.hash_classes_max) {
    return differs("alg_extras", before);
  }
  if (command.mode != before.mode) return differs("forwarding_mode", before);
  if (before.cluster_size && !command.cluster_size) return differs("cluster_size", before);
  if (command.mtu != before.mtu) return differs("mtu", before);
  if (command.hash_seed && *command.hash_seed != before.hash_seed) return differs("hash_seed", before);
  return {};
}

LoadBalancer fresh(const PlugCommand& command, const Registry::Map& others) {
  std::vector<bool> used(others.size() + 2);
  for (const auto& [id, other] : others) {
    if (other->ordinal < used.size()) used[other->ordinal] = true;
  }
  LoadBalancer lb;
  lb.id = command.lb;
  lb.ordinal = 1;
  while (used[lb.ordinal]) ++lb.ordinal;  // ends: more places than load balancers
  lb.vips = canonical(command.vips);
  lb.affinity = command.affinity;
  lb.hash_classes_max = command.hash_classes_max;
  lb.mode = command.mode;
  lb.hash_seed = command.hash_seed.value_or(command.fresh_hash_seed);
  lb.cluster_size = command.cluster_size;
  lb.mtu = command.mtu;
  return lb;
}

// The nodes of the command over those that stand.
std::vector<NodeInterface> merged(const PlugCommand& command, std::vector<NodeInterface> nodes) {
  for (const auto& node : command.nodes) {
    const auto same = [&](const NodeInterface& other) { return other.node == node.node; };
    const auto found = std::find_if(nodes.begin(), nodes.end(), same);
    if (found != nodes.end()) {
      *found = node;
    } else {
      nodes.push_back(node);
    }
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

// Growing and shrinking (F7): no position changes. What would be cut off must have been vacated before.
Verdict check_size(const LoadBalancer& after) {
  if (!after.cluster_size || after.slots.size() <= *after.cluster_size) return {};
  const auto last = std::to_string(after.slots.size() - 1);
  return conflict("cluster_size", "position " + last + " is occupied, and a cluster of " + std::to_string(*after.cluster_size) + " ends before it",
                  "send " + std::to_string(after.slots.size()) + " or more, or UNREGISTER the amphora at position " + last + " first");
}

Verdict check_within(const PlugCommand& command, const LoadBalancer& after) {
  if (after.nodes.size() > limits::kNodesPerLoadBalancerMax) {
    return error_of(RegistryErrorCode::limit, "nodes", "the load balancer already has interfaces on two other nodes",
                    "give the rebuilt node the node id that it had, or UNPLUG first");
  }
  for (std::size_t i = 0; i < command.nodes.size(); ++i) {
    const auto& node = command.nodes[i];
    const auto place = "nodes[" + std::to_string(i) + "].";
    for (const auto& other : after.nodes) {
      if (other.node == node.node) continue;
      if (other.mac == node.mac) {
        return conflict(place + "mac_address", node.mac.text() + " is the interface of node " + other.node.text(),
                        "send this node's own MAC address");
      }
      if (node.vrrp_ip && other.vrrp_ip == node.vrrp_ip) {
        return conflict(place + "vrrp_ip", node.vrrp_ip->text() + " is the address of node " + other.node.text(),
                        "send this node's own address");
      }
    }
    if (slot_of(after, node.mac) || spare_index_of(after, node.mac)) {
      return conflict(place + "mac_address", node.mac.text() + " is registered as an amphora of this load balancer",
                      "send this node's own MAC address, or UNREGISTER the amphora");
    }
  }
  return {};
}

// Two load balancers on one interface could not be told apart by their in_port (D8).
Verdict check_across(const PlugCommand& command, const Registry::Map& others) {
  for (const auto& [id, other] : others) {
    if (id == command.lb) continue;
    for (std::size_t i = 0; i < command.nodes.size(); ++i) {
      const auto& node = command.nodes[i];
      for (const auto& taken : other->nodes) {
        if (taken.mac != node.mac || taken.node != node.node || taken.vlan != node.vlan) continue;
        const auto vlan = node.vlan ? " VLAN " + std::to_string(*node.vlan) : std::string();
        return conflict(
            "nodes[" + std::to_string(i) + "].mac_address",
            node.mac.text() + vlan + " on node " + node.node.text() + " is the interface of load balancer " + id.text(),
            "plug another interface, or UNPLUG that load balancer first");
      }
    }
  }
  return {};
}

}  // namespace

Change plug(const PlugCommand& command, const LoadBalancer* before, const Registry::Map& others) {
  if (auto refused = check_plug_shape(command)) return tl::unexpected(*std::move(refused));
  if (before != nullptr) {
    if (auto refused = compare(command, *before)) return tl::unexpected(*std::move(refused));
  } else if (others.size() >= limits::kLoadBalancersMax) {
    return tl::unexpected(
        error_of(RegistryErrorCode::limit, "lb_id",
                 std::to_string(others.size()) + " load balancers are plugged, there is no room for more",
                 "UNPLUG one, or use a further pair"));
  }
  LoadBalancer after = before != nullptr ? *before : fresh(command, others);
  after.nodes = merged(command, std::move(after.nodes));
  after.cluster_size = command.cluster_size;
  if (before != nullptr && after == *before) return std::nullopt;
  if (auto refused = check_size(after)) return tl::unexpected(*std::move(refused));
  if (auto refused = check_within(command, after)) return tl::unexpected(*std::move(refused));
  if (auto refused = check_across(command, others)) return tl::unexpected(*std::move(refused));
  return after;
}

}  // namespace distributor::detail
