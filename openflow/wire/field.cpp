#include "openflow/wire/field.hpp"

#include <array>
#include <stdexcept>

namespace distributor::wire {
namespace {

constexpr std::uint32_t oxm(std::uint32_t number, std::uint32_t bytes) {
  return 0x80000000U | number << 9U | bytes;
}
constexpr std::uint32_t nxm(std::uint32_t number, std::uint32_t bytes) {
  return 0x00010000U | number << 9U | bytes;
}
constexpr std::uint32_t ericsson(std::uint32_t number, std::uint32_t bytes) {
  return 0x10000000U | number << 9U | bytes;
}

constexpr std::array<FieldInfo, kFieldCount> kFields{{
    {Field::in_port, oxm(0, 4), 4, 32, "in_port"},
    {Field::eth_dst, oxm(3, 6), 6, 48, "eth_dst"},
    {Field::eth_src, oxm(4, 6), 6, 48, "eth_src"},
    {Field::eth_type, oxm(5, 2), 2, 16, "eth_type"},
    {Field::vlan_vid, oxm(6, 2), 2, 13, "vlan_vid"},
    {Field::ip_proto, oxm(10, 1), 1, 8, "nw_proto"},
    {Field::nw_ttl, nxm(29, 1), 1, 8, "nw_ttl"},
    {Field::ip_frag, nxm(26, 1), 1, 2, "ip_frag"},
    {Field::ipv4_src, oxm(11, 4), 4, 32, "ip_src"},
    {Field::ipv4_dst, oxm(12, 4), 4, 32, "ip_dst"},
    {Field::ipv6_src, oxm(26, 16), 16, 128, "ipv6_src"},
    {Field::ipv6_dst, oxm(27, 16), 16, 128, "ipv6_dst"},
    {Field::arp_op, oxm(21, 2), 2, 16, "arp_op"},
    {Field::arp_spa, oxm(22, 4), 4, 32, "arp_spa"},
    {Field::arp_tpa, oxm(23, 4), 4, 32, "arp_tpa"},
    {Field::arp_sha, oxm(24, 6), 6, 48, "arp_sha"},
    {Field::arp_tha, oxm(25, 6), 6, 48, "arp_tha"},
    {Field::tcp_src, oxm(13, 2), 2, 16, "tcp_src"},
    {Field::tcp_dst, oxm(14, 2), 2, 16, "tcp_dst"},
    {Field::tcp_flags, oxm(42, 2), 2, 12, "tcp_flags"},
    {Field::udp_src, oxm(15, 2), 2, 16, "udp_src"},
    {Field::udp_dst, oxm(16, 2), 2, 16, "udp_dst"},
    {Field::sctp_src, oxm(17, 2), 2, 16, "sctp_src"},
    {Field::sctp_dst, oxm(18, 2), 2, 16, "sctp_dst"},
    {Field::icmpv4_type, oxm(19, 1), 1, 8, "icmp_type"},
    {Field::icmpv4_code, oxm(20, 1), 1, 8, "icmp_code"},
    {Field::icmpv6_type, oxm(29, 1), 1, 8, "icmpv6_type"},
    {Field::icmpv6_code, oxm(30, 1), 1, 8, "icmpv6_code"},
    {Field::nd_target, oxm(31, 16), 16, 128, "nd_target"},
    {Field::nd_reserved, ericsson(1, 4), 4, 32, "nd_reserved"},
    {Field::nd_options_type, ericsson(2, 1), 1, 8, "nd_options_type"},
    {Field::nd_sll, oxm(32, 6), 6, 48, "nd_sll"},
    {Field::nd_tll, oxm(33, 6), 6, 48, "nd_tll"},
    {Field::ct_mark, nxm(107, 4), 4, 32, "ct_mark"},
}};

constexpr bool table_is_in_enum_order() {
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    if (static_cast<std::size_t>(kFields[i].field) != i || (kFields[i].header & 0xffU) != kFields[i].bytes)
      return false;
  }
  return true;
}
static_assert(table_is_in_enum_order());

}  // namespace

const FieldInfo& info(Field field) {
  const auto index = static_cast<std::size_t>(field);
  if (index >= kFields.size()) throw std::logic_error("wire::info: not a field");
  return kFields[index];
}

std::optional<Field> field_of_header(std::uint32_t header) {
  for (const auto& candidate : kFields) {
    if (candidate.header == header) return candidate.field;
  }
  return std::nullopt;
}

}  // namespace distributor::wire
