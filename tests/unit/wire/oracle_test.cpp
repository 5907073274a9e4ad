// The byte oracle: what we encode is printed by OVS's own decoder (`ovs-ofctl ofp-print`) with the expected meaning.
// Issue: Byte oracle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>

#include "openflow/wire/message.hpp"
#include "openflow/wire/meter.hpp"
#include "openflow/wire/multipart.hpp"
#include "openflow/wire/watch.hpp"
#include "tests/unit/wire/facts_rules.hpp"
#include "tests/unit/wire/hex.hpp"

namespace distributor::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

bool oracle_is_installed() {
  return std::system("command -v ovs-ofctl >/dev/null 2>&1") == 0;
}

std::string printed(const std::string& message) {
  const std::string command = "ovs-ofctl ofp-print " + to_hex(message) + " 2 2>&1";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string out;
  std::array<char, 4096> part{};
  while (const std::size_t count = std::fread(part.data(), 1, part.size(), pipe.get())) out.append(part.data(), count);
  return out;
}

class Oracle : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!oracle_is_installed()) GTEST_SKIP() << "ovs-ofctl is not installed: no oracle to ask";
  }
  static void expect(const char* what, const std::string& message, const std::vector<std::string>& fragments) {
    const std::string text = printed(message);
    EXPECT_THAT(text, AllOf(Not(HasSubstr("***")), Not(HasSubstr("decode error")), HasSubstr("(OF1.5)"),
                            HasSubstr("(xid=0x1234)")))
        << what;
    for (const std::string& fragment : fragments) EXPECT_THAT(text, HasSubstr(fragment)) << what;
  }
};

constexpr std::uint32_t kXid = 0x1234;

TEST_F(Oracle, SessionMessages) {
  expect("hello", encode_hello(kXid), {"OFPT_HELLO", "version bitmap: 0x06"});
  expect("echo request", encode_echo_request(kXid), {"OFPT_ECHO_REQUEST", "0 bytes of payload"});
  expect("echo reply", encode_echo_reply(kXid, "abc"), {"OFPT_ECHO_REPLY", "3 bytes of payload"});
  expect("features", encode_features_request(kXid), {"OFPT_FEATURES_REQUEST"});
  expect("set config", encode_set_config(kXid, 0xffff), {"OFPT_SET_CONFIG", "miss_send_len=65535"});
  expect("barrier", encode_barrier_request(kXid), {"OFPT_BARRIER_REQUEST"});
}

TEST_F(Oracle, FlowMods) {  // D2, D3, D6, O1
  const auto add = [](const FlowRule& rule) { return encode_flow_mod(kXid, FlowCommand::add, rule).value(); };
  expect("ARP", add(arp_responder()),
         {"OFPT_FLOW_MOD", ": ADD ", "priority=200,arp,in_port=1,arp_tpa=192.0.2.100,arp_op=1", "cookie:0x11",
          "actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:02:00:00:00:0a:0a->eth_src,set_field:2->arp_op,"
          "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],set_field:02:00:00:00:0a:0a-"
          ">arp_sha,"
          "set_field:192.0.2.100->arp_spa,IN_PORT"});
  const auto nd = nd_responders();
  expect("ND to table", add(nd[0]),
         {"icmp6,in_port=1,icmp_type=135,icmp_code=0,nd_target=2001:db8:1::100", "actions=resubmit(,10)"});
  expect("ND, DAD", add(nd[1]),
         {"table:10 priority=30,icmp6,ipv6_src=::,nw_ttl=255", "set_field:ff02::1->ipv6_dst",
          "set_field:136->icmpv6_type", "set_field:536870912->nd_reserved"});
  expect("ND with option", add(nd[2]),
         {"nd_options_type=1", "move:NXM_NX_IPV6_SRC[]->NXM_NX_IPV6_DST[]", "set_field:2->nd_options_type",
          "resubmit(,11)"});
  expect("ND option", add(nd[4]), {"icmp_type=136", "set_field:02:00:00:00:0a:0a->nd_tll,IN_PORT"});
  for (const FlowRule& rule : facts_rules().flows) expect("rule that works", add(rule), {": ADD "});
  for (const FlowRule& rule : assorted_flows()) expect("assorted", add(rule), {": ADD table:5"});
  expect("drop", add({0, 0, 0, Match(), {}}), {"actions=drop"});
  expect("VLAN", add(assorted_flows()[3]), {"push_vlan:0x8100,set_field:4196->vlan_vid,output:1,LOCAL"});
  expect("meter", add({0, 1, 0, Match(), {Action::meter(1), Action::group(3)}}), {"actions=meter:1,group:3"});
}

TEST_F(Oracle, FlowModCommands) {
  const auto mod = [](FlowCommand command) { return encode_flow_mod(kXid, command, arp_responder()).value(); };
  expect("modify strict", mod(FlowCommand::modify_strict), {": MOD_STRICT priority=200,arp"});
  expect("delete", mod(FlowCommand::remove), {": DEL priority=200,arp"});
  expect("delete strict", mod(FlowCommand::remove_strict), {": DEL_STRICT priority=200,arp"});
  expect("delete all", encode_delete_all_flows(kXid), {": DEL table:255"});
}

TEST_F(Oracle, GroupMods) {  // O1, O2, A6
  expect(
      "select", encode_group_mod(kXid, GroupCommand::add, select_group(1, 2, 0x0123456789abcdef)).value(),
      {"OFPT_GROUP_MOD",
       "ADD "
       "group_id=1,type=select,selection_method=hash,selection_method_param=81985529216486895,fields(ip_src,ipv6_src)",
       "bucket=bucket_id:1,actions=set_field:02:00:00:00:0a:0a->eth_src,set_field:02:00:00:00:01:01->eth_dst,"
       "IN_PORT",
       "bucket=bucket_id:2,actions="});
  expect("flood", encode_group_mod(kXid, GroupCommand::modify, flood_group(3, 2)).value(),
         {"MOD group_id=3,type=all,bucket=bucket_id:1,actions="});
  expect("no bucket", encode_group_mod(kXid, GroupCommand::add, select_group(1, 0)).value(), {"type=select"});
  Group masked = select_group(9, 1);
  masked.selection =
      HashSelection::over(0, {{Field::ipv4_src, from_hex("0000ffff")}, HashField::whole(Field::tcp_src)});
  expect("masked", encode_group_mod(kXid, GroupCommand::add, masked).value(), {"fields(ip_src=0.0.255.255,tcp_src)"});
  expect("delete", encode_group_delete(kXid, 3), {"DEL group_id=3"});
  expect("delete all", encode_group_delete(kXid, kGroupAll), {"DEL group_id=4294967292"});
}

TEST_F(Oracle, Meters) {
  expect("meter", encode_meter_mod(kXid, false, {1, 100}),
         {"OFPT_METER_MOD", "ADD meter=1 pktps bands=", "type=drop rate=100"});
  expect("meter", encode_meter_mod(kXid, true, {1, 100}), {"MOD meter=1 pktps"});
  expect("delete", encode_meter_delete(kXid, 1), {"DEL meter=1"});
  expect("descriptions", encode_meter_desc_request(kXid), {"OFPST_METER_CONFIG request", "meter=all"});
  expect("features", encode_meter_features_request(kXid), {"OFPST_METER_FEATURES request"});
}

TEST_F(Oracle, Watching) {  // O5
  expect("forwarding", encode_set_async_forwarding(kXid), {"OFPT_SET_ASYNC", "REQUESTFORWARD: group_mod_request meter_mod_request"});
  expect("monitor", encode_flow_monitor_request(kXid), {"OFPST_FLOW_MONITOR request", "add,delete,modify"});
}

TEST_F(Oracle, Bundles) {  // O3
  const std::string inner = encode_flow_mod(kXid, FlowCommand::add, arp_responder()).value();
  expect("open", encode_bundle_control(kXid, 5, BundleControl::open_request),
         {"OFPT_BUNDLE_CONTROL", "bundle_id=0x5 type=OPEN_REQUEST flags=atomic ordered"});
  expect("commit", encode_bundle_control(kXid, 5, BundleControl::commit_request),
         {"type=COMMIT_REQUEST flags=atomic ordered"});
  expect("discard", encode_bundle_control(kXid, 5, BundleControl::discard_request), {"type=DISCARD_REQUEST"});
  expect("add", encode_bundle_add(5, inner),
         {"OFPT_BUNDLE_ADD_MESSAGE", "bundle_id=0x5 flags=atomic ordered", "OFPT_FLOW_MOD", "arp_tpa=192.0.2.100"});
}

TEST_F(Oracle, PacketOut) {  // D5
  PacketOut packet{kPortController, {Action::output(1)}, std::string(14, 'x') + std::string(46, '\0')};
  expect("packet out", encode_packet_out(kXid, packet).value(),
         {"OFPT_PACKET_OUT", "in_port=CONTROLLER actions=output:1 data_len=60"});
}

TEST_F(Oracle, Multiparts) {
  expect("flows", encode_flow_desc_request(kXid), {"OFPST_FLOW request"});
  expect("groups", encode_group_desc_request(kXid), {"OFPST_GROUP_DESC request", "group_id=ALL"});
  expect("group counters", encode_group_stats_request(kXid), {"OFPST_GROUP request"});
  expect("ports", encode_port_desc_request(kXid), {"OFPST_PORT_DESC request"});
}

TEST_F(Oracle, ErrorsHaveTheNamesThatOvsGivesThem) {
  int named = 0;
  for (std::uint16_t type = 0; type <= 17; ++type) {
    for (std::uint16_t code = 0; code <= 17; ++code) {
      const std::string ours = RemoteError{type, code, 0, {}}.text();
      if (ours.rfind("OpenFlow error", 0) == 0) continue;
      std::string message = from_hex("0601000c00001234");
      for (const unsigned value : {unsigned{type}, unsigned{code}})
        message += {static_cast<char>(value >> 8U), static_cast<char>(value)};
      EXPECT_THAT(printed(message), HasSubstr(ours)) << type << "/" << code;
      ++named;
    }
  }
  EXPECT_GT(named, 80);
}

TEST(GroupMod, SelectionMethodPropertyIsThatOfFacts) {  // O1, FACTS 1.1
  const std::string message = encode_group_mod(1, GroupCommand::add, select_group(1, 0, 0x0102030405060708)).value();
  EXPECT_EQ(to_hex(message.substr(24)),
            "ffff0044"
            "0000154d"
            "00000001"
            "00000000"
            "68617368000000000000000000000000"
            "0102030405060708"
            "80001604ffffffff"
            "80003410ffffffffffffffffffffffffffffffff"
            "00000000");
  const auto property = [](std::vector<HashField> fields) {
    Group group{1, GroupType::select, HashSelection::over(0, std::move(fields)), {}};
    return to_hex(encode_group_mod(1, GroupCommand::add, group).value().substr(24 + 40));
  };
  EXPECT_EQ(property({{Field::ipv4_src, from_hex("0000ffff")}}), "800016040000ffff");
  EXPECT_EQ(property({HashField::whole(Field::tcp_src)}), "80001a02ffff0000");
  EXPECT_EQ(property({HashField::whole(Field::udp_src)}), "80001e02ffff0000");
}

TEST(GroupMod, TooLargeAGroupIsAnErrorNotAMessage) {
  EXPECT_TRUE(encode_group_mod(1, GroupCommand::add, select_group(1, 256)));  // limits::kSlotsMax
  const auto refused = encode_group_mod(1, GroupCommand::add, select_group(1, 2000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, WireErrorCode::too_long);
}

}  // namespace
}  // namespace distributor::test
