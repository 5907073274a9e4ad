// What ports decides about one load balancer's interface (P4, P5, H10), and the commands that build a namespace.
#include "openflow/ports/detail/entry.hpp"

#include <gmock/gmock.h>

namespace distributor::ports {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kBridge = "br-dist";

MacAddress mac(const char* text) { return MacAddress::parse(text).value(); }
IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

Link link_named(const char* name, const char* address, const char* kind = "") {
  Link link;
  link.index = 7;
  link.name = name;
  link.mac = mac(address);
  link.kind = kind;
  link.up = true;
  link.carrier = true;
  return link;
}

ovsdb::PortRow row(const char* name, std::int64_t ofport, const char* bridge = kBridge) {
  ovsdb::PortRow result;
  result.bridge = bridge;
  result.name = name;
  result.ofport = ofport;
  return result;
}

LoadBalancer load_balancer() {
  LoadBalancer lb;
  lb.id = LoadBalancerId::parse("11111111-2222-4333-8444-555555555555").value();
  lb.ordinal = 3;
  Vip vip;
  vip.address = ip("203.0.113.10");
  vip.subnet = IpPrefix::parse("203.0.113.0/24").value();
  vip.gateway = ip("203.0.113.1");
  vip.host_routes = {{IpPrefix::parse("198.51.100.0/24").value(), ip("203.0.113.2")}};
  lb.vips = {vip};
  NodeInterface interface;
  interface.node = NodeId::parse("node-1").value();
  interface.mac = mac("02:00:00:00:0a:01");
  lb.nodes = {interface};
  return lb;
}

Entry entry_of(const LoadBalancer& lb) {
  Entry entry;
  entry.id = lb.id;
  entry.ordinal = lb.ordinal;
  entry.interface = lb.nodes.front();
  entry.wish = namespace_wish(lb, entry.interface, "lb-", "vr");
  return entry;
}

std::vector<std::string> texts(const std::vector<CommandLine>& commands) {
  std::vector<std::string> lines;
  for (const auto& command : commands) {
    std::string line;
    for (const auto& argument : command.arguments) line += (line.empty() ? "" : " ") + argument;
    lines.push_back(line);
  }
  return lines;
}

TEST(Ports, InterfaceThatIsNotPluggedYetIsWaitedFor) {  // P4
  const auto entry = entry_of(load_balancer());
  const auto state = observe(entry, nullptr, {true, {}, {}}, kBridge);
  EXPECT_FALSE(state.present);
  EXPECT_FALSE(state.binding);
  EXPECT_THAT(state.reason, HasSubstr("02:00:00:00:0a:01"));
  EXPECT_THAT(next_steps(entry, nullptr, {true, {}, {}}, kBridge, false), IsEmpty());
}

TEST(Ports, InterfaceThatAppearsIsAttachedOnce) {  // P4
  auto entry = entry_of(load_balancer());
  const auto link = link_named("eth1", "02:00:00:00:0a:01");
  EXPECT_THAT(next_steps(entry, &link, {true, {}, {}}, kBridge, false), ElementsAre(Step::attach));
  entry.attaching = true;
  EXPECT_THAT(next_steps(entry, &link, {true, {}, {}}, kBridge, false), IsEmpty());
}

TEST(Ports, AttachedInterfaceIsBoundToItsNumber) {
  const auto entry = entry_of(load_balancer());
  const auto link = link_named("eth1", "02:00:00:00:0a:01");
  const Rows rows{true, row("eth1", 106), {}};
  const auto state = observe(entry, &link, rows, kBridge);
  ASSERT_TRUE(state.binding);
  EXPECT_EQ(state.binding->ofport, 106U);
  EXPECT_EQ(state.binding->mac, link.mac);
  EXPECT_THAT(next_steps(entry, &link, rows, kBridge, false), IsEmpty());
}

TEST(Ports, PortOfAnotherBridgeOrWithoutNumberDoesNotCount) {
  const auto entry = entry_of(load_balancer());
  const auto link = link_named("eth1", "02:00:00:00:0a:01");
  EXPECT_FALSE(observe(entry, &link, {true, row("eth1", 5, "br-other"), {}}, kBridge).binding);
  EXPECT_FALSE(observe(entry, &link, {true, row("eth1", -1), {}}, kBridge).binding);
}

TEST(Ports, BindingStaysWhileOvsdbIsAway) {  // O4: the switch goes on forwarding
  auto entry = entry_of(load_balancer());
  const auto link = link_named("eth1", "02:00:00:00:0a:01");
  entry.state = observe(entry, &link, {true, row("eth1", 106), {}}, kBridge);
  const auto state = observe(entry, &link, {false, {}, {}}, kBridge);
  EXPECT_EQ(state.binding, entry.state.binding);
  EXPECT_THAT(next_steps(entry, &link, {false, {}, {}}, kBridge, true), IsEmpty());
}

TEST(Ports, InterfaceThatReturnsUnderAnotherNameReplacesTheOldPort) {
  auto entry = entry_of(load_balancer());
  entry.port = "eth1";
  const auto link = link_named("eth4", "02:00:00:00:0a:01");
  EXPECT_THAT(next_steps(entry, &link, {true, {}, {}}, kBridge, false), ElementsAre(Step::detach_old, Step::attach));
}

TEST(Ports, InterfaceThatGoesAwayIsDetachedAndANewOneOfItsNameIsNotTakenForIt) {  // P4: Open vSwitch would keep a dead socket
  auto entry = entry_of(load_balancer());
  entry.port = "eth1";
  entry.link_index = 7;
  EXPECT_THAT(next_steps(entry, nullptr, {true, {}, {}}, kBridge, false), ElementsAre(Step::detach_old));
  auto link = link_named("eth1", "02:00:00:00:0a:01");
  link.index = 7;
  EXPECT_THAT(next_steps(entry, &link, {true, row("eth1", 106), {}}, kBridge, false), IsEmpty());
  link.index = 8;
  EXPECT_THAT(next_steps(entry, &link, {true, row("eth1", 106), {}}, kBridge, false), ElementsAre(Step::detach_old));
}

TEST(Ports, VrrpIpGetsAPortAndANamespaceOfItsOwn) {  // H10
  auto lb = load_balancer();
  lb.nodes.front().vrrp_ip = ip("203.0.113.11");
  auto entry = entry_of(lb);
  ASSERT_TRUE(entry.wish);
  const auto link = link_named("eth1", "02:00:00:00:0a:01");
  EXPECT_THAT(next_steps(entry, &link, {true, row("eth1", 106), {}}, kBridge, false), ElementsAre(Step::attach_internal));
  const Rows rows{true, row("eth1", 106), row("vr3", 107)};
  EXPECT_THAT(next_steps(entry, &link, rows, kBridge, true), ElementsAre(Step::build_namespace));
  entry.built = entry.wish;
  EXPECT_THAT(next_steps(entry, &link, rows, kBridge, false), IsEmpty());
  // vswitchd was restarted: the device is back in the root namespace.
  EXPECT_THAT(next_steps(entry, &link, rows, kBridge, true), ElementsAre(Step::build_namespace));
  EXPECT_EQ(observe(entry, &link, rows, kBridge).binding->internal_ofport, 107U);
  EXPECT_THAT(texts(commands_to_build(*entry.wish, "/sbin/ip", true, {})),
              ElementsAre("/sbin/ip netns add lb-3", "/sbin/ip -n lb-3 link delete vr3", "/sbin/ip link set vr3 netns lb-3", "/sbin/ip -n lb-3 link set lo up",
                          "/sbin/ip -n lb-3 link set vr3 address 02:00:00:00:0a:01", "/sbin/ip -n lb-3 link set vr3 up",
                          "/sbin/ip -n lb-3 address replace 203.0.113.11/24 dev vr3", "/sbin/ip -n lb-3 -4 route replace default via 203.0.113.1 dev vr3",
                          "/sbin/ip -n lb-3 -4 route replace 198.51.100.0/24 via 203.0.113.2 dev vr3"));
}

TEST(Ports, OwnPortsAndStackedDevicesAreNotTakenForThePluggedInterface) {
  const char* wanted = "02:00:00:00:0a:01";
  const std::vector<Link> links{link_named("vr3", wanted, "tun"), link_named("vr4", wanted), link_named("eth1.5", wanted, "vlan"), link_named("eth1", wanted, "veth")};
  ASSERT_NE(find_by_mac(links, mac(wanted), "vr"), nullptr);
  EXPECT_EQ(find_by_mac(links, mac(wanted), "vr")->name, "eth1");
  EXPECT_EQ(find_by_mac({links[0], links[1], links[2]}, mac(wanted), "vr")->name, "eth1.5");
  EXPECT_EQ(find_by_mac({links[0], links[1]}, mac(wanted), "vr"), nullptr);
}

}  // namespace
}  // namespace distributor::ports
