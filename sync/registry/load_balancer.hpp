// What is configured for one load balancer (DESIGN: The registry). Plain values; the rules are in registry.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sync/registry/types.hpp"

namespace distributor {

enum class Affinity : std::uint8_t { source_ip = 1, source_ip_and_port = 2 };  // P8
enum class ForwardingMode : std::uint8_t { direct_return = 1, hairpin = 2 };   // D13

struct HostRoute {
  IpPrefix destination;
  IpAddress next_hop;
  friend auto operator<=>(const HostRoute&, const HostRoute&) = default;
};

struct Vip {
  IpAddress address;
  IpPrefix subnet;  // contains address
  std::optional<IpAddress> gateway;
  std::vector<HostRoute> host_routes;  // sorted once in the registry
  // Hairpin mode only, and then always (with a gateway): the pair's own address in the subnet, to which the amphorae
  // send their replies (D13).
  std::optional<IpAddress> hairpin_address = std::nullopt;
  friend auto operator<=>(const Vip&, const Vip&) = default;
};

// The interface of one node on the VIP network: each node has its own MAC, and maybe its own address (H10).
struct NodeInterface {
  NodeId node;
  MacAddress mac;
  std::optional<IpAddress> vrrp_ip;
  std::optional<std::uint16_t> vlan;  // 1..4094: a VLAN of a trunk port whose MAC this is
  friend auto operator<=>(const NodeInterface&, const NodeInterface&) = default;
};

struct Amphora {
  MacAddress mac;
  std::string amphora_id;  // empty if Octavia did not say
  friend auto operator<=>(const Amphora&, const Amphora&) = default;
};

// One position. Vacant: no bucket. `previous` is the MAC that a REPLACE took out, so that its replay is recognised; it
// goes when the slot is vacated, so a vacant slot has none.
struct Slot {
  std::optional<Amphora> occupant;
  std::optional<MacAddress> previous;
  friend auto operator<=>(const Slot&, const Slot&) = default;
};

struct LoadBalancer {
  LoadBalancerId id;
  // 1..kLoadBalancersMax, unique, kept for life; names the OpenFlow groups on both nodes alike. A new one gets the
  // lowest free.
  std::uint32_t ordinal = 0;
  std::vector<Vip> vips;             // the first is vip_address; at least one; the others are sorted
  std::vector<NodeInterface> nodes;  // sorted by node
  Affinity affinity = Affinity::source_ip;
  ForwardingMode mode = ForwardingMode::direct_return;
  std::uint64_t hash_seed = 0;
  // Upper bound of the classes that clients are hashed into, for each address family and protocol (A7): 16..65,536.
  // Absent: every client address is a class of its own.
  std::optional<std::uint32_t> hash_classes_max;
  std::optional<std::uint32_t> cluster_size;  // if given, positions are 0..cluster_size-1
  std::optional<std::uint16_t> mtu;
  // Index = position; reaches to the highest occupied position and no further, whatever cluster_size says: equal states
  // are equal values. A position behind the end is vacant.
  std::vector<Slot> slots;
  std::vector<Amphora> spares;  // in order of arrival

  const NodeInterface* interface_of(const NodeId& node) const {
    for (const auto& candidate : nodes) {
      if (candidate.node == node) return &candidate;
    }
    return nullptr;
  }
  friend auto operator<=>(const LoadBalancer&, const LoadBalancer&) = default;
};

}  // namespace distributor
