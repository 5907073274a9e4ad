// rtnetlink and helper processes for real, in a network namespace of the test's own.
#include <gmock/gmock.h>
#include <sched.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>

#include "openflow/ports/detail/commands.hpp"
#include "openflow/ports/detail/links.hpp"

namespace distributor::ports {
namespace {

const MacAddress kMac = MacAddress::parse("02:00:00:00:0a:77").value();

class PortsSystem : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "needs root and network namespaces";
  }
  // Runs a chain to its end; the failure, or "ok".
  std::string run(std::vector<CommandLine> chain, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    boost::asio::io_context io;
    CommandRunner runner(io, limit);
    std::string result = "never ended";
    runner.run(std::move(chain), [&](const std::string& failure) {
      result = failure.empty() ? "ok" : failure;
      io.stop();
    });
    io.run_for(std::chrono::seconds(20));
    return result;
  }
};

TEST_F(PortsSystem, FindsBringsUpAndSizesAnInterface) {
  ASSERT_EQ(run({{{"/sbin/ip", "link", "add", "p0", "address", kMac.text(), "type", "veth", "peer", "name", "p1"}, false}}), "ok");
  auto links = list_links();
  ASSERT_TRUE(links) << links.error();
  const auto* found = find_by_mac(*links, kMac, "vr");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->name, "p0");
  EXPECT_EQ(found->kind, "veth");
  EXPECT_FALSE(found->up);
  ASSERT_TRUE(set_link_up(found->index));
  ASSERT_TRUE(set_link_mtu(found->index, 1400));
  links = list_links();
  EXPECT_TRUE(find_by_mac(*links, kMac, "vr")->up);
  EXPECT_EQ(find_by_mac(*links, kMac, "vr")->mtu, 1400U);
  EXPECT_FALSE(set_link_mtu(99999, 1400));
}

TEST_F(PortsSystem, HotPlugIsSeen) {  // P4
  boost::asio::io_context io;
  int changes = 0;
  LinkWatch watch(io, [&] {
    ++changes;
    const auto links = list_links();
    if (links && find_by_mac(*links, kMac, "vr") != nullptr) io.stop();
  });
  ASSERT_TRUE(watch.start());
  CommandRunner runner(io, std::chrono::seconds(10));
  runner.run({{{"/sbin/ip", "link", "add", "p0", "address", kMac.text(), "type", "dummy"}, true},
              {{"/sbin/ip", "link", "add", "p0", "address", kMac.text(), "type", "veth", "peer", "name", "p1"}, true}},
             [](const std::string&) {});
  io.run_for(std::chrono::seconds(10));
  EXPECT_GE(changes, 1);
  EXPECT_NE(find_by_mac(list_links().value(), kMac, "vr"), nullptr);
}

TEST_F(PortsSystem, ChainStopsAtTheFirstFailureAndSaysWhichCommandItWas) {
  EXPECT_THAT(run({{{"/bin/true"}, false}, {{"/sbin/ip", "link", "set", "absent", "up"}, false}, {{"/bin/true"}, false}}),
              testing::AllOf(testing::HasSubstr("/sbin/ip link set absent up"), testing::HasSubstr("absent")));
  EXPECT_EQ(run({{{"/bin/false"}, true}, {{"/bin/true"}, false}}), "ok");
  EXPECT_THAT(run({{{"/no/such/program"}, false}}), testing::HasSubstr("/no/such/program: No such file"));
}

TEST_F(PortsSystem, CommandThatHangsIsEnded) {
  EXPECT_THAT(run({{{"/bin/sleep", "60"}, false}}, std::chrono::milliseconds(100)), testing::HasSubstr("time limit"));
}

}  // namespace
}  // namespace distributor::ports
