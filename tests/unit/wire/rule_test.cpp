// Matches, actions and groups are held as the bytes that OVS 3.1 itself sends, so a read-back compares equal (O4).
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/unit/wire/facts_rules.hpp"
#include "tests/unit/wire/hex.hpp"

namespace distributor::test {
namespace {

TEST(Match, HoldsTheBytesThatOvsSendsBack) {  // O4
  const struct {
    const char* description;
    Match match;
    const char* oxm;
  } table[] = {
      {"everything", Match(), ""},
      {"ARP request for the VIP", arp_responder().match, "800000040000000180000a02080680002a02000180002e04c0000264"},
      {"ND solicitation", nd_responders()[0].match,
       "800000040000000180000a0286dd800014013a80003a018780003c010080003e1020010db8000100000000000000000100"},
      {"IPv4 to VIP and MAC", Match().in_port(1).eth_dst(kNodeMac).ip_dst(kVip4),
       "800000040000000180000606020000000a0a80000a02080080001804c0000264"},
      {"no VLAN", Match().vlan_absent(), "80000c020000"},
      {"VLAN 7", Match().vlan_vid(7), "80000c021007"},
      {"any VLAN", Match().vlan_present(), "80000d0410001000"},
      {"fragments", Match().eth_type(kEthTypeIpv4).ip_frag_any(), "80000a020800000135020101"},
      {"later fragments", Match().eth_type(kEthTypeIpv4).ip_frag_later(), "80000a0208000001340103"},
      {"prefix", Match().ip_src(IpPrefix{IpAddress::v4({192, 0, 2, 0}), 24}), "80000a02080080001708c0000200ffffff00"},
      {"full prefix is no mask", Match().ip_src(IpPrefix{kVip4, 32}), "80000a02080080001604c0000264"},
      {"empty prefix is the family", Match().ip_src(IpPrefix{IpAddress::v6({}), 0}), "80000a0286dd"},
      {"ND extensions of OVS", Match().icmpv6_type(135).icmpv6_code(0).nd_options_type(1),
       "80000a0286dd800014013a80003a018780003c01001000040101"},
  };
  for (const auto& row : table) EXPECT_EQ(to_hex(row.match.oxm()), row.oxm) << row.description;
}

TEST(Match, OrderOfCallsAndOfBytesDoesNotMatter) {  // O4
  const Match one = Match().in_port(1).eth_dst(kNodeMac).ip_dst(kVip4);
  const Match other = Match().ip_dst(kVip4).eth_dst(kNodeMac).in_port(1);
  EXPECT_EQ(one, other);
  const auto read = Match::from_oxm(from_hex("80001804c000026480000606020000000a0a80000a0208008000000400000001"));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, one);
  EXPECT_NE(one, Match(one).in_port(2));
  EXPECT_EQ(one.exact(Field::in_port), 1U);
  EXPECT_EQ(one.exact(Field::vlan_vid), std::nullopt);
}

TEST(Match, BitsOutsideTheMaskDoNotCount) {
  const std::array<std::uint8_t, 4> value{192, 0, 2, 99};
  const std::array<std::uint8_t, 4> mask{255, 255, 255, 0};
  EXPECT_EQ(Match().set(Field::ipv4_src, value, mask), Match().ip_src(IpPrefix{IpAddress::v4({192, 0, 2, 0}), 24}));
}

TEST(Match, SettingAFieldAgainReplacesItAndContradictionsAreFaults) {
  EXPECT_EQ(Match().in_port(1).in_port(2), Match().in_port(2));
  EXPECT_THROW(Match().eth_type(kEthTypeArp).ip_dst(kVip4), std::logic_error);
  EXPECT_THROW(Match().ip_dst(kVip4).ip_dst(kVip6), std::logic_error);
  EXPECT_THROW(Match().icmpv6_type(1).ip_proto(kIpProtoTcp), std::logic_error);
  EXPECT_THROW(Match().set(Field::ipv6_dst, std::span(kVip4.bytes()).first(4)), std::logic_error);
  EXPECT_THROW(Match().vlan_vid(4096), std::logic_error);
}

TEST(Match, KeepsUnknownFieldsAndRefusesMalformedOnes) {     // X3
  const std::string unknown = from_hex("000100040000002a");  // an OVS register
  const auto kept = Match::from_oxm(unknown + from_hex("8000000400000001"));
  ASSERT_TRUE(kept);
  EXPECT_EQ(to_hex(kept->oxm()), "8000000400000001000100040000002a");
  EXPECT_FALSE(Match::from_oxm(from_hex("80000004000000")));                    // ends too early
  EXPECT_FALSE(Match::from_oxm(from_hex("80000004000000018000000400000001")));  // twice
  EXPECT_FALSE(Match::from_oxm(from_hex("800001030000ff")));                    // mask of another length
  EXPECT_FALSE(Match::from_oxm(from_hex("0001000400000001000100040000002a")));  // unknown, twice
}

TEST(Actions, HoldTheBytesThatOvsSendsBack) {  // O4
  const struct {
    const char* description;
    Action action;
    const char* bytes;
  } table[] = {
      {"in_port", Action::in_port(), "00000010fffffff80000000000000000"},
      {"output", Action::output(1), "00000010000000010000000000000000"},
      {"controller", Action::controller(128), "00000010fffffffd0080000000000000"},
      {"group", Action::group(3), "0016000800000003"},
      {"meter", Action::meter(1), "001d000800000001"},
      {"resubmit", Action::resubmit_table(10), "ffff001000002320000efff80a000000"},
      {"push VLAN", Action::push_vlan(), "0011000881000000"},
      {"pop VLAN", Action::pop_vlan(), "0012000800000000"},
      {"VLAN id", Action::set_vlan_vid(7), "0019001080000c021007000000000000"},
      {"MAC", Action::set(Field::eth_src, kNodeMac), "0019001080000806020000000a0a0000"},
      {"IPv4", Action::set(Field::arp_spa, kVip4), "0019001080002c04c000026400000000"},
      {"IPv6", Action::set(Field::ipv6_src, kVip6), "001900188000341020010db8000100000000000000000100"},
      {"ND flags", Action::set(Field::nd_reserved, 0x20000000), "00190010100002042000000000000000"},
      {"move", Action::move(Field::eth_src, Field::eth_dst),
       "001c001800300000000000008000080680000606"
       "00000000"},
  };
  for (const auto& row : table) EXPECT_EQ(to_hex(row.action.bytes()), row.bytes) << row.description;
}

TEST(Actions, FaultsAndText) {
  EXPECT_THROW(Action::set(Field::eth_type, 0x10000), std::logic_error);
  EXPECT_THROW(Action::set(Field::eth_src, kVip4), std::logic_error);
  EXPECT_THROW(Action::move(Field::eth_src, Field::ipv4_dst), std::logic_error);
  EXPECT_EQ(Actions().text(), "drop");
  EXPECT_EQ(arp_responder().actions.text(),
            "move:eth_src->eth_dst,set_field:02:00:00:00:0a:0a->eth_src,set_field:2->arp_op,move:arp_sha->arp_tha,move:"
            "arp_spa->arp_tpa,"
            "set_field:02:00:00:00:0a:0a->arp_sha,set_field:192.0.2.100->arp_spa,in_port");
  EXPECT_EQ((Actions{Action::group(3), Action::set(Field::nd_tll, kNodeMac), Action::group(4)}.groups()),
            (std::vector<std::uint32_t>{3, 4}));
}

TEST(Actions, ReadingRefusesMalformedLists) {  // X3
  const std::string good = to_amphora(mac(1, 1)).bytes();
  ASSERT_TRUE(Actions::from_bytes(good));
  EXPECT_EQ(*Actions::from_bytes(good), to_amphora(mac(1, 1)));
  EXPECT_FALSE(Actions::from_bytes(good.substr(0, good.size() - 1)));
  EXPECT_FALSE(Actions::from_bytes(from_hex("0016000000000003")));  // length 0
  EXPECT_FALSE(Actions::from_bytes(from_hex("0016000700000003")));
}

TEST(HashSelection, OrderOfFieldsHasNoMeaning) {  // O1
  EXPECT_EQ(HashSelection::over(7, {HashField::whole(Field::ipv6_src), HashField::whole(Field::ipv4_src)}),
            HashSelection::over(7, {HashField::whole(Field::ipv4_src), HashField::whole(Field::ipv6_src)}));
}

}  // namespace
}  // namespace distributor::test
