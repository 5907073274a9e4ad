// The rules in a real Open vSwitch (dummy datapath): which frame comes out where, by ofproto/trace. A table of
// (description, frame in, datapath actions out).
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/unit/ovsdb/private_ovs.hpp"
#include "tests/unit/pipeline/bridge_connection.hpp"
#include "tests/unit/pipeline/scene.hpp"

namespace distributor::pipeline {
namespace {

using namespace test_scene;

struct Trace {
  std::string actions;   // of the datapath
  std::string megaflow;  // fields that the datapath flow matches
};

std::string line_after(const std::string& text, const std::string& key) {
  const auto at = text.rfind(key);
  if (at == std::string::npos) throw std::runtime_error("no '" + key + "' in: " + text);
  return text.substr(at + key.size(), text.find('\n', at) - at - key.size());
}

class PipelineInOvs : public testing::Test {
 protected:
  void SetUp() override {
    const std::string missing = test::PrivateOvs::missing();
    if (!missing.empty()) GTEST_SKIP() << missing;
    ovs = std::make_unique<test::PrivateOvs>();
    std::vector<std::string> setup{
        "add-br", "b", "--", "set", "bridge", "b", "datapath_type=dummy", "fail_mode=secure", "protocols=OpenFlow15"};
    for (const char* number : {"1", "2", "3", "4", "8", "9"}) {
      const std::string name = std::string("p") + number;
      setup.insert(setup.end(), {"--", "add-port", "b", name, "--", "set", "interface", name, "type=dummy",
                                 std::string("ofport_request=") + number});
    }
    ovs->vsctl(setup);
    bridge = std::make_unique<test::BridgeConnection>(ovs->management_socket("b"));
    bridge->add_meters(meters());
    bridge->program(render_base(true));
    bridge->program(render(plain(), plain_port(), {}));
    bridge->program(render(tagged(), tagged_port(), {}));
    bridge->program(render(vacant(), vacant_port(), {}));
  }

  void set_gate(bool open) {
    Rules gate;
    gate.flows = {gate_rule(open)};
    bridge->program(gate);
  }

  Trace trace(const std::string& frame) {
    const std::string text = ovs->vswitchd().call("ofproto/trace", {"b", frame});
    return {line_after(text, "Datapath actions: "), line_after(text, "Megaflow: ")};
  }

  struct Case {
    std::string description;
    std::string frame;
    std::string actions;
  };

  void check(const std::vector<Case>& cases) {
    for (const auto& one : cases)
      EXPECT_EQ(trace(one.frame).actions, one.actions) << one.description << ": " << one.frame;
  }

  std::unique_ptr<test::PrivateOvs> ovs;
  std::unique_ptr<test::BridgeConnection> bridge;
};

const std::string kClient = "dl_src=02:00:00:00:ee:01";
const std::string kToPlain = ",dl_dst=02:00:00:00:00:a1";
const std::string kToTagged = ",dl_dst=02:00:00:00:00:b1";
const std::string kBroadcast = ",dl_dst=ff:ff:ff:ff:ff:ff";
const std::string kVlan = ",dl_vlan=100";
const std::string kArpRequest = ",arp,arp_op=1,arp_spa=192.0.2.1,arp_sha=02:00:00:00:ee:01,arp_tpa=192.0.2.10";
const std::string kSolicitation =
    ",icmp6,ipv6_src=2001:db8::1,ipv6_dst=ff02::1:ff00:10,nw_ttl=255,icmpv6_type=135,icmpv6_code=0,nd_target=2001:db8::"
    "10";
const std::string kWithSourceAddress = ",nd_options_type=1,nd_sll=02:00:00:00:ee:01";

const std::string kArpAnswer =
    "set(eth(src=02:00:00:00:00:a1,dst=02:00:00:00:ee:01)),"
    "set(arp(sip=192.0.2.10,tip=192.0.2.1,op=2,sha=02:00:00:00:00:a1,tha=02:00:00:00:ee:01)),1";

TEST_F(PipelineInOvs, ArpForTheVipIsAnsweredWithTheDistributorsMac) {  // D2, D4
  const std::string probe = ",arp,arp_op=1,arp_spa=0.0.0.0,arp_sha=02:00:00:00:ee:01,arp_tpa=192.0.2.10";
  check({
      {"request", "in_port=1," + kClient + kBroadcast + kArpRequest, kArpAnswer},
      {"unicast request", "in_port=1," + kClient + kToPlain + kArpRequest, kArpAnswer},
      {"probe", "in_port=1," + kClient + kBroadcast + probe,
       "set(eth(src=02:00:00:00:00:a1,dst=02:00:00:00:ee:01)),"
       "set(arp(sip=192.0.2.10,tip=0.0.0.0,op=2,sha=02:00:00:00:00:a1,tha=02:00:00:00:ee:01)),1"},
      {"reply is not answered",
       "in_port=1," + kClient + kBroadcast + ",arp,arp_op=2,arp_spa=192.0.2.1,arp_tpa=192.0.2.10", "drop"},
      {"another address", "in_port=1," + kClient + kBroadcast + ",arp,arp_op=1,arp_spa=192.0.2.1,arp_tpa=192.0.2.11",
       "drop"},
      {"port of another tenant's VLAN, untagged", "in_port=2," + kClient + kBroadcast + kArpRequest, "drop"},
      {"port without load balancer", "in_port=4," + kClient + kBroadcast + kArpRequest, "drop"},
      {"tagged on an untagged interface", "in_port=1," + kClient + kBroadcast + kVlan + kArpRequest, "drop"},
      {"tagged on its trunk", "in_port=2," + kClient + kBroadcast + kVlan + kArpRequest,
       "set(eth(src=02:00:00:00:00:b1,dst=02:00:00:00:ee:01)),"
       "set(arp(sip=192.0.2.10,tip=192.0.2.1,op=2,sha=02:00:00:00:00:b1,tha=02:00:00:00:ee:01)),2"},
  });
}

// Solicited and override flags, target link-layer option, to the asker alone.
std::string advertisement(const std::string& own_mac, const std::string& port) {
  return "set(eth(src=" + own_mac + ",dst=02:00:00:00:ee:01)),set(ipv6(src=2001:db8::10,dst=2001:db8::1))," +
         "set(nd_ext(nd_reserved=0x60000000,nd_options_type=2)),set(nd(tll=" + own_mac +
         ")),set(icmpv6(type=136,code=0))," + port;
}

TEST_F(PipelineInOvs, NeighbourSolicitationsAreAnswered) {  // D3, D4
  const auto asked = [](const std::string& source, const std::string& target, const std::string& hop_limit) {
    return ",icmp6,ipv6_src=" + source + ",ipv6_dst=ff02::1:ff00:10,nw_ttl=" + hop_limit +
           ",icmpv6_type=135,icmpv6_code=0,nd_target=" + target;
  };
  const std::string multicast = kClient + ",dl_dst=33:33:ff:00:00:10";
  check({
      {"with source link-layer address", "in_port=1," + multicast + kSolicitation + kWithSourceAddress,
       advertisement("02:00:00:00:00:a1", "1")},
      {"unicast, without option", "in_port=1," + kClient + kToPlain + kSolicitation,
       "set(eth(src=02:00:00:00:00:a1,dst=02:00:00:00:ee:01)),set(ipv6(src=2001:db8::10,dst=2001:db8::1)),"
       "set(nd_ext(nd_reserved=0x60000000)),set(icmpv6(type=136,code=0)),1"},
      {"duplicate address detection: to all nodes, override, not solicited",
       "in_port=1," + multicast + asked("::", "2001:db8::10", "255"),
       "set(eth(src=02:00:00:00:00:a1,dst=33:33:00:00:00:01)),set(ipv6(src=2001:db8::10,dst=ff02::1)),"
       "set(nd_ext(nd_reserved=0x20000000)),set(icmpv6(type=136,code=0)),1"},
      {"another target", "in_port=1," + multicast + asked("2001:db8::1", "2001:db8::11", "255"), "drop"},
      {"crossed a router", "in_port=1," + multicast + asked("2001:db8::1", "2001:db8::10", "254"), "drop"},
      {"tagged on its trunk", "in_port=2," + multicast + kVlan + kSolicitation + kWithSourceAddress,
       advertisement("02:00:00:00:00:b1", "2")},
      {"untagged on the trunk", "in_port=2," + multicast + kSolicitation + kWithSourceAddress, "drop"},
      {"port without load balancer", "in_port=4," + multicast + kSolicitation + kWithSourceAddress, "drop"},
  });
}

TEST_F(PipelineInOvs, ClosedGateSilencesArpAndNdAndNothingElse) {  // H4, H5
  const std::string arp = "in_port=1," + kClient + kBroadcast + kArpRequest;
  const std::string nd = "in_port=1," + kClient + ",dl_dst=33:33:ff:00:00:10" + kSolicitation + kWithSourceAddress;
  const std::string tcp = "in_port=1," + kClient + kToPlain + ",tcp,nw_src=203.0.113.7,nw_dst=192.0.2.10";
  const std::string forwarded = trace(tcp).actions;
  set_gate(false);
  check({{"ARP", arp, "drop"},
         {"ND", nd, "drop"},
         {"ND for the VIP, unicast", "in_port=1," + kClient + kToPlain + kSolicitation, "drop"},
         {"tagged ARP", "in_port=2," + kClient + kBroadcast + kVlan + kArpRequest, "drop"},
         {"traffic goes on", tcp, forwarded}});
  set_gate(true);
  check({{"ARP again", arp, kArpAnswer}, {"ND again", nd, advertisement("02:00:00:00:00:a1", "1")}});
}

TEST_F(PipelineInOvs, FramesGoToTheAmphoraThatPlacementNames) {  // D1, D6, D11, A1, A2, A5, A6
  const placement::RendezvousHash hash;
  std::set<std::uint32_t> used;
  for (int n = 1; n <= 60; ++n) {
    const std::string v4 = "203.0.113." + std::to_string(n);
    const std::string v6 = "2001:db8:1::" + std::to_string(n);
    for (const std::string& frame :
         {",tcp,nw_src=" + v4 + ",nw_dst=192.0.2.10,nw_ttl=9,tcp_src=1000", ",udp,nw_src=" + v4 + ",nw_dst=192.0.2.10",
          ",sctp,nw_src=" + v4 + ",nw_dst=192.0.2.10", ",icmp,icmp_type=8,nw_src=" + v4 + ",nw_dst=192.0.2.10",
          ",tcp6,ipv6_src=" + v6 + ",ipv6_dst=2001:db8::10", ",udp6,ipv6_src=" + v6 + ",ipv6_dst=2001:db8::10",
          ",icmp6,icmpv6_type=128,ipv6_src=" + v6 + ",ipv6_dst=2001:db8::10"}) {
      const bool is_v6 = frame.find("ipv6_src") != std::string::npos;
      const auto position = hash.where(plain(), {*IpAddress::parse(is_v6 ? v6 : v4)});
      used.insert(position->value);
      const std::string amphora = plain().slots[position->value].occupant->mac.text();
      ASSERT_EQ(trace("in_port=1," + kClient + kToPlain + frame).actions,
                "set(eth(src=02:00:00:00:00:a1,dst=" + amphora + ")),1")
          << frame;
    }
  }
  EXPECT_EQ(used, (std::set<std::uint32_t>{0, 2}));
}

TEST_F(PipelineInOvs, VlanTagIsKeptOnTheTrunk) {  // D1, D8
  check({{"tagged", "in_port=2," + kClient + kToTagged + kVlan + ",tcp,nw_src=203.0.113.7,nw_dst=192.0.2.10",
          "set(eth(src=02:00:00:00:00:b1,dst=02:00:00:00:0b:00)),2"},
         {"another VLAN", "in_port=2," + kClient + kToTagged + ",dl_vlan=101,tcp,nw_src=203.0.113.7,nw_dst=192.0.2.10",
          "drop"}});
}

TEST_F(PipelineInOvs, WhatIsNotForTheVipIsDropped) {  // D4, D8
  const std::string to_vip = ",tcp,nw_src=203.0.113.7,nw_dst=192.0.2.10";
  check({
      {"another destination MAC", "in_port=1," + kClient + ",dl_dst=02:00:00:00:00:a2" + to_vip, "drop"},
      {"broadcast MAC", "in_port=1," + kClient + kBroadcast + to_vip, "drop"},
      {"another tenant's MAC", "in_port=1," + kClient + kToTagged + to_vip, "drop"},
      {"another VIP", "in_port=1," + kClient + kToPlain + ",tcp,nw_src=203.0.113.7,nw_dst=192.0.2.11", "drop"},
      {"port without load balancer", "in_port=4," + kClient + kToPlain + to_vip, "drop"},
      {"tagged on an untagged interface", "in_port=1," + kClient + kToPlain + kVlan + to_vip, "drop"},
      {"LLDP", "in_port=1," + kClient + ",dl_dst=01:80:c2:00:00:0e,dl_type=0x88cc", "drop"},
      {"DHCP", "in_port=1," + kClient + kBroadcast + ",udp,nw_src=0.0.0.0,nw_dst=255.255.255.255,udp_src=68,udp_dst=67",
       "drop"},
  });
}

TEST_F(PipelineInOvs, FramesFromAnAmphoraOfTheClusterToItsVipDie) {  // D12
  const std::string to_vip = ",tcp,nw_src=203.0.113.7,nw_dst=192.0.2.10";
  const std::string to_vip6 = ",tcp6,ipv6_src=2001:db8:1::7,ipv6_dst=2001:db8::10";
  check({{"position 0", "in_port=1,dl_src=02:00:00:00:0a:00" + kToPlain + to_vip, "drop"},
         {"position 2, IPv6", "in_port=1,dl_src=02:00:00:00:0a:02" + kToPlain + to_vip6, "drop"}});
  EXPECT_NE(trace("in_port=1,dl_src=02:00:00:00:0a:0f" + kToPlain + to_vip).actions, "drop") << "a spare has no rules";
}

TEST_F(PipelineInOvs, WithoutAnyAmphoraTrafficIsDroppedAndArpAnswered) {
  check({{"traffic", "in_port=3," + kClient + ",dl_dst=02:00:00:00:00:c1,tcp,nw_src=203.0.113.7,nw_dst=198.51.100.10",
          "drop"}});
  EXPECT_NE(
      trace("in_port=3," + kClient + kBroadcast + ",arp,arp_op=1,arp_spa=198.51.100.1,arp_tpa=198.51.100.10").actions,
      "drop");
}

TEST_F(PipelineInOvs, NodeAddressIsReachedThroughItsOwnInterfaceOnly) {  // H10, D8
  const std::string own = "dl_src=02:00:00:00:00:a1";
  const std::string own_tagged = "dl_src=02:00:00:00:00:b1";
  const std::string to_client = ",dl_dst=02:00:00:00:ee:01";
  const std::string ping = ",icmp,icmp_type=8,nw_src=192.0.2.1,nw_dst=192.0.2.5";
  const std::string answer = ",icmp,icmp_type=0,nw_src=192.0.2.5,nw_dst=192.0.2.1";
  check({
      {"ping", "in_port=1," + kClient + kToPlain + ping, "8"},
      {"ARP request", "in_port=1," + kClient + kBroadcast + ",arp,arp_op=1,arp_spa=192.0.2.1,arp_tpa=192.0.2.5", "8"},
      {"ARP answer", "in_port=1," + kClient + kToPlain + ",arp,arp_op=2,arp_spa=192.0.2.1,arp_tpa=192.0.2.5", "8"},
      {"ARP answer to another MAC",
       "in_port=1," + kClient + kToTagged + ",arp,arp_op=2,arp_spa=192.0.2.1,arp_tpa=192.0.2.5", "drop"},
      {"from another interface", "in_port=3," + kClient + kToPlain + ping, "drop"},
      {"answer to the ping", "in_port=8," + own + to_client + answer, "1"},
      {"its own ARP request", "in_port=8," + own + kBroadcast + ",arp,arp_op=1,arp_spa=192.0.2.5,arp_tpa=192.0.2.1",
       "1"},
      {"another source MAC", "in_port=8," + kClient + ",dl_dst=02:00:00:00:ee:02" + answer, "drop"},
      {"another source address", "in_port=8," + own + to_client + ",icmp,nw_src=192.0.2.10,nw_dst=192.0.2.1", "drop"},
      {"ARP for another address",
       "in_port=8," + own + kBroadcast + ",arp,arp_op=1,arp_spa=192.0.2.10,arp_tpa=192.0.2.1", "drop"},
      {"to the VIP", "in_port=8," + own + kToPlain + ",tcp,nw_src=203.0.113.7,nw_dst=192.0.2.10", "drop"},
      {"inwards over the VLAN",
       "in_port=2," + kClient + kToTagged + kVlan + ",icmp6,icmpv6_type=128,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::5",
       "pop_vlan,9"},
      {"solicitation over the VLAN",
       "in_port=2," + kClient + ",dl_dst=33:33:ff:00:00:05" + kVlan +
           ",icmp6,ipv6_src=2001:db8::1,ipv6_dst=ff02::1:ff00:5,nw_ttl=255,icmpv6_type=135,icmpv6_code=0,nd_target="
           "2001:db8::5",
       "pop_vlan,9"},
      {"outwards into the VLAN",
       "in_port=9," + own_tagged + to_client + ",icmp6,icmpv6_type=129,ipv6_src=2001:db8::5,ipv6_dst=2001:db8::1",
       "push_vlan(vid=100,pcp=0),2"},
      {"from one node address to another load balancer's", "in_port=8," + own + kToTagged + ",icmp,nw_src=192.0.2.5",
       "1"},
  });
}

TEST_F(PipelineInOvs, PortAffinitySpreadsOneSourceAsPlacementSays) {  // A3, A5
  LoadBalancer lb = vacant();
  lb.ordinal = 3;
  lb.affinity = Affinity::source_ip_and_port;
  lb.slots.assign(8, occupied("02:00:00:00:0d:00"));
  for (std::uint8_t i = 0; i < 8; ++i) lb.slots[i].occupant->mac = MacAddress({2, 0, 0, 0, 0xd, i});
  bridge->program(render(lb, {4, mac("02:00:00:00:00:d1"), std::nullopt, std::nullopt, std::nullopt}, {}));
  const placement::RendezvousHash hash;
  std::set<std::uint32_t> used;
  for (std::uint16_t port = 1000; port < 1100; ++port) {
    const placement::Client client{ip("203.0.113.7"), port, placement::Protocol::udp};
    const auto position = hash.where(lb, client)->value;
    used.insert(position);
    ASSERT_EQ(
        trace("in_port=4," + kClient +
              ",dl_dst=02:00:00:00:00:d1,udp,nw_src=203.0.113.7,nw_dst=198.51.100.10,udp_src=" + std::to_string(port))
            .actions,
        "set(eth(src=02:00:00:00:00:d1,dst=02:00:00:00:0d:0" + std::to_string(position) + ")),4");
  }
  EXPECT_EQ(used.size(), 8U);
}

// What a datapath flow matches decides how many of them there are: the source address is the only field of the client.
TEST_F(PipelineInOvs, DatapathFlowsDoNotSeePortsOrTtl) {  // A7
  const auto fields = [&](const std::string& frame) {
    std::set<std::string> names;
    std::string text = trace(frame).megaflow + ",";
    for (std::size_t at = 0; (at = text.find(',')) != std::string::npos; text.erase(0, at + 1)) {
      names.insert(text.substr(0, std::min(at, text.find('='))));
    }
    return names;
  };
  const std::set<std::string> allowed{"recirc_id", "eth",         "in_port", "dl_src",   "dl_dst", "vlan_tci",
                                      "dl_vlan",   "dl_vlan_pcp", "ip",      "ipv6",     "tcp",    "udp",
                                      "icmp",      "icmp6",       "tcp6",    "udp6",     "nw_src", "nw_dst",
                                      "ipv6_src",  "ipv6_dst",    "nw_frag", "nw_proto", "dl_type",  "icmp_type"};
  for (const std::string& frame :
       {std::string(",tcp,nw_src=203.0.113.7,nw_dst=192.0.2.10,tcp_src=999,tcp_dst=80,nw_ttl=33"),
        std::string(",udp,nw_src=203.0.113.7,nw_dst=192.0.2.10,udp_src=999,udp_dst=80,nw_ttl=33"),
        std::string(",icmp,nw_src=203.0.113.7,nw_dst=192.0.2.10,icmp_type=8,nw_ttl=33"),
        std::string(",tcp6,ipv6_src=2001:db8:1::7,ipv6_dst=2001:db8::10,tcp_src=999,tcp_dst=80,nw_ttl=33"),
        std::string(",udp6,ipv6_src=2001:db8:1::7,ipv6_dst=2001:db8::10,udp_src=999,udp_dst=80,nw_ttl=33")}) {
    for (const auto& name : fields("in_port=1," + kClient + kToPlain + frame)) {
      EXPECT_TRUE(allowed.contains(name)) << name << " in the datapath flow of " << frame;
    }
    for (const auto& name : fields("in_port=3," + kClient + kToPlain + frame)) {
      EXPECT_NE(name, "nw_src") << "a frame that is dropped made its own datapath flow";
      EXPECT_NE(name, "ipv6_src") << "a frame that is dropped made its own datapath flow";
    }
  }
}

TEST_F(PipelineInOvs, ErrorsAboutConnectionsGoToEveryAmphora) {  // D9
  // The second copy has its source set already.
  const std::string both = "set(eth(src=02:00:00:00:00:a1,dst=02:00:00:00:0a:00)),1,set(eth(dst=02:00:00:00:0a:02)),1";
  for (const int type : {3, 11, 12}) {
    const auto found =
        trace("in_port=1," + kClient + kToPlain + ",icmp,nw_src=198.51.100.9,nw_dst=192.0.2.10,icmp_type=" + std::to_string(type)).actions;
    EXPECT_TRUE(found.ends_with(both)) << type << ": " << found;
    EXPECT_TRUE(found.starts_with("meter(")) << type << ": " << found;
  }
  for (const int type : {1, 2, 3, 4}) {
    const auto found = trace("in_port=1," + kClient + kToPlain +
                             ",icmp6,ipv6_src=2001:db8:9::9,ipv6_dst=2001:db8::10,icmpv6_type=" + std::to_string(type))
                           .actions;
    EXPECT_TRUE(found.ends_with(both)) << type << ": " << found;
  }
  const std::string loop = "in_port=1,dl_src=02:00:00:00:0a:00" + kToPlain;
  check({{"from an amphora of the cluster", loop + ",icmp,nw_src=198.51.100.9,nw_dst=192.0.2.10,icmp_type=3", "drop"},
         {"to another address", "in_port=1," + kClient + kToPlain + ",icmp,nw_dst=192.0.2.11,icmp_type=3", "drop"}});
}

TEST_F(PipelineInOvs, FragmentsOfOneSourceStayTogether) {  // D10, A3
  LoadBalancer lb = vacant();
  lb.ordinal = 3;
  lb.affinity = Affinity::source_ip_and_port;
  lb.slots.assign(8, occupied("02:00:00:00:0d:00"));
  for (std::uint8_t i = 0; i < 8; ++i) lb.slots[i].occupant->mac = MacAddress({2, 0, 0, 0, 0xd, i});
  bridge->program(render(lb, {4, mac("02:00:00:00:00:d1"), std::nullopt, std::nullopt, std::nullopt}, {}));
  const std::string udp = "in_port=4," + kClient + ",dl_dst=02:00:00:00:00:d1,udp,nw_src=203.0.113.7,nw_dst=198.51.100.10";
  const std::string later = trace(udp + ",nw_frag=later").actions;
  EXPECT_NE(later, "drop");
  for (int port = 1000; port < 1020; ++port) {
    EXPECT_EQ(trace(udp + ",nw_frag=first,udp_src=" + std::to_string(port)).actions, later);
  }
}

TEST_F(PipelineInOvs, HairpinSendsRepliesOnToTheGateway) {  // D13
  bridge->program(render(hairpin(), hairpin_port(), with_gateway()));
  const std::string to_us = ",dl_dst=02:00:00:00:00:f1";
  const std::string amphora = "in_port=4,dl_src=02:00:00:00:0a:02" + to_us;
  const std::string reply = ",tcp,nw_src=192.0.2.10,nw_dst=203.0.113.7,tcp_src=80";
  check({{"reply", amphora + reply, "set(eth(src=02:00:00:00:00:f1,dst=02:00:00:00:99:01)),4"},
         {"reply of somebody else", "in_port=4," + kClient + to_us + reply, "drop"},
         {"reply of a spare", "in_port=4,dl_src=02:00:00:00:0a:0f" + to_us + reply, "drop"},
         {"the amphora's own traffic", amphora + ",tcp,nw_src=192.0.2.77,nw_dst=203.0.113.7", "drop"},
         {"to the VIP: a loop", amphora + ",tcp,nw_src=192.0.2.10,nw_dst=192.0.2.10", "drop"},
         {"gateway not known yet", amphora + ",tcp6,ipv6_src=2001:db8::10,ipv6_dst=2001:db8:1::7", "drop"},
         {"at another port", "in_port=1,dl_src=02:00:00:00:0a:02" + kToPlain + reply, "drop"},
         {"its ARP", "in_port=4,dl_src=02:00:00:00:0a:02" + kBroadcast +
                         ",arp,arp_op=1,arp_spa=192.0.2.77,arp_sha=02:00:00:00:0a:02,arp_tpa=192.0.2.250",
          "set(eth(src=02:00:00:00:00:f1,dst=02:00:00:00:0a:02)),"
          "set(arp(sip=192.0.2.250,tip=192.0.2.77,op=2,sha=02:00:00:00:00:f1,tha=02:00:00:00:0a:02)),4"}});
  const auto to_daemon = [&](const std::string& frame) {
    return trace(frame).actions.find("controller") != std::string::npos;
  };
  EXPECT_TRUE(to_daemon("in_port=4,dl_src=02:00:00:00:99:01" + to_us + ",arp,arp_op=2,arp_spa=192.0.2.1,arp_tpa=0.0.0.0"));
  EXPECT_FALSE(to_daemon("in_port=4,dl_src=02:00:00:00:99:01" + to_us + ",arp,arp_op=2,arp_spa=192.0.2.2,arp_tpa=0.0.0.0"));
  EXPECT_TRUE(to_daemon("in_port=4,dl_src=02:00:00:00:99:01,dl_dst=33:33:00:00:00:01,icmp6,ipv6_src=2001:db8::1,"
                        "ipv6_dst=ff02::1,nw_ttl=255,icmpv6_type=136,icmpv6_code=0,nd_target=2001:db8::1"));
}

TEST_F(PipelineInOvs, WithoutNdInTheDatapathSolicitationsGoToTheDaemonBehindTheGate) {  // D3
  Options options;
  options.nd_by_rules = false;
  LoadBalancer lb = tagged();
  lb.ordinal = 4;
  const PortBinding port{4, mac("02:00:00:00:00:e1"), std::nullopt, std::nullopt, std::nullopt};
  bridge->program(render(lb, port, options));
  const std::string frame = "in_port=4," + kClient + ",dl_dst=33:33:ff:00:00:10" + kSolicitation + kWithSourceAddress;
  EXPECT_NE(trace(frame).actions.find("controller"), std::string::npos) << trace(frame).actions;
  set_gate(false);
  EXPECT_EQ(trace(frame).actions, "drop");
}

}  // namespace
}  // namespace distributor::pipeline
