// Heartbeats on the wire: to whom, when, and when not (L2).
#include "node/octavia/heartbeats.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>

namespace distributor::node {
namespace {

using boost::asio::ip::udp;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Of Octavia's health manager, on loopback.
struct Receiver {
  Receiver(boost::asio::io_context& io, const char* address) : socket(io, udp::endpoint(boost::asio::ip::make_address(address), 0)) { socket.non_blocking(true); }
  api::Controller controller() const { return *api::parse_controller((socket.local_endpoint().address().is_v6() ? "[::1]:" : "127.0.0.1:") + std::to_string(socket.local_endpoint().port())); }
  std::size_t arrived() {
    std::array<char, 65536> bytes{};
    boost::system::error_code error;
    while (socket.receive(boost::asio::buffer(bytes), 0, error) > 0 && !error) ++count;
    return count;
  }
  udp::socket socket;
  std::size_t count = 0;
};

class HeartbeatsTest : public ::testing::Test {
 protected:
  HeartbeatsTest() {
    hooks.keepalived_runs = [this] { return keepalived; };
    hooks.node = [] { return api::BeatNode{}; };
    hooks.registry = [this]() -> const Registry& { return registry; };
    hooks.counters = [this](const LoadBalancer&, std::function<void(Heartbeats::PacketsAndBytes)> done) {
      if (counters_answer) done(std::pair<std::uint64_t, std::uint64_t>{1, 2});
    };
  }
  static api::BeatSettings settings(std::vector<api::Controller> controllers, seconds interval = seconds(1)) {
    return {std::move(controllers), "key", interval, {}};
  }
  template <typename Condition>
  bool eventually(Condition condition) {
    for (const auto end = std::chrono::steady_clock::now() + seconds(20); std::chrono::steady_clock::now() < end;) {
      if (condition()) return true;
      io.run_for(milliseconds(10));
      io.restart();
    }
    return false;
  }
  void plug() {
    PlugCommand command;
    command.lb = LoadBalancerId::parse("5d9b1f2c-6a4e-4c8e-9d41-0a5b7e3f2c11").value();
    Vip vip;
    vip.address = IpAddress::v4({192, 0, 2, 10});
    vip.subnet = IpPrefix::parse("192.0.2.0/24").value();
    command.vips.push_back(vip);
    command.nodes.push_back({NodeId::parse("node-1").value(), MacAddress({2, 0, 0, 0, 0, 1}), std::nullopt, std::nullopt});
    ASSERT_TRUE(registry.apply(command));
  }

  boost::asio::io_context io{1};
  Heartbeats::Hooks hooks;
  Registry registry;
  bool keepalived = true;
  bool counters_answer = true;
};

TEST_F(HeartbeatsTest, GoToOneReceiverAfterTheOtherOfBothFamilies) {  // L2
  boost::system::error_code error;
  udp::socket probe(io);
  probe.open(udp::v6(), error);
  if (!error) probe.bind(udp::endpoint(boost::asio::ip::address_v6::loopback(), 0), error);
  if (error) GTEST_SKIP() << "no IPv6 on loopback: " << error.message();
  Receiver v4(io, "127.0.0.1");
  Receiver v6(io, "::1");
  Heartbeats heartbeats(io, hooks);
  heartbeats.configure(settings({v4.controller(), v6.controller()}));
  heartbeats.start();
  EXPECT_TRUE(eventually([&] { return v4.arrived() == 2 && v6.arrived() >= 1; }));
  EXPECT_LE(v4.arrived(), v6.arrived() + 1);
}

TEST_F(HeartbeatsTest, ReceiversChangeAtRunTimeAndTheNewOneHearsAtOnce) {  // L2
  Receiver before(io, "127.0.0.1");
  Receiver after(io, "127.0.0.1");
  Heartbeats heartbeats(io, hooks);
  heartbeats.configure(settings({before.controller()}, seconds(3600)));
  heartbeats.start();
  EXPECT_TRUE(eventually([&] { return before.arrived() == 1; }));
  heartbeats.configure(settings({after.controller()}, seconds(3600)));
  EXPECT_TRUE(eventually([&] { return after.arrived() == 1; }));
  heartbeats.configure({});
  EXPECT_FALSE(heartbeats.settings().may_beat());
  EXPECT_EQ(before.arrived(), 1U);
}

TEST_F(HeartbeatsTest, NoneWhileKeepalivedDoesNotRun) {  // L2: as an amphora does
  Receiver receiver(io, "127.0.0.1");
  keepalived = false;
  Heartbeats heartbeats(io, hooks);
  heartbeats.configure(settings({receiver.controller()}));
  heartbeats.start();
  EXPECT_TRUE(eventually([&] { return heartbeats.stats().suppressed >= 1; }));
  EXPECT_EQ(receiver.arrived(), 0U);
  EXPECT_EQ(heartbeats.stats().sent, 0U);
  keepalived = true;
  EXPECT_TRUE(eventually([&] { return receiver.arrived() == 1; }));
}

TEST_F(HeartbeatsTest, AnOpenVSwitchThatDoesNotAnswerHoldsNothingUpForLong) {
  plug();
  Receiver receiver(io, "127.0.0.1");
  counters_answer = false;
  Heartbeats heartbeats(io, hooks);
  heartbeats.configure(settings({receiver.controller()}, seconds(3600)));
  heartbeats.start();
  EXPECT_TRUE(eventually([&] { return receiver.arrived() == 1; }));
  counters_answer = true;
  heartbeats.configure(settings({receiver.controller()}, seconds(1800)));
  EXPECT_TRUE(eventually([&] { return receiver.arrived() == 2; }));
}

TEST_F(HeartbeatsTest, WithoutSettingsNothingIsSent) {
  Heartbeats heartbeats(io, hooks);
  heartbeats.start();
  io.run_for(milliseconds(20));
  EXPECT_EQ(heartbeats.stats().sent + heartbeats.stats().failed + heartbeats.stats().suppressed, 0U);
}

}  // namespace
}  // namespace distributor::node
