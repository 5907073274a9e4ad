// Against a real Open vSwitch 3.1: ports, frames, bridges that hang, come late or speak another version.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/programmer/ovs_fixture.hpp"

namespace distributor::test {
namespace {

using programmer::kBaseKey;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(Ovs, PortsComeGoAndAreListed) {
  auto driver = driver_with({});
  driver->synchronise();
  sandbox->add_port("br0", "p3", 3);
  ASSERT_TRUE(loop.run_until([&] {
    return std::any_of(driver->port_changes.begin(), driver->port_changes.end(), [](const wire::PortStatus& status) {
      return status.change == wire::PortChange::added && status.port.name == "p3" && status.port.number == 3;
    });
  }));
  std::vector<std::string> names;
  driver->programmer.query_ports([&](auto answer) {
    ASSERT_TRUE(answer) << answer.error().message;
    for (const auto& port : *answer) names.push_back(port.name);
  });
  ASSERT_TRUE(loop.run_until([&] { return !names.empty(); }));
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("p1", "p2", "p3", "br0"));
}

TEST_F(Ovs, FramesGoOutAndComeIn) {  // D5
  auto driver = driver_with({{kLb, {{{0, 5, 0x99, Match().in_port(1), {Action::controller(128)}}}, {}}}});
  EXPECT_FALSE(driver->programmer.packet_out({{kPortController, {Action::output(2)}, std::string(60, 'x')}}))
      << "not connected yet";
  driver->synchronise();
  std::vector<PacketOut> batch(100, PacketOut{kPortController, {Action::output(2)}, std::string(60, '\1')});
  ASSERT_TRUE(driver->programmer.packet_out(batch));
  EXPECT_EQ(driver->programmer.statistics().packets_out, 100U);
  ASSERT_TRUE(driver->commit());
  ASSERT_TRUE(driver->reconcile()) << "a round trip behind the frames";
  EXPECT_THAT(sandbox->ofctl("dump-ports", "br0", "p2"), HasSubstr("tx pkts=100"));
  inject_to_vip(1);
  ASSERT_TRUE(loop.run_until([&] { return !driver->packets_in.empty(); }));
  EXPECT_EQ(driver->packets_in[0].in_port, 1U);
  EXPECT_EQ(driver->packets_in[0].cookie, 0x99U);
}

TEST_F(Ovs, HungVswitchdIsNoticedAndMetAgain) {
  Options options = options_for(sandbox->management_socket("br0"));
  options.echo_interval_ms = 50;
  options.reply_timeout_ms = 300;
  Driver driver(loop, options);
  ASSERT_TRUE(driver.programmer.set_desired(kLb, load_balancer()));
  driver.synchronise();
  sandbox->signal_vswitchd(SIGSTOP);
  ASSERT_TRUE(loop.run_until([&] { return !driver.losses.empty(); }));
  EXPECT_FALSE(driver.programmer.connected());
  EXPECT_THAT(driver.losses.back(), HasSubstr("silent for more than 300 ms"));
  sandbox->signal_vswitchd(SIGCONT);
  ASSERT_TRUE(loop.run_until([&] { return driver.synchronised.size() == 2; }));
  EXPECT_EQ(driver.synchronised.back().flows_sent, 0U);
}

TEST_F(Ovs, BridgeThatComesLaterIsFound) {  // Absent at start: it waits, says so, and recovers by itself
  Driver driver(loop, options_for(sandbox->management_socket("br1")));
  ASSERT_TRUE(driver.programmer.set_desired(kBaseKey, base_rules(true)));
  driver.programmer.start_programming();
  ASSERT_TRUE(loop.run_until([&] { return !driver.losses.empty(); }));
  EXPECT_THAT(driver.losses[0], AllOf(HasSubstr("br1.mgmt"), HasSubstr("No such file")));
  sandbox->add_bridge("br1");
  ASSERT_TRUE(loop.run_until([&] { return driver.programmer.programmed(); }));
  EXPECT_EQ(driver.losses.size(), 1U) << "the same reason is told once";
}

TEST_F(Ovs, BridgeWithoutOpenFlow15SaysWhatToDo) {
  sandbox->vsctl("add-br br2 -- set bridge br2 datapath_type=dummy protocols=OpenFlow13");
  Driver driver(loop, options_for(sandbox->management_socket("br2")));
  ASSERT_TRUE(loop.run_until([&] { return !driver.losses.empty(); }));
  EXPECT_THAT(driver.losses[0], HasSubstr("protocols=OpenFlow15"));
}

}  // namespace
}  // namespace distributor::test
