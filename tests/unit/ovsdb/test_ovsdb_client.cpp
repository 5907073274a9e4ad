// The client against a private ovsdb-server and ovs-vswitchd (dummy datapath).
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "openflow/ovsdb/client.hpp"
#include "tests/unit/ovsdb/private_ovs.hpp"

namespace distributor::ovsdb {
namespace {

using namespace std::chrono_literals;

class OvsdbClient : public testing::Test {
 protected:
  void SetUp() override {
    const std::string missing = test::PrivateOvs::missing();
    if (!missing.empty()) GTEST_SKIP() << missing;
    ovs = std::make_unique<test::PrivateOvs>();
    open();
  }

  void open() {
    Config config;
    config.socket_path = ovs->db_socket();
    config.port_timeout = 3s;
    config.probe_every = 200ms;
    client = std::make_unique<Client>(io, config);
    client->on_log([this](bool, const std::string& text) { log += text + "\n"; });
    client->start();
    ASSERT_TRUE(until([this] { return client->connected(); })) << log;
  }

  // Runs the event loop until the condition holds.
  bool until(const std::function<bool()>& condition, std::chrono::milliseconds limit = 15s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    io.restart();
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      io.run_one_until(end);
    }
    return true;
  }

  template <typename T, typename Start>
  Result<T> await(Start start) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    start([result](Result<T> got) { *result = std::move(got); });
    EXPECT_FALSE(result->has_value()) << "completed inside the call";
    if (!until([&] { return result->has_value(); })) return tl::unexpected(Error{ErrorCode::timeout, "no completion"});
    return **result;
  }

  Result<BridgeRow> bridge(const std::string& name = "br") {
    return await<BridgeRow>([&](auto done) {
      client->ensure_bridge({name, "dummy", {{"mac-table-size", "8"}}}, done);
    });
  }

  Result<PortRow> attach(PortSpec spec) {
    return await<PortRow>([&](auto done) { client->attach(spec, done); });
  }

  Result<bool> detach(const std::string& name) {
    return await<bool>([&](auto done) { client->detach(name, done); });
  }

  PortSpec dummy_port(const std::string& name) {
    return {.bridge = "br", .name = name, .external_ids = {{"distributor-lb", "an-id"}}, .interface_type = "dummy"};
  }

  boost::asio::io_context io;
  std::unique_ptr<test::PrivateOvs> ovs;
  std::unique_ptr<Client> client;
  std::string log;
};

TEST_F(OvsdbClient, BridgeIsMadeAsRequiredAndAgainIsNoChange) {
  const auto made = bridge();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_FALSE(made->datapath_id.empty());
  EXPECT_EQ(made->fail_mode, "secure");
  EXPECT_EQ(made->protocols, (std::vector<std::string>{"OpenFlow15"}));
  EXPECT_EQ(made->datapath_type, "dummy");
  EXPECT_NE(ovs->vsctl({"get", "bridge", "br", "other_config"}).find("disable-in-band=\"true\""), std::string::npos);
  const auto configurations = client->open_vswitch().next_cfg;
  ASSERT_TRUE(bridge());
  EXPECT_EQ(client->open_vswitch().next_cfg, configurations);
}

TEST_F(OvsdbClient, ABridgeThatWasChangedByHandIsBroughtBack) {
  ASSERT_TRUE(bridge());
  ovs->vsctl({"set-controller", "br", "tcp:127.0.0.1:1", "--", "set-fail-mode", "br", "standalone", "--", "set",
              "bridge", "br", "protocols=OpenFlow10", "other_config:mine=1"});
  ASSERT_TRUE(until([&] { return client->bridge("br")->fail_mode == "standalone"; }));
  const auto again = bridge();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->fail_mode, "secure");
  EXPECT_EQ(ovs->vsctl({"get-controller", "br"}), "");
  EXPECT_NE(ovs->vsctl({"get", "bridge", "br", "other_config"}).find("mine=\"1\""), std::string::npos);
}

TEST_F(OvsdbClient, PortGetsANumberThatSurvivesARestartOfVswitchd) {
  ASSERT_TRUE(bridge());
  const auto first = attach(dummy_port("p1"));
  const auto second = attach(dummy_port("p2"));
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(first->ofport, first->ofport_request);
  EXPECT_NE(first->ofport, second->ofport);
  EXPECT_EQ(second->external_ids, (StringMap{{"distributor-lb", "an-id"}}));
  ASSERT_TRUE(detach("p1"));
  ovs->stop_vswitchd();
  ovs->start_vswitchd();
  ovs->vsctl({"set", "bridge", "br", "external_ids:x=1"});  // returns when vswitchd has built everything
  const std::string shown = ovs->vswitchd().call("dpif/show", {});
  EXPECT_NE(shown.find("p2 " + std::to_string(*second->ofport) + "/"), std::string::npos) << shown;
  const auto again = attach(dummy_port("p2"));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->ofport, second->ofport);
  EXPECT_EQ(ovs->vsctl({"list-ports", "br"}), "p2\n");
}

TEST_F(OvsdbClient, ManyPortsAtOnceGetDifferentNumbers) {
  ASSERT_TRUE(bridge());
  std::vector<std::int64_t> numbers;
  for (int i = 0; i < 50; ++i) {
    client->attach(dummy_port("p" + std::to_string(i)), [&](Result<PortRow> row) {
      ASSERT_TRUE(row) << row.error().message;
      numbers.push_back(*row->ofport);
    });
  }
  ASSERT_TRUE(until([&] { return numbers.size() == 50; }));
  std::sort(numbers.begin(), numbers.end());
  EXPECT_EQ(std::unique(numbers.begin(), numbers.end()), numbers.end());
  EXPECT_EQ(client->ports("br").size(), 51U);  // and the bridge's own
}

TEST_F(OvsdbClient, AnInterfaceThatDoesNotExistFailsWithVswitchdsOwnWords) {  // P4
  ASSERT_TRUE(bridge());
  const auto row = attach({.bridge = "br", .name = "dp-absent0", .interface_type = "system"});
  ASSERT_FALSE(row);
  EXPECT_EQ(row.error().code, ErrorCode::port_failed);
  EXPECT_NE(row.error().message.find("No such device"), std::string::npos) << row.error().message;
  ASSERT_TRUE(client->port("dp-absent0"));  // stays: vswitchd opens it when it appears
  ASSERT_TRUE(detach("dp-absent0"));
  ASSERT_TRUE(until([&] { return !client->port("dp-absent0"); }));
}

TEST_F(OvsdbClient, PortMovesFromAnotherBridge) {
  ASSERT_TRUE(bridge("other"));
  ASSERT_TRUE(bridge());
  PortSpec spec = dummy_port("p1");
  spec.bridge = "other";
  ASSERT_TRUE(attach(spec));
  ASSERT_TRUE(attach(dummy_port("p1")));
  EXPECT_EQ(ovs->vsctl({"port-to-br", "p1"}), "br\n");
}

TEST_F(OvsdbClient, UnknownBridgeAndAbsentPort) {
  const auto row = attach(dummy_port("p1"));
  ASSERT_FALSE(row);
  EXPECT_EQ(row.error().code, ErrorCode::not_found);
  EXPECT_TRUE(detach("never-there"));
}

TEST_F(OvsdbClient, WithoutVswitchdTheTimeLimitSaysSo) {
  ovs->stop_vswitchd();
  const auto made = bridge();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::timeout);
  EXPECT_NE(made.error().message.find("is it running"), std::string::npos) << made.error().message;
  ovs->start_vswitchd();
  EXPECT_TRUE(until([&] {
    const auto row = client->bridge("br");
    return row && !row->datapath_id.empty();
  }));
}

TEST_F(OvsdbClient, ReconnectsByItselfAndFailsWhatWasInFlight) {
  ASSERT_TRUE(bridge());
  ovs->stop_vswitchd();
  std::optional<Result<PortRow>> lost;
  client->attach(dummy_port("p1"), [&](Result<PortRow> row) { lost = std::move(row); });
  ASSERT_TRUE(until([&] { return client->port("p1").has_value(); }));
  ovs->stop_db();
  ASSERT_TRUE(until([&] { return lost.has_value(); }));
  ASSERT_FALSE(*lost);
  EXPECT_EQ(lost->error().code, ErrorCode::disconnected);
  EXPECT_FALSE(client->connected());
  EXPECT_TRUE(client->port("p1"));  // the view is kept
  EXPECT_EQ(detach("p1").error().code, ErrorCode::disconnected);
  ovs->start_db();
  ovs->start_vswitchd();
  ASSERT_TRUE(until([&] { return client->connected(); })) << log;
  const auto row = attach(dummy_port("p1"));
  ASSERT_TRUE(row) << row.error().message;
}

TEST_F(OvsdbClient, StaysConnectedThroughIdleProbes) {
  log.clear();
  EXPECT_FALSE(until([] { return false; }, 1500ms));
  EXPECT_TRUE(client->connected());
  EXPECT_EQ(log, "");
}

}  // namespace
}  // namespace distributor::ovsdb
