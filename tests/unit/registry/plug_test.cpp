// PLUG and UNPLUG (P3, P5, A6, H1).
#include <gtest/gtest.h>

#include <functional>

#include "sync/registry/limits.hpp"
#include "tests/unit/registry/values.hpp"

namespace distributor {
namespace {

using test::ip;
using test::item;
using test::lb_id;
using test::mac;
using test::node;
using test::plug_of;
using test::prefix;
using Code = RegistryErrorCode;

TEST(Plug, NewLoadBalancerHoldsWhatWasSent) {  // P3, A6
  Registry registry;
  const auto command = plug_of(1);
  const auto applied = registry.apply(command);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_TRUE(applied->changed);
  EXPECT_EQ(applied->touched, std::vector{lb_id(1)});
  const auto lb = registry.find(lb_id(1));
  ASSERT_TRUE(lb);
  EXPECT_EQ(lb->ordinal, 1U);
  EXPECT_EQ(lb->vips, command.vips);
  EXPECT_EQ(lb->nodes, command.nodes);
  EXPECT_EQ(lb->hash_seed, command.fresh_hash_seed);
  EXPECT_TRUE(lb->slots.empty());
}

TEST(Plug, StoredHashSeedIsTakenForARebuiltPair) {  // H1
  Registry registry;
  auto command = plug_of(1);
  command.hash_seed = 7;
  ASSERT_TRUE(registry.apply(command));
  EXPECT_EQ(registry.find(lb_id(1))->hash_seed, 7U);
}

TEST(Plug, SameRequestInAnotherOrderIsNoChange) {
  Registry registry;
  auto command = plug_of(1);
  command.vips.push_back({ip("2001:db8:1::10"), prefix("2001:db8:1::/64"), {}, {}});
  ASSERT_TRUE(registry.apply(command));
  const auto digest = registry.digest();
  std::swap(command.nodes[0], command.nodes[1]);
  std::swap(command.vips[1], command.vips[2]);
  std::swap(command.vips[0].host_routes[0], command.vips[0].host_routes[1]);
  command.fresh_hash_seed += 1;  // drawn anew by the edge for every request
  const auto again = registry.apply(command);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(registry.digest(), digest);
}

TEST(Plug, NodesComeOneByOneAndARebuiltOneBringsItsNewMac) {  // H10
  Registry registry;
  auto command = plug_of(1);
  const auto second = command.nodes[1];
  command.nodes.pop_back();
  ASSERT_TRUE(registry.apply(command));
  command.nodes = {second};
  EXPECT_TRUE(registry.apply(command)->changed);
  EXPECT_EQ(registry.find(lb_id(1))->nodes, plug_of(1).nodes);
  command.nodes[0].mac = mac("02:00:00:00:0e:ee");
  EXPECT_TRUE(registry.apply(command)->changed);
  EXPECT_EQ(registry.find(lb_id(1))->interface_of(node("b"))->mac, mac("02:00:00:00:0e:ee"));
  EXPECT_EQ(registry.find(lb_id(1))->nodes.size(), 2U);
}

TEST(Plug, OrdinalsAreTheLowestFreeAndKept) {
  Registry registry;
  for (const unsigned n : {1U, 2U, 3U}) ASSERT_TRUE(registry.apply(plug_of(n)));
  ASSERT_TRUE(registry.apply(UnplugCommand{lb_id(2)}));
  EXPECT_EQ(registry.find(lb_id(3))->ordinal, 3U);
  ASSERT_TRUE(registry.apply(plug_of(4)));
  EXPECT_EQ(registry.find(lb_id(4))->ordinal, 2U);
}

TEST(Plug, TenantsMayUseTheSameAddresses) {
  Registry registry;
  ASSERT_TRUE(registry.apply(plug_of(1)));
  EXPECT_TRUE(registry.apply(plug_of(2)));
}

TEST(Plug, OneTrunkPortCarriesManyLoadBalancersByVlan) {
  Registry registry;
  auto first = plug_of(1);
  auto second = plug_of(2);
  second.nodes[0].mac = first.nodes[0].mac;
  first.nodes[0].vlan = 100;
  second.nodes[0].vlan = 101;
  ASSERT_TRUE(registry.apply(first));
  EXPECT_TRUE(registry.apply(second));
  auto third = plug_of(3);
  third.nodes[0] = first.nodes[0];
  const auto refused = registry.apply(third);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
}

TEST(Plug, NoRoomAboveTheLimit) {  // L6
  Registry registry;
  for (unsigned n = 0; n < limits::kLoadBalancersMax; ++n) {
    LoadBalancer lb;
    lb.id = lb_id(n + 1);
    lb.ordinal = n + 1;
    ASSERT_TRUE(registry.restore(std::move(lb)));
  }
  const auto refused = registry.check(plug_of(9'999));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::limit);
  LoadBalancer one_too_many;
  one_too_many.id = lb_id(9'999);
  one_too_many.ordinal = 4'097;
  EXPECT_FALSE(registry.restore(one_too_many));
  one_too_many.id = lb_id(1);  // instead of one that stands
  EXPECT_TRUE(registry.restore(one_too_many));
  one_too_many.ordinal = 2;  // which is another's
  EXPECT_FALSE(registry.restore(one_too_many));
}

TEST(Unplug, TakesEverythingOfOneAndNothingOfOthers) {  // P5
  Registry registry;
  ASSERT_TRUE(registry.apply(plug_of(1)));
  const auto digest = registry.digest();
  const auto untouched = registry.find(lb_id(1));
  ASSERT_TRUE(registry.apply(plug_of(2)));
  ASSERT_TRUE(registry.apply(test::reg(2, {item(1)})));
  EXPECT_TRUE(registry.apply(UnplugCommand{lb_id(2)})->changed);
  EXPECT_EQ(registry.find(lb_id(2)), nullptr);
  EXPECT_EQ(registry.find(lb_id(1)), untouched);
  EXPECT_EQ(registry.digest(), digest);
  EXPECT_FALSE(registry.apply(UnplugCommand{lb_id(2)})->changed);
}

struct Refusal {
  const char* what;
  std::function<void(PlugCommand&)> spoil;
  Code code;
  const char* field;
};

void expect_refused(const Registry& standing, PlugCommand command, const Refusal& row) {
  Registry registry = standing;
  row.spoil(command);
  const auto refused = registry.apply(command);
  ASSERT_FALSE(refused) << row.what;
  EXPECT_EQ(refused.error().code, row.code) << row.what;
  EXPECT_EQ(refused.error().field, row.field) << row.what << ": " << refused.error().message;
  EXPECT_FALSE(refused.error().message.empty()) << row.what;
  EXPECT_FALSE(refused.error().fix.empty()) << row.what;
  EXPECT_EQ(registry.digest(), standing.digest()) << row.what;
  EXPECT_EQ(registry.size(), standing.size()) << row.what;
}

using P = PlugCommand;
const Vip& with(Vip& vip, const char* address, const char* subnet) {
  vip = {ip(address), prefix(subnet), {}, {}};
  return vip;
}
void only(P& p, const char* address, const char* subnet) {
  p.vips.resize(1);
  with(p.vips[0], address, subnet);
  for (auto& one : p.nodes) one.vrrp_ip.reset();
}

TEST(Plug, RefusesWhatContradictsItself) {  // P3
  const std::vector<Refusal> rows = {
      {"no id", [](P& p) { p.lb = {}; }, Code::invalid, "lb_id"},
      {"no VIP", [](P& p) { p.vips.clear(); }, Code::invalid, "vip_address"},
      {"nine VIPs", [](P& p) { p.vips.resize(9, p.vips[0]); }, Code::invalid, "additional_vips"},
      {"outside its subnet", [](P& p) { p.vips[0].address = ip("192.0.3.10"); }, Code::invalid, "vip_address"},
      {"other family", [](P& p) { p.vips[0].address = ip("2001:db8::10"); }, Code::invalid, "vip_address"},
      {"second outside", [](P& p) { p.vips[1].address = ip("2001:db9::1"); }, Code::invalid,
       "additional_vips[0].ip_address"},
      {"network address", [](P& p) { p.vips[0].address = ip("192.0.2.0"); }, Code::invalid, "vip_address"},
      {"broadcast address", [](P& p) { p.vips[0].address = ip("192.0.2.255"); }, Code::invalid, "vip_address"},
      {"IPv6 anycast", [](P& p) { p.vips[1].address = ip("2001:db8::"); }, Code::invalid,
       "additional_vips[0].ip_address"},
      {"multicast", [](P& p) { only(p, "224.0.0.9", "224.0.0.0/24"); }, Code::invalid, "vip_address"},
      {"IPv6 multicast", [](P& p) { only(p, "ff02::9", "ff02::/64"); }, Code::invalid, "vip_address"},
      {"loopback", [](P& p) { only(p, "127.0.0.2", "127.0.0.0/8"); }, Code::invalid, "vip_address"},
      {"unspecified", [](P& p) { only(p, "0.0.0.0", "0.0.0.0/8"); }, Code::invalid, "vip_address"},
      {"limited broadcast", [](P& p) { only(p, "255.255.255.255", "255.255.255.255/32"); }, Code::invalid,
       "vip_address"},
      {"no subnet", [](P& p) { p.vips[0].subnet = prefix("0.0.0.0/0"); }, Code::invalid, "subnet_cidr"},
      {"host bits",
       [](P& p) {
         p.vips[0].subnet = {ip("192.0.2.1"), 24};
       },
       Code::invalid, "subnet_cidr"},
      {"length", [](P& p) { p.vips[0].subnet.length = 33; }, Code::invalid, "subnet_cidr"},
      {"same VIP twice", [](P& p) { p.vips[1] = p.vips[0]; }, Code::invalid, "additional_vips[0].ip_address"},
      {"gateway outside", [](P& p) { p.vips[0].gateway = ip("192.0.3.1"); }, Code::invalid, "gateway"},
      {"gateway is VIP", [](P& p) { p.vips[0].gateway = ip("192.0.2.10"); }, Code::invalid, "gateway"},
      {"gateway is network", [](P& p) { p.vips[0].gateway = ip("192.0.2.0"); }, Code::invalid, "gateway"},
      {"next hop outside", [](P& p) { p.vips[0].host_routes[1].next_hop = ip("10.0.0.1"); }, Code::invalid,
       "host_routes[1].nexthop"},
      {"next hop is VIP", [](P& p) { p.vips[0].host_routes[0].next_hop = ip("192.0.2.10"); }, Code::invalid,
       "host_routes[0].nexthop"},
      {"route of other family", [](P& p) { p.vips[0].host_routes[0].destination = prefix("2001:db8::/32"); },
       Code::invalid, "host_routes[0].destination"},
      {"route twice", [](P& p) { p.vips[0].host_routes[1].destination = p.vips[0].host_routes[0].destination; },
       Code::invalid, "host_routes[1].destination"},
      {"65 routes", [](P& p) { p.vips[0].host_routes.resize(65); }, Code::invalid, "host_routes"},
      {"no node", [](P& p) { p.nodes.clear(); }, Code::invalid, "nodes"},
      {"three nodes", [](P& p) { p.nodes.resize(3); }, Code::invalid, "nodes"},
      {"nameless node", [](P& p) { p.nodes[0].node = {}; }, Code::invalid, "nodes[0].node_id"},
      {"node twice", [](P& p) { p.nodes[1].node = p.nodes[0].node; }, Code::invalid, "nodes[1].node_id"},
      {"MAC twice", [](P& p) { p.nodes[1].mac = p.nodes[0].mac; }, Code::invalid, "nodes[1].mac_address"},
      {"zero MAC", [](P& p) { p.nodes[0].mac = {}; }, Code::invalid, "nodes[0].mac_address"},
      {"multicast MAC", [](P& p) { p.nodes[0].mac = mac("01:00:5e:00:00:01"); }, Code::invalid, "nodes[0].mac_address"},
      {"broadcast MAC", [](P& p) { p.nodes[0].mac = mac("ff:ff:ff:ff:ff:ff"); }, Code::invalid, "nodes[0].mac_address"},
      {"vrrp_ip outside", [](P& p) { p.nodes[0].vrrp_ip = ip("10.0.0.1"); }, Code::invalid, "nodes[0].vrrp_ip"},
      {"vrrp_ip is VIP", [](P& p) { p.nodes[0].vrrp_ip = ip("2001:db8::10"); }, Code::invalid, "nodes[0].vrrp_ip"},
      {"vrrp_ip is gateway", [](P& p) { p.nodes[0].vrrp_ip = ip("192.0.2.1"); }, Code::invalid, "nodes[0].vrrp_ip"},
      {"vrrp_ip is broadcast", [](P& p) { p.nodes[0].vrrp_ip = ip("192.0.2.255"); }, Code::invalid, "nodes[0].vrrp_ip"},
      {"vrrp_ip twice", [](P& p) { p.nodes[1].vrrp_ip = p.nodes[0].vrrp_ip; }, Code::invalid, "nodes[1].vrrp_ip"},
      {"VLAN 0", [](P& p) { p.nodes[0].vlan = 0; }, Code::invalid, "nodes[0].vlan"},
      {"VLAN 4095", [](P& p) { p.nodes[1].vlan = 4095; }, Code::invalid, "nodes[1].vlan"},
      {"no position", [](P& p) { p.cluster_size = 0; }, Code::invalid, "cluster_size"},
      {"257 positions", [](P& p) { p.cluster_size = 257; }, Code::invalid, "cluster_size"},
      {"small MTU", [](P& p) { p.mtu = 575; }, Code::invalid, "mtu"},
      {"large MTU", [](P& p) { p.mtu = 9217; }, Code::invalid, "mtu"},
      {"affinity", [](P& p) { p.affinity = static_cast<Affinity>(3); }, Code::invalid, "alg_extras"},
      {"mode", [](P& p) { p.mode = static_cast<ForwardingMode>(0); }, Code::invalid, "forwarding_mode"},
  };
  for (const auto& row : rows) expect_refused(Registry{}, plug_of(1), row);
}

TEST(Plug, AcceptsTheEdgesOfItsRanges) {
  const std::vector<std::function<void(P&)>> rows = {
      [](P& p) { only(p, "192.0.2.0", "192.0.2.0/31"); },
      [](P& p) { only(p, "192.0.2.1", "192.0.2.1/32"); },
      [](P& p) { only(p, "2001:db8::", "2001:db8::/127"); },
      [](P& p) { only(p, "2001:db8::1", "2001:db8::1/128"); },
      [](P& p) { p.vips[1].gateway = ip("2001:db8::"); },  // subnet-router anycast
      [](P& p) { p.vips[0].host_routes[0].destination = prefix("0.0.0.0/0"); },
      [](P& p) { p.nodes[0].vlan = 1, p.nodes[1].vlan = 4094; },
      [](P& p) { p.cluster_size = 256, p.mtu = 9216; },
      [](P& p) { p.cluster_size = 1, p.mtu = 576; },
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto command = plug_of(1);
    rows[i](command);
    Registry registry;
    const auto applied = registry.apply(command);
    EXPECT_TRUE(applied) << i << ": " << applied.error().message;
  }
}

TEST(Plug, RefusesWhatContradictsTheStanding) {  // P3: 409 names the field
  Registry standing;
  auto command = plug_of(1);
  command.hash_seed = 7;
  command.cluster_size = 4;
  command.mtu = 1500;
  ASSERT_TRUE(standing.apply(command));
  ASSERT_TRUE(standing.apply(plug_of(2)));
  ASSERT_TRUE(standing.apply(test::reg(1, {item(1), test::spare(2)})));
  const std::vector<Refusal> rows = {
      {"other VIP", [](P& p) { p.vips[0].address = ip("192.0.2.20"); }, Code::conflict, "vip_address"},
      {"other subnet", [](P& p) { p.vips[0].subnet = prefix("192.0.2.0/25"); }, Code::conflict, "subnet_cidr"},
      {"no gateway", [](P& p) { p.vips[0].gateway.reset(); }, Code::conflict, "gateway"},
      {"other routes", [](P& p) { p.vips[0].host_routes.pop_back(); }, Code::conflict, "host_routes"},
      {"fewer VIPs", [](P& p) { p.vips.pop_back(); }, Code::conflict, "additional_vips"},
      {"other affinity", [](P& p) { p.affinity = Affinity::source_ip_and_port; }, Code::conflict, "alg_extras"},
      {"other mode",
       [](P& p) {
         p.mode = ForwardingMode::hairpin;
         p.vips[0].hairpin_address = ip("192.0.2.250");
         p.vips[1].hairpin_address = ip("2001:db8::250");
       },
       Code::conflict, "hairpin_address"},
      {"other classes", [](P& p) { p.hash_classes_max = 1024; }, Code::conflict, "alg_extras"},
      {"no size any more", [](P& p) { p.cluster_size.reset(); }, Code::conflict, "cluster_size"},
      {"other MTU", [](P& p) { p.mtu.reset(); }, Code::conflict, "mtu"},
      {"other seed", [](P& p) { p.hash_seed = 8; }, Code::conflict, "hash_seed"},
      {"third node",
       [](P& p) {
         p.nodes = {{node("c"), mac("02:00:00:00:0c:cc"), {}, {}}};
       },
       Code::limit, "nodes"},
      {"MAC of the other node", [](P& p) { p.nodes[0].mac = p.nodes[1].mac, p.nodes.pop_back(); }, Code::conflict,
       "nodes[0].mac_address"},
      {"vrrp_ip of the other node", [](P& p) { p.nodes[0].vrrp_ip = p.nodes[1].vrrp_ip, p.nodes.pop_back(); },
       Code::conflict, "nodes[0].vrrp_ip"},
      {"MAC of an amphora", [](P& p) { p.nodes[1].mac = test::amphora_mac(1); }, Code::conflict,
       "nodes[1].mac_address"},
      {"MAC of a spare", [](P& p) { p.nodes[1].mac = test::amphora_mac(2); }, Code::conflict, "nodes[1].mac_address"},
      {"interface of another", [](P& p) { p.nodes[1].mac = test::node_mac(2, 1); }, Code::conflict,
       "nodes[1].mac_address"},
  };
  for (const auto& row : rows) expect_refused(standing, command, row);
}

TEST(Plug, ClusterGrowsAndShrinksAroundWhatIsRegistered) {  // F7, O2
  Registry registry;
  auto command = plug_of(1);
  command.cluster_size = 4;
  ASSERT_TRUE(registry.apply(command));
  ASSERT_TRUE(registry.apply(test::reg(1, {item(1, 0), item(2, 2)})));
  const auto before = registry.find(test::lb_id(1))->slots;
  command.cluster_size = 2;
  const auto refused = registry.apply(command);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "cluster_size");
  EXPECT_NE(refused.error().message.find("position 2"), std::string::npos);
  for (const std::uint32_t size : {3U, 16U, 3U}) {
    command.cluster_size = size;
    const auto resized = registry.apply(command);
    ASSERT_TRUE(resized) << size;
    EXPECT_TRUE(resized->changed);
    EXPECT_EQ(registry.find(test::lb_id(1))->slots, before) << "no position changes";
    EXPECT_FALSE(registry.apply(command)->changed) << "and it may be said again";
  }
  EXPECT_FALSE(registry.apply(test::reg(1, {item(3, 3)}))) << "the cluster has three positions";
}

}  // namespace
}  // namespace distributor
