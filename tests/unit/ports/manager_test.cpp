// The whole of ports against a private Open vSwitch (userspace datapath) and real interfaces, in a network namespace of
// the test's own: attach, hot-plug, vrrp_ip that answers a ping, restart of vswitchd, shared trunk, unplug (P4, P5,
// H10).
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <optional>

#include "openflow/pipeline/pipeline.hpp"
#include "openflow/ports/port_manager.hpp"
#include "tests/unit/ovsdb/private_ovs.hpp"
#include "tests/unit/pipeline/bridge_connection.hpp"

namespace distributor::ports {
namespace {

using namespace std::chrono_literals;

const NodeId kNode = NodeId::parse("node-1").value();
const MacAddress kMac = MacAddress::parse("02:00:00:00:00:a1").value();
constexpr const char* kBridge = "br-t";

class PortManagerInOvs : public testing::Test {
 protected:
  void SetUp() override {
    const std::string missing = test::PrivateOvs::missing();
    if (!missing.empty()) GTEST_SKIP() << missing;
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "needs root and network namespaces";
    if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "needs /dev/net/tun";
    ovs = std::make_unique<test::PrivateOvs>();
    ip({"link", "set", "lo", "up"});
    ovsdb::Config database;
    database.socket_path = ovs->db_socket();
    client = std::make_unique<ovsdb::Client>(io, database);
    client->start();
    ASSERT_TRUE(until([this] { return client->connected(); }));
    bool built = false;
    client->ensure_bridge({kBridge, "netdev", {}}, [&](const ovsdb::Result<ovsdb::BridgeRow>& row) {
      built = true;
      ASSERT_TRUE(row) << row.error().message;
    });
    ASSERT_TRUE(until([&] { return built; }));
    start_manager();
  }

  void TearDown() override {
    if (!manager) return;
    manager->set_all({});
    EXPECT_TRUE(until([this] { return namespaces().empty() && client->ports(kBridge).size() == 1; })) << log;
  }

  void start_manager() {
    Config config;
    config.bridge = kBridge;
    config.node = kNode;
    config.netns_prefix = prefix;
    config.retry_every = 100ms;
    manager = std::make_unique<PortManager>(io, *client, config);
    manager->on_log([this](bool, const std::string& text) { log += text + "\n"; });
    manager->on_binding_changed([this](const LoadBalancerId& id, const auto& binding, const std::string&) {
      bindings[id] = binding;
      ++changes;
    });
    ASSERT_TRUE(manager->start());
  }

  bool until(const std::function<bool()>& condition, std::chrono::milliseconds limit = 15s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    io.restart();
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      io.run_one_until(std::min(end, std::chrono::steady_clock::now() + 100ms));
    }
    return true;
  }

  std::string ip(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "ip");
    return ovs->run(arguments);
  }

  // The virtual machine's interface and the network it is plugged into.
  void plug_in(const std::string& name, const MacAddress& mac) const {
    ip({"link", "add", name, "address", mac.text(), "type", "veth", "peer", "name", name + "-net"});
    ip({"link", "set", name + "-net", "up"});
  }

  static LoadBalancer load_balancer(std::uint32_t ordinal, std::optional<std::uint16_t> vlan = std::nullopt) {
    LoadBalancer lb;
    lb.id = LoadBalancerId::parse("00000000-0000-4000-8000-00000000000" + std::to_string(ordinal)).value();
    lb.ordinal = ordinal;
    Vip vip;
    vip.address = IpAddress::parse("192.0.2.10").value();
    vip.subnet = IpPrefix::parse("192.0.2.0/24").value();
    lb.vips = {vip};
    lb.nodes = {{kNode, kMac, std::nullopt, vlan}};
    return lb;
  }

  static LoadBalancer with_address() {
    LoadBalancer lb = load_balancer(1);
    lb.nodes[0].vrrp_ip = IpAddress::parse("192.0.2.5").value();
    lb.vips[0].gateway = IpAddress::parse("192.0.2.1").value();
    lb.vips[0].host_routes = {{IpPrefix::parse("203.0.113.0/24").value(), IpAddress::parse("192.0.2.2").value()}};
    return lb;
  }

  bool bound(const LoadBalancer& lb) { return bindings[lb.id].has_value(); }
  bool has_address(const LoadBalancer& lb) { return bound(lb) && bindings[lb.id]->internal_ofport.has_value(); }

  std::vector<std::string> namespaces() const {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& file : std::filesystem::directory_iterator("/run/netns", error)) {
      if (file.path().filename().string().starts_with(prefix)) names.push_back(file.path().filename());
    }
    return names;
  }

  std::string routes() const { return ovs->run({"ip", "-n", prefix + "1", "-4", "route"}); }
  bool configured() const {
    return namespaces().size() == 1 && routes().find("203.0.113.0/24 via 192.0.2.2") != std::string::npos;
  }

  std::string prefix = "dpt" + std::to_string(::getpid()) + "-";
  boost::asio::io_context io;
  std::unique_ptr<test::PrivateOvs> ovs;
  std::unique_ptr<ovsdb::Client> client;
  std::unique_ptr<PortManager> manager;
  std::map<LoadBalancerId, std::optional<pipeline::PortBinding>> bindings;
  int changes = 0;
  std::string log;
};

TEST_F(PortManagerInOvs, AnInterfaceIsBoundWhenItIsPluggedAndFollowsItsMac) {  // P4
  const LoadBalancer lb = load_balancer(0);
  EXPECT_FALSE(manager->interface_present(kMac));
  manager->update(lb);
  EXPECT_FALSE(manager->state_of(lb.id).present);
  plug_in("eth7", kMac);
  EXPECT_TRUE(manager->interface_present(kMac));
  ASSERT_TRUE(until([&] { return bound(lb); })) << log;
  EXPECT_EQ(bindings[lb.id]->mac, kMac);
  EXPECT_EQ(client->port("eth7")->ofport, bindings[lb.id]->ofport);
  EXPECT_EQ(client->port("eth7")->external_ids.at("distributor-lb"), lb.id.text());
  EXPECT_TRUE(until([&] { return manager->stats().links_up == 1; }));

  ip({"link", "set", "eth7-net", "down"});
  EXPECT_TRUE(until([&] { return manager->stats().links_up == 0; }));
  EXPECT_TRUE(bound(lb)) << "a lost carrier is no lost port";

  ip({"link", "delete", "eth7"});
  ASSERT_TRUE(until([&] { return !bound(lb); }));
  plug_in("eth8", kMac);  // it comes back under another name
  ASSERT_TRUE(until([&] { return bound(lb); })) << log;
  EXPECT_EQ(manager->state_of(lb.id).interface, "eth8");
  EXPECT_TRUE(until([&] { return !client->port("eth7"); })) << "the old name is detached";
}

TEST_F(PortManagerInOvs, VrrpIpAnswersFromItsOwnNamespaceAndReturnsAfterARestartOfVswitchd) {  // H10, P5
  const LoadBalancer lb = with_address();
  plug_in("eth7", kMac);
  ip({"address", "add", "192.0.2.1/24", "dev", "eth7-net"});
  manager->update(lb);
  ASSERT_TRUE(until([&] { return has_address(lb) && configured(); })) << log << manager->state_of(lb.id).reason;
  EXPECT_NE(routes().find("default via 192.0.2.1"), std::string::npos) << routes();
  EXPECT_NE(ip({"-n", prefix + "1", "link", "show", "vr1"}).find(kMac.text()), std::string::npos);
  EXPECT_EQ(ip({"address"}).find("192.0.2.5"), std::string::npos) << "the address is in the namespace only";

  const auto program = [&] {
    test::BridgeConnection bridge(ovs->management_socket(kBridge));
    bridge.add_meters(pipeline::meters());
    bridge.program(pipeline::render_base(true));
    bridge.program(pipeline::render(lb, *bindings[lb.id], {}));
  };
  const std::vector<std::string> ping{"ping", "-c", "3", "-i", "0.2", "-W", "2", "192.0.2.5"};
  program();
  EXPECT_NO_THROW(ovs->run(ping));

  const auto before = bindings[lb.id];
  ovs->stop_vswitchd();
  ovs->start_vswitchd();
  ovs->vsctl({"set", "bridge", kBridge, "external_ids:x=1"});  // returns when vswitchd has built everything again
  // The kernel dropped the device with vswitchd; the new one starts in the root namespace.
  ASSERT_TRUE(until([&] {
    return has_address(lb) && configured() && ovs->run({"ip", "-br", "link"}).find("vr1") == std::string::npos;
  })) << log;
  EXPECT_EQ(bindings[lb.id], before) << "the numbers are the same";
  program();
  EXPECT_NO_THROW(ovs->run(ping)) << log;

  manager->remove(lb.id);
  EXPECT_TRUE(until([&] { return namespaces().empty() && !client->port("vr1") && !client->port("eth7"); })) << log;
}

TEST_F(PortManagerInOvs, ATrunkIsSharedAndLeavesWithTheLastLoadBalancer) {
  plug_in("eth7", kMac);
  const LoadBalancer first = load_balancer(2, 100);
  const LoadBalancer second = load_balancer(3, 200);
  manager->update(first);
  manager->update(second);
  ASSERT_TRUE(until([&] { return bound(first) && bound(second); })) << log;
  EXPECT_EQ(bindings[first.id]->ofport, bindings[second.id]->ofport);
  EXPECT_EQ(bindings[first.id]->vlan, 100);
  EXPECT_EQ(bindings[second.id]->vlan, 200);
  manager->remove(first.id);
  EXPECT_FALSE(bound(first));
  EXPECT_FALSE(until([&] { return !client->port("eth7"); }, 500ms)) << "another load balancer uses it";
  EXPECT_TRUE(bound(second));
  manager->remove(second.id);
  EXPECT_TRUE(until([&] { return !client->port("eth7"); }));
}

TEST_F(PortManagerInOvs, ANewProcessFindsEverythingAsItWasAndSweepsTheRest) {  // O4, P5
  plug_in("eth7", kMac);
  const MacAddress other_mac = MacAddress::parse("02:00:00:00:00:a2").value();
  plug_in("eth9", other_mac);
  LoadBalancer gone = load_balancer(2);
  gone.nodes[0].mac = other_mac;
  const LoadBalancer kept = with_address();
  manager->update(kept);
  manager->update(gone);
  ASSERT_TRUE(until([&] { return has_address(kept) && configured() && bound(gone); })) << log;
  const auto before = bindings[kept.id];

  manager.reset();
  bindings.clear();
  start_manager();
  manager->set_all({{kept.id, std::make_shared<const LoadBalancer>(kept)}});
  ASSERT_TRUE(until([&] { return has_address(kept) && !client->port("eth9"); })) << log;
  EXPECT_EQ(bindings[kept.id], before);
  EXPECT_TRUE(until([&] { return configured(); }));
}

}  // namespace
}  // namespace distributor::ports
