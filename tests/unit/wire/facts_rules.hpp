// The rules that are known to work against real neighbours and hosts (ARP, ND with DAD, forwarding, ICMP errors, VLAN,
// fragments), as values.
#pragma once

#include <array>
#include <vector>

#include "openflow/wire/rule.hpp"

namespace distributor::test {

using namespace distributor::wire;

inline MacAddress mac(std::uint8_t a, std::uint8_t b) {
  return MacAddress({2, 0, 0, 0, a, b});
}
inline const MacAddress kNodeMac = mac(0x0a, 0x0a);
inline const IpAddress kVip4 = IpAddress::v4({192, 0, 2, 100});
inline const IpAddress kVip6 = IpAddress::v6({0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0});
inline const IpAddress kAllNodes6 = IpAddress::v6({0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

inline Actions to_amphora(const MacAddress& amphora) {
  return {Action::set(Field::eth_src, kNodeMac), Action::set(Field::eth_dst, amphora), Action::in_port()};
}

inline Group select_group(std::uint32_t id, std::uint32_t buckets, std::uint64_t seed = 0) {
  Group group{id,
              GroupType::select,
              HashSelection::over(seed, {HashField::whole(Field::ipv4_src), HashField::whole(Field::ipv6_src)}),
              {}};
  for (std::uint32_t i = 1; i <= buckets; ++i)
    group.buckets.push_back({i, 1, to_amphora(mac(1, static_cast<std::uint8_t>(i)))});
  return group;
}

inline Group flood_group(std::uint32_t id, std::uint32_t buckets) {
  Group group = select_group(id, buckets);
  group.type = GroupType::all;
  group.selection.reset();
  return group;
}

inline FlowRule arp_responder() {
  return {0,
          200,
          0x11,
          Match().in_port(1).arp_op(1).arp_tpa(kVip4),
          {Action::move(Field::eth_src, Field::eth_dst), Action::set(Field::eth_src, kNodeMac),
           Action::set(Field::arp_op, 2), Action::move(Field::arp_sha, Field::arp_tha),
           Action::move(Field::arp_spa, Field::arp_tpa), Action::set(Field::arp_sha, kNodeMac),
           Action::set(Field::arp_spa, kVip4), Action::in_port()}};
}

inline Match solicitation(std::uint8_t ttl) {
  return Match().nw_ttl(ttl).icmpv6_type(135).icmpv6_code(0);
}

inline std::vector<FlowRule> nd_responders() {
  const Match answer = Match().icmpv6_type(136).icmpv6_code(0);
  return {
      {0, 200, 0x11, Match().in_port(1).icmpv6_type(135).icmpv6_code(0).nd_target(kVip6), {Action::resubmit_table(10)}},
      {10,
       30,
       0x11,
       solicitation(255).ip_src(IpAddress::v6({})),
       {Action::set(Field::eth_dst, MacAddress({0x33, 0x33, 0, 0, 0, 1})), Action::set(Field::eth_src, kNodeMac),
        Action::set(Field::ipv6_dst, kAllNodes6), Action::set(Field::ipv6_src, kVip6),
        Action::set(Field::icmpv6_type, 136), Action::set(Field::nd_reserved, 0x20000000), Action::in_port()}},
      {10,
       20,
       0x11,
       solicitation(255).nd_options_type(1),
       {Action::move(Field::eth_src, Field::eth_dst), Action::set(Field::eth_src, kNodeMac),
        Action::move(Field::ipv6_src, Field::ipv6_dst), Action::set(Field::ipv6_src, kVip6),
        Action::set(Field::icmpv6_type, 136), Action::set(Field::nd_reserved, 0x60000000),
        Action::set(Field::nd_options_type, 2), Action::resubmit_table(11)}},
      {10,
       10,
       0x11,
       solicitation(255),
       {Action::move(Field::eth_src, Field::eth_dst), Action::set(Field::eth_src, kNodeMac),
        Action::move(Field::ipv6_src, Field::ipv6_dst), Action::set(Field::ipv6_src, kVip6),
        Action::set(Field::icmpv6_type, 136), Action::set(Field::nd_reserved, 0x60000000), Action::in_port()}},
      {11, 10, 0x11, answer, {Action::set(Field::nd_tll, kNodeMac), Action::in_port()}},
  };
}

// Groups 1 (select) and 3 (flood) and every rule that a load balancer of one IPv4 and one IPv6 address may need.
inline Rules facts_rules(std::uint32_t amphorae = 4) {
  Rules rules;
  rules.groups = {select_group(1, amphorae), flood_group(3, amphorae)};
  rules.flows = nd_responders();
  rules.flows.push_back(arp_responder());
  const auto to_vip = [] { return Match().in_port(1).eth_dst(kNodeMac); };
  rules.flows.push_back({0, 0, 0, Match(), {}});
  rules.flows.push_back({0, 150, 0x11, to_vip().ip_dst(kVip4).icmpv4_type(3), {Action::group(3)}});
  rules.flows.push_back({0, 150, 0x11, to_vip().ip_dst(kVip6).icmpv6_type(2), {Action::group(3)}});
  rules.flows.push_back({0, 140, 0x11, to_vip().ip_dst(kVip4).ip_frag_any(), {Action::group(1)}});
  rules.flows.push_back({0, 140, 0x11, to_vip().ip_dst(kVip6).ip_frag_later(), {Action::group(1)}});
  rules.flows.push_back({0, 100, 0x11, to_vip().ip_dst(kVip4), {Action::group(1)}});
  rules.flows.push_back({0, 100, 0x11, to_vip().ip_dst(kVip6), {Action::group(1)}});
  return rules;
}

// The forms that later parts need: VLANs, prefixes, ports, controller, all fields with a mask.
inline std::vector<FlowRule> assorted_flows() {
  const IpPrefix net4{IpAddress::v4({192, 0, 2, 0}), 24};
  const IpPrefix net6{IpAddress::v6({0x20, 1, 0x0d, 0xb8}), 37};
  const std::array<std::uint8_t, 16> low_bits{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x0f};
  const Match v4 = Match().eth_type(kEthTypeIpv4);
  return {
      {5, 1, 0, Match().in_port(1).vlan_absent().ip_src(net4), {Action::group(1)}},
      {5, 2, 0, Match(v4).in_port(1).vlan_vid(7).ip_frag_no(), {Action::pop_vlan(), Action::output(1)}},
      {5, 3, ~std::uint64_t{0}, Match().in_port(1).vlan_present(), {Action::controller(128)}},
      {5,
       4,
       0,
       Match().eth_src(mac(1, 1)),
       {Action::push_vlan(), Action::set_vlan_vid(100), Action::output(1), Action::output(kPortLocal)}},
      {5, 5, 0, Match().ip_src(net6), {Action::controller()}},
      {5, 6, 0, Match(v4).tcp_dst(80).tcp_src(0), {Action::in_port()}},
      {5, 7, 0, Match().eth_type(kEthTypeIpv6).udp_dst(53), {Action::in_port()}},
      {5, 8, 0, Match(v4).sctp_src(65535), {Action::in_port()}},
      {5, 9, 0, Match().arp_op(2).arp_spa(kVip4).arp_sha(mac(1, 2)), {}},
      {5,
       10,
       0,
       Match().icmpv6_type(136).icmpv6_code(0).nd_target(kVip6).nd_tll(mac(1, 2)).nd_reserved(0x20000000),
       {}},
      {5, 11, 0, Match().icmpv6_type(135).icmpv6_code(0).nd_sll(mac(1, 2)), {}},
      {5, 12, 0, Match().set(Field::ipv6_src, std::array<std::uint8_t, 16>{}, low_bits), {Action::in_port()}},
      {5, 13, 0, Match().icmpv4_type(8).icmpv4_code(0), {Action::in_port()}},
  };
}

}  // namespace distributor::test
