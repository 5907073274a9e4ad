#include <algorithm>
#include <stdexcept>

#include "openflow/wire/detail/bytes.hpp"
#include "openflow/wire/detail/oxm.hpp"
#include "openflow/wire/rule.hpp"

namespace distributor::wire {
namespace {

using detail::next_tlv;
using detail::put;
using detail::Reader;
using detail::Tlv;

constexpr std::uint16_t kVlanPresent = 0x1000;

template <typename T>
void set_number(Match& match, Field field, std::type_identity_t<T> value) {
  std::string bytes;
  put<T>(bytes, value);
  match.set(field, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

// What follows from one field alone (OpenFlow 1.5.1, table 11: prerequisites).
void add_prerequisites(Match& match, Field field) {
  const auto family = [&](std::uint16_t type) { match.eth_type(type); };
  switch (field) {
    case Field::ipv4_src:
    case Field::ipv4_dst:
      return family(kEthTypeIpv4);
    case Field::ipv6_src:
    case Field::ipv6_dst:
      return family(kEthTypeIpv6);
    case Field::arp_op:
    case Field::arp_spa:
    case Field::arp_tpa:
    case Field::arp_sha:
    case Field::arp_tha:
      return family(kEthTypeArp);
    case Field::icmpv4_type:
    case Field::icmpv4_code:
      family(kEthTypeIpv4);
      match.ip_proto(kIpProtoIcmp);
      return;
    case Field::icmpv6_type:
    case Field::icmpv6_code:
    case Field::nd_target:
    case Field::nd_reserved:
    case Field::nd_options_type:
    case Field::nd_sll:
    case Field::nd_tll:
      family(kEthTypeIpv6);
      match.ip_proto(kIpProtoIcmpv6);
      return;
    case Field::tcp_src:
    case Field::tcp_dst:
    case Field::tcp_flags:
      match.ip_proto(kIpProtoTcp);
      return;
    case Field::udp_src:
    case Field::udp_dst:
      match.ip_proto(kIpProtoUdp);
      return;
    case Field::sctp_src:
    case Field::sctp_dst:
      match.ip_proto(kIpProtoSctp);
      return;
    default:
      return;
  }
}

// The TLV in its canonical form: empty if the mask is all zero, no mask if it covers every significant bit.
std::string canonical(const FieldInfo& field, std::string_view value, std::string_view mask) {
  std::string out;
  bool covers = true;
  bool any = false;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    const std::size_t bits_below = (field.bytes - 1 - i) * 8;
    const unsigned significant =
        field.bits >= bits_below + 8 ? 0xffU : (field.bits > bits_below ? (1U << (field.bits - bits_below)) - 1U : 0U);
    const unsigned byte = static_cast<std::uint8_t>(mask[i]);
    covers = covers && (byte & significant) == significant;
    any = any || byte != 0;
  }
  if (!mask.empty() && !any) return out;
  const bool masked = !mask.empty() && !covers;
  put<std::uint32_t>(out, masked ? (field.header & ~0xffU) | 0x100U | (2U * field.bytes) : field.header);
  for (std::size_t i = 0; i < value.size(); ++i)
    out.push_back(masked ? static_cast<char>(value[i] & mask[i]) : value[i]);
  if (masked) out.append(mask);
  return out;
}

std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

IpAddress mask_of(const IpPrefix& prefix) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t bit = 0; bit < prefix.length; ++bit)
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | (0x80U >> (bit % 8)));
  return prefix.network.is_v4() ? IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]}) : IpAddress::v6(bytes);
}

std::span<const std::uint8_t> used(const IpAddress& address) {
  return std::span(address.bytes()).first(address.size());
}

void set_prefix(Match& match, Field field, const IpPrefix& prefix) {
  match.eth_type(prefix.network.is_v4() ? kEthTypeIpv4 : kEthTypeIpv6);
  match.set(field, used(prefix.network), used(mask_of(prefix)));
}

void set_address(Match& match, Field field, const IpAddress& address) {
  match.set(field, used(address));
}

}  // namespace

Match& Match::set(Field field, std::span<const std::uint8_t> value, std::span<const std::uint8_t> mask) {
  const FieldInfo& its = info(field);
  if (value.size() != its.bytes || (!mask.empty() && mask.size() != its.bytes)) {
    throw std::logic_error("wire::Match: " + std::string(its.name) + " has " + std::to_string(its.bytes) + " bytes");
  }
  add_prerequisites(*this, field);
  const std::string encoded = canonical(its, as_text(value), as_text(mask));
  std::string out;
  bool placed = false;
  Reader reader(oxm_);
  while (const auto tlv = next_tlv(reader)) {
    if (!placed && detail::rank(*tlv) >= static_cast<std::size_t>(field)) {
      out += encoded;
      placed = true;
    }
    if (tlv->field != field) {
      out += tlv->all;
    } else if ((field == Field::eth_type || field == Field::ip_proto) && tlv->all != encoded) {
      throw std::logic_error("wire::Match: " + text() + " contradicts another " + std::string(its.name));
    }
  }
  if (!placed) out += encoded;
  oxm_ = std::move(out);
  return *this;
}

std::optional<Match> Match::from_oxm(std::string_view bytes) {
  Reader reader(bytes);
  std::vector<std::pair<std::size_t, std::string>> parts;
  std::vector<std::uint32_t> unknown;  // headers, mask bit and length aside
  while (const auto tlv = next_tlv(reader)) {
    std::string canonical_bytes =
        tlv->field ? canonical(info(*tlv->field), tlv->value, tlv->mask) : std::string(tlv->all);
    if (!tlv->field) {
      // The experimenter class (0xffff) names its fields behind the header: leave those to OVS.
      const std::uint32_t name = tlv->header >> 9U;
      if ((name >> 7U) != 0xffff && std::find(unknown.begin(), unknown.end(), name) != unknown.end())
        return std::nullopt;
      unknown.push_back(name);
    }
    parts.emplace_back(detail::rank(*tlv), std::move(canonical_bytes));
  }
  if (!reader.ok() || reader.left() != 0) return std::nullopt;
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Match match;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && parts[i].first == parts[i - 1].first && parts[i].first != kFieldCount) return std::nullopt;
    match.oxm_ += parts[i].second;
  }
  return match;
}

std::optional<std::uint64_t> Match::exact(Field field) const {
  Reader reader(oxm_);
  while (const auto tlv = next_tlv(reader)) {
    if (tlv->field != field || tlv->masked || tlv->value.size() > 8) continue;
    std::uint64_t value = 0;
    for (const char c : tlv->value) value = value << 8U | static_cast<std::uint8_t>(c);
    return value;
  }
  return std::nullopt;
}

Match& Match::in_port(std::uint32_t port) {
  return set_number<std::uint32_t>(*this, Field::in_port, port), *this;
}
Match& Match::eth_dst(const MacAddress& mac) {
  return set(Field::eth_dst, mac.bytes());
}
Match& Match::eth_src(const MacAddress& mac) {
  return set(Field::eth_src, mac.bytes());
}
Match& Match::eth_type(std::uint16_t type) {
  return set_number<std::uint16_t>(*this, Field::eth_type, type), *this;
}
Match& Match::vlan_vid(std::uint16_t vid) {
  if (vid > 4095) throw std::logic_error("wire::Match: VLAN id above 4095");
  return set_number<std::uint16_t>(*this, Field::vlan_vid, static_cast<std::uint16_t>(kVlanPresent | vid)), *this;
}
Match& Match::vlan_present() {
  constexpr std::array<std::uint8_t, 2> kBit{0x10, 0x00};
  return set(Field::vlan_vid, kBit, kBit);
}
Match& Match::vlan_absent() {
  return set_number<std::uint16_t>(*this, Field::vlan_vid, 0), *this;
}
Match& Match::ip_proto(std::uint8_t proto) {
  return set_number<std::uint8_t>(*this, Field::ip_proto, proto), *this;
}
Match& Match::nw_ttl(std::uint8_t ttl) {
  return set_number<std::uint8_t>(*this, Field::nw_ttl, ttl), *this;
}
Match& Match::ip_frag_any() {
  constexpr std::array<std::uint8_t, 1> kAny{1};
  return set(Field::ip_frag, kAny, kAny);
}
Match& Match::ip_frag_later() {
  return set_number<std::uint8_t>(*this, Field::ip_frag, 3), *this;
}
Match& Match::ip_frag_no() {
  constexpr std::array<std::uint8_t, 1> kNone{0};
  constexpr std::array<std::uint8_t, 1> kAny{1};
  return set(Field::ip_frag, kNone, kAny);
}
Match& Match::ip_src(const IpAddress& address) {
  return set_address(*this, address.is_v4() ? Field::ipv4_src : Field::ipv6_src, address), *this;
}
Match& Match::ip_dst(const IpAddress& address) {
  return set_address(*this, address.is_v4() ? Field::ipv4_dst : Field::ipv6_dst, address), *this;
}
Match& Match::ip_src(const IpPrefix& prefix) {
  return set_prefix(*this, prefix.network.is_v4() ? Field::ipv4_src : Field::ipv6_src, prefix), *this;
}
Match& Match::ip_dst(const IpPrefix& prefix) {
  return set_prefix(*this, prefix.network.is_v4() ? Field::ipv4_dst : Field::ipv6_dst, prefix), *this;
}
Match& Match::arp_op(std::uint16_t op) {
  return set_number<std::uint16_t>(*this, Field::arp_op, op), *this;
}
Match& Match::arp_spa(const IpAddress& address) {
  return set_address(*this, Field::arp_spa, address), *this;
}
Match& Match::arp_tpa(const IpAddress& address) {
  return set_address(*this, Field::arp_tpa, address), *this;
}
Match& Match::arp_sha(const MacAddress& mac) {
  return set(Field::arp_sha, mac.bytes());
}
Match& Match::tcp_src(std::uint16_t port) {
  return set_number<std::uint16_t>(*this, Field::tcp_src, port), *this;
}
Match& Match::tcp_dst(std::uint16_t port) {
  return set_number<std::uint16_t>(*this, Field::tcp_dst, port), *this;
}
Match& Match::udp_src(std::uint16_t port) {
  return set_number<std::uint16_t>(*this, Field::udp_src, port), *this;
}
Match& Match::udp_dst(std::uint16_t port) {
  return set_number<std::uint16_t>(*this, Field::udp_dst, port), *this;
}
Match& Match::sctp_src(std::uint16_t port) {
  return set_number<std::uint16_t>(*this, Field::sctp_src, port), *this;
}
Match& Match::sctp_dst(std::uint16_t port) {
  return set_number<std::uint16_t>(*this, Field::sctp_dst, port), *this;
}
Match& Match::icmpv4_type(std::uint8_t type) {
  return set_number<std::uint8_t>(*this, Field::icmpv4_type, type), *this;
}
Match& Match::icmpv4_code(std::uint8_t code) {
  return set_number<std::uint8_t>(*this, Field::icmpv4_code, code), *this;
}
Match& Match::icmpv6_type(std::uint8_t type) {
  return set_number<std::uint8_t>(*this, Field::icmpv6_type, type), *this;
}
Match& Match::icmpv6_code(std::uint8_t code) {
  return set_number<std::uint8_t>(*this, Field::icmpv6_code, code), *this;
}
Match& Match::nd_target(const IpAddress& address) {
  return set_address(*this, Field::nd_target, address), *this;
}
Match& Match::nd_sll(const MacAddress& mac) {
  return set(Field::nd_sll, mac.bytes());
}
Match& Match::nd_tll(const MacAddress& mac) {
  return set(Field::nd_tll, mac.bytes());
}
Match& Match::nd_options_type(std::uint8_t type) {
  return set_number<std::uint8_t>(*this, Field::nd_options_type, type), *this;
}
Match& Match::nd_reserved(std::uint32_t value) {
  return set_number<std::uint32_t>(*this, Field::nd_reserved, value), *this;
}

}  // namespace distributor::wire
