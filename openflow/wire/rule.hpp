// Values of the pipeline: matches, actions, flow rules, buckets and groups. Each is held as the canonical OpenFlow 1.5
// bytes that OVS sends back when it is asked what it has, so that "is it already there?" is a comparison of values
// (O4).
//
// Building something that OpenFlow cannot express (wrong width, IPv4 address into an IPv6 field, contradictory
// prerequisites) is a programming fault: std::logic_error. Nothing here blocks, allocates beyond its value, or knows of
// sockets.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openflow/wire/field.hpp"
#include "sync/registry/types.hpp"

namespace distributor::wire {

inline constexpr std::uint32_t kPortMax = 0xffffff00;
inline constexpr std::uint32_t kPortInPort = 0xfffffff8;
inline constexpr std::uint32_t kPortController = 0xfffffffd;
inline constexpr std::uint32_t kPortLocal = 0xfffffffe;
inline constexpr std::uint32_t kPortAny = 0xffffffff;
inline constexpr std::uint32_t kGroupMax = 0xffffff00;
inline constexpr std::uint32_t kGroupAny = 0xffffffff;
inline constexpr std::uint32_t kGroupAll = 0xfffffffc;
inline constexpr std::uint16_t kControllerMaxLenWhole = 0xffff;  // send the whole frame

inline constexpr std::uint16_t kEthTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kEthTypeArp = 0x0806;
inline constexpr std::uint16_t kEthTypeIpv6 = 0x86dd;
inline constexpr std::uint8_t kIpProtoIcmp = 1;
inline constexpr std::uint8_t kIpProtoTcp = 6;
inline constexpr std::uint8_t kIpProtoUdp = 17;
inline constexpr std::uint8_t kIpProtoIcmpv6 = 58;
inline constexpr std::uint8_t kIpProtoSctp = 132;

// A set of (field, value, mask). Setting a field adds the prerequisites that follow from it alone: arp_* => eth_type
// ARP; ipv4_* and icmpv4_* => eth_type IPv4 (and ip_proto); ipv6_*, icmpv6_*, nd_* => IPv6 (and ip_proto);
// tcp/udp/sctp_* => ip_proto. The family of ip_proto, ports, nw_ttl and ip_frag is said by the caller:
// eth_type(kEthTypeIpv4) or ..Ipv6 first. Fields read back from OVS that this table does not know are kept as they
// came.
class Match {
 public:
  Match() = default;

  Match& in_port(std::uint32_t port);
  Match& eth_dst(const MacAddress& mac);
  Match& eth_src(const MacAddress& mac);
  Match& eth_type(std::uint16_t type);
  Match& vlan_vid(std::uint16_t vid);  // tagged with this VLAN, 0..4095
  Match& vlan_present();               // any VLAN tag
  Match& vlan_absent();                // untagged
  Match& ip_proto(std::uint8_t proto);
  Match& nw_ttl(std::uint8_t ttl);
  Match& ip_frag_any();                     // ip_frag=yes: every fragment
  Match& ip_frag_later();                   // ip_frag=later: not the first
  Match& ip_frag_no();                      // not a fragment
  Match& ip_src(const IpAddress& address);  // IPv4 or IPv6, by its family
  Match& ip_dst(const IpAddress& address);
  Match& ip_src(const IpPrefix& prefix);  // masked; length 0 matches the family only
  Match& ip_dst(const IpPrefix& prefix);
  Match& arp_op(std::uint16_t op);
  Match& arp_spa(const IpAddress& address);
  Match& arp_tpa(const IpAddress& address);
  Match& arp_sha(const MacAddress& mac);
  Match& tcp_src(std::uint16_t port);
  Match& tcp_dst(std::uint16_t port);
  Match& udp_src(std::uint16_t port);
  Match& udp_dst(std::uint16_t port);
  Match& sctp_src(std::uint16_t port);
  Match& sctp_dst(std::uint16_t port);
  Match& icmpv4_type(std::uint8_t type);
  Match& icmpv4_code(std::uint8_t code);
  Match& icmpv6_type(std::uint8_t type);
  Match& icmpv6_code(std::uint8_t code);
  Match& nd_target(const IpAddress& address);  // needs icmpv6_type 135 or 136 and code 0: set by the caller
  Match& nd_sll(const MacAddress& mac);
  Match& nd_tll(const MacAddress& mac);
  Match& nd_options_type(std::uint8_t type);
  Match& nd_reserved(std::uint32_t value);

  // Any field, with an optional mask. Bytes in network order, exactly info(field).bytes long. An all-zero mask removes
  // the field, a full one is no mask, value bits outside the mask are cleared.
  Match& set(Field field, std::span<const std::uint8_t> value, std::span<const std::uint8_t> mask = {});

  // The value of a field that is matched exactly, as a number (fields up to 8 bytes).
  std::optional<std::uint64_t> exact(Field field) const;

  bool empty() const { return oxm_.empty(); }
  const std::string& oxm() const { return oxm_; }  // TLVs in canonical order
  // Takes OXM TLVs in any order; nothing if they are malformed or a field comes twice.
  static std::optional<Match> from_oxm(std::string_view bytes);
  std::string text() const;  // like ovs-ofctl, for logs and errors

  friend auto operator<=>(const Match&, const Match&) = default;
  friend bool operator==(const Match&, const Match&) = default;

 private:
  std::string oxm_;
};

// One action, encoded.
class Action {
 public:
  static Action output(std::uint32_t port);
  static Action in_port();  // back out of the port that the packet came in by (D1, D8)
  static Action controller(std::uint16_t max_len = kControllerMaxLenWhole);
  static Action group(std::uint32_t group_id);
  static Action meter(std::uint32_t meter_id);
  static Action resubmit_table(std::uint8_t table);  // resubmit(,N)
  static Action push_vlan();                         // 802.1Q; set(Field::vlan_vid, ..) follows
  static Action pop_vlan();
  static Action set_vlan_vid(std::uint16_t vid);  // 0..4095
  static Action move(Field from, Field to);       // whole fields of equal width
  static Action set(Field field, const MacAddress& mac);
  static Action set(Field field, const IpAddress& address);
  static Action set(Field field, std::uint64_t value);  // fields of up to 8 bytes; the value must fit
  static Action set_field(Field field, std::span<const std::uint8_t> value);

  const std::string& bytes() const { return bytes_; }
  friend bool operator==(const Action&, const Action&) = default;

 private:
  explicit Action(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

// A list of actions, in order. Empty = drop.
class Actions {
 public:
  Actions() = default;
  Actions(std::initializer_list<Action> list);
  Actions& add(const Action& action);

  bool empty() const { return bytes_.empty(); }
  const std::string& bytes() const { return bytes_; }
  // Nothing if the bytes are not a list of well-formed action headers. Actions that this table does not know are kept.
  static std::optional<Actions> from_bytes(std::string_view bytes);
  std::vector<std::uint32_t> groups() const;  // group ids that these actions use
  std::string text() const;

  friend auto operator<=>(const Actions&, const Actions&) = default;
  friend bool operator==(const Actions&, const Actions&) = default;

 private:
  std::string bytes_;
};

// What names a rule within a bridge (OpenFlow: table, priority, match).
struct FlowKey {
  std::uint8_t table = 0;  // 0..253
  std::uint16_t priority = 0;
  Match match;
  friend auto operator<=>(const FlowKey&, const FlowKey&) = default;
  std::string text() const;
};

// A rule: no timeouts, no flags, its actions in one apply-actions instruction.
struct FlowRule {
  std::uint8_t table = 0;
  std::uint16_t priority = 0;
  std::uint64_t cookie = 0;
  Match match;
  Actions actions;
  FlowKey key() const { return {table, priority, match}; }
  std::string text() const;
  friend auto operator<=>(const FlowRule&, const FlowRule&) = default;
};

struct Bucket {
  std::uint32_t id = 0;      // 0..0xffffff00
  std::uint16_t weight = 1;  // of a select group: 1, or 0 = drained. Other group types have no weight: leave it 1
  Actions actions;
  friend auto operator<=>(const Bucket&, const Bucket&) = default;
};

enum class GroupType : std::uint8_t { all = 0, select = 1, indirect = 2, fast_failover = 3 };

// A field that a select group hashes over. The mask has info(field).bytes bytes and is not all zero.
struct HashField {
  Field field = Field::ipv4_src;
  std::string mask;
  static HashField whole(Field field);
  friend auto operator<=>(const HashField&, const HashField&) = default;
};

// selection_method=hash(param), fields(...): FACTS 1.1. The order of fields has no meaning; over() sorts them.
struct HashSelection {
  std::uint64_t param = 0;  // the seed (A6)
  std::vector<HashField> fields;
  static HashSelection over(std::uint64_t param, std::vector<HashField> fields);
  friend auto operator<=>(const HashSelection&, const HashSelection&) = default;
};

struct Group {
  std::uint32_t id = 0;  // 0..kGroupMax
  GroupType type = GroupType::select;
  std::optional<HashSelection> selection;  // select groups only; always send it (FACTS 1.1)
  std::vector<Bucket> buckets;             // in this order, by ascending id: the order breaks ties in the hash (O2)
  std::string text() const;
  friend auto operator<=>(const Group&, const Group&) = default;
};

// What one owner (a load balancer, or the base of the bridge) wants to stand in the bridge.
struct Rules {
  std::vector<FlowRule> flows;
  std::vector<Group> groups;
  friend bool operator==(const Rules&, const Rules&) = default;
};

}  // namespace distributor::wire
