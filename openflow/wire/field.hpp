// The packet fields that rules match, set and hash over, with their OXM/NXM headers (OpenFlow 1.5.1, 7.2.3; nicira-ext
// as in OVS 3.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace distributor::wire {

// In canonical order: a field never comes before a field that it needs (in a match OVS checks prerequisites in order).
enum class Field : std::uint8_t {
  in_port,
  eth_dst,
  eth_src,
  eth_type,
  vlan_vid,  // 0x1000 | VLAN id; 0 = no VLAN header
  ip_proto,
  nw_ttl,   // IPv4 TTL, IPv6 hop limit
  ip_frag,  // bit 0: any fragment, bit 1: not the first one
  ipv4_src,
  ipv4_dst,
  ipv6_src,
  ipv6_dst,
  arp_op,
  arp_spa,
  arp_tpa,
  arp_sha,
  arp_tha,
  tcp_src,
  tcp_dst,
  tcp_flags,
  udp_src,
  udp_dst,
  sctp_src,
  sctp_dst,
  icmpv4_type,
  icmpv4_code,
  icmpv6_type,
  icmpv6_code,
  nd_target,
  nd_reserved,      // userspace datapath only (FACTS: refused by the kernel datapath)
  nd_options_type,  // type of the first ND option; userspace datapath only
  nd_sll,
  nd_tll,
  ct_mark,
};
inline constexpr std::size_t kFieldCount = static_cast<std::size_t>(Field::ct_mark) + 1;

struct FieldInfo {
  Field field;
  std::uint32_t header;  // OXM header without mask: class << 16 | number << 9 | bytes
  std::uint8_t bytes;
  std::uint8_t bits;      // significant bits; a mask that covers them all is no mask
  std::string_view name;  // as ovs-ofctl writes it
};

const FieldInfo& info(Field field);
// The field of an OXM header whose mask bit is clear and whose length is that without a mask.
std::optional<Field> field_of_header(std::uint32_t header);

}  // namespace distributor::wire
