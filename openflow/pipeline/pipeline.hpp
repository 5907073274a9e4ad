// From one load balancer and its port to OpenFlow rules (D1-D8, D12, H10, O1, O2). Pure: equal input, equal output, so
// both nodes choose alike, and the programmer can compare. docs/pipeline.md draws the tables.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "openflow/pipeline/port_binding.hpp"
#include "openflow/placement/placement.hpp"
#include "openflow/wire/meter.hpp"
#include "openflow/wire/rule.hpp"
#include "sync/registry/load_balancer.hpp"

namespace distributor::pipeline {

// Tables. 0 matches only in_port (VLAN), MACs, type and destination: one more field there would make every datapath
// flow exact on it. What must look closer is behind a resubmit that ARP and ND alone reach.
inline constexpr std::uint8_t kTableForward = 0;
inline constexpr std::uint8_t kTableGate = 5;          // one rule: the ARP/ND gate
inline constexpr std::uint8_t kTableResponders = 10;   // answers for one VIP on one port
inline constexpr std::uint8_t kTableNdLinkLayer = 11;  // the second half of an ND answer
inline constexpr std::uint8_t kTableFromNode = 20;     // what a node's own vrrp_ip sends (H10)
inline constexpr std::uint8_t kTableHairpin = 30;      // what the amphorae send back through here (D13)

inline constexpr std::uint16_t kGatePriority = 100;

// Changed whenever the same registry yields other rules than the release before: stale rules are recognised by it.
inline constexpr std::uint8_t kLayoutGeneration = 2;

// Cookie: magic (24 bits) | layout generation (8 bits) | ordinal + 1 (32 bits; 0 = shared rules).
inline constexpr std::uint64_t kCookieMagic = 0xd157b0;
std::uint64_t cookie_of(std::uint32_t ordinal);
std::uint64_t base_cookie();
bool is_our_cookie(std::uint64_t cookie);                              // of any generation
std::optional<std::uint32_t> ordinal_of_cookie(std::uint64_t cookie);  // absent: shared or foreign

// Room for 16 groups per load balancer.
enum class GroupRole : std::uint8_t { select = 1, flood = 2, fragments = 3, drain_new = 4 };
std::uint32_t group_id_of(std::uint32_t ordinal, GroupRole role);
std::optional<std::uint32_t> ordinal_of_group(std::uint32_t group_id);

// Load balancers share the meters evenly by their ordinals, so that one that is flooded starves few others.
inline constexpr std::uint32_t kMetersOfAKind = 64;
inline constexpr std::uint32_t kFloodedPerSecond = 1000;       // ICMP errors, each copied to every amphora (D9)
inline constexpr std::uint32_t kSolicitationsPerSecond = 500;  // to the controller, where it answers (D3)
std::vector<wire::Meter> meters();                             // what must stand where Options::meters is set

// A group that no rule uses: Open vSwitch is asked what it would choose in it (openflow/fingerprint).
inline constexpr std::uint32_t kFingerprintGroup = 8;  // below the groups of the first ordinal
inline constexpr std::array<std::uint32_t, 4> kFingerprintBuckets = {1, 2, 3, 4};
placement::Selection fingerprint_selection();

struct Options {
  bool nd_by_rules =
      true;  // false: the datapath cannot write ND fields (kernel); solicitations go to the controller behind the gate
  // The datapath has meters(). False: ICMP errors are not flooded but go where their source address maps to, since
  // nothing would bound the copies.
  bool meters = true;
  const placement::Placement* algorithm = nullptr;  // null: RendezvousHash
  // Hairpin mode: MAC addresses of the gateways, as far as they are known. Replies for one that is not are dropped.
  std::map<IpAddress, MacAddress> gateways;
};

using Rules = wire::Rules;

// All rules of one load balancer on this node. Without a binding it has none: do not call.
Rules render(const LoadBalancer& lb, const PortBinding& binding, const Options& options);

// What exists once per bridge: the gate rule and the drops at the end of each table.
Rules render_base(bool gate_open);
wire::FlowRule gate_rule(bool open);  // the one rule that a takeover changes (H4)

// Positions in the order of the select group's buckets: to name bucket counters (P9).
std::vector<Position> bucket_positions(const LoadBalancer& lb);

}  // namespace distributor::pipeline
