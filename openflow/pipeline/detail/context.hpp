// What every part of the rendering shares: where a frame of this load balancer comes in, and where rules go.
#pragma once

#include <utility>

#include "openflow/pipeline/pipeline.hpp"

namespace distributor::pipeline::detail {

struct Context {
  const LoadBalancer& lb;
  const PortBinding& binding;
  const Options& options;
  Rules& rules;

  // Frames of this load balancer's interface: port and VLAN. An interface without VLAN takes untagged frames only (D8).
  wire::Match from_interface() const {
    wire::Match match;
    match.in_port(binding.ofport);
    if (binding.vlan) {
      match.vlan_vid(*binding.vlan);
    } else {
      match.vlan_absent();
    }
    return match;
  }

  void flow(std::uint8_t table, std::uint16_t priority, wire::Match match, wire::Actions actions) const {
    rules.flows.push_back({table, priority, cookie_of(lb.ordinal), std::move(match), std::move(actions)});
  }
};

// ARP and ND for VIPs: table 0 to the gate, and the answers behind it (D2-D4).
void render_responders(const Context& context, const IpAddress& vip);

// Frames between the node's own address on the VIP network and its own interface, nothing else (H10, D8).
void render_node_address(const Context& context, const IpAddress& vrrp_ip, std::uint32_t internal_ofport);

// ICMP errors to every amphora of the cluster (D9); fragments by their source address alone (D10).
void render_icmp_errors(const Context& context, const IpAddress& vip);
void render_fragments(const Context& context, const IpAddress& vip);

// Replies of the amphorae on to the gateway, and what it takes to know the gateway's MAC (D13).
void render_hairpin(const Context& context);

// The amphorae in the order of their positions.
std::vector<MacAddress> amphorae_of(const LoadBalancer& lb);

// Solicitations: everything that is matched in table 0 and again behind the gate.
wire::Match arp_request_for(wire::Match from, const IpAddress& target);
wire::Match solicitation_for(wire::Match from, const IpAddress& target);

// Priorities of table 0. Higher is looked at first.
inline constexpr std::uint16_t kPrioritySolicitation = 300;  // ARP requests and neighbour solicitations
inline constexpr std::uint16_t kPriorityLoop = 200;
inline constexpr std::uint16_t kPriorityIcmpError = 150;
inline constexpr std::uint16_t kPriorityFragment = 140;
inline constexpr std::uint16_t kPriorityForward = 100;
inline constexpr std::uint16_t kPriorityHairpin = 90;

// Meter ids.
inline constexpr std::uint32_t kFirstFloodMeter = 1;
inline constexpr std::uint32_t kFirstSolicitationMeter = kFirstFloodMeter + kMetersOfAKind;
inline std::uint32_t meter_of(std::uint32_t first, const LoadBalancer& lb) {
  return first + lb.ordinal % kMetersOfAKind;
}

}  // namespace distributor::pipeline::detail
