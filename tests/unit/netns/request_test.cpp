// What the namespace helper does for distributord, and what it refuses (P3, H10, X1).
#include "node/netns/request.hpp"

#include <gtest/gtest.h>

#include "openflow/ports/detail/namespace_plan.hpp"

namespace distributor::netns {
namespace {

ports::NamespaceWish wish(const char* address, const char* gateway) {
  ports::NamespaceWish wish;
  wish.name = "lb-17";
  wish.device = "vr17";
  wish.mac = *MacAddress::parse("02:00:00:00:0d:01");
  wish.mtu = 1450;
  wish.address = *IpAddress::parse(address);
  wish.prefix_length = 24;
  wish.gateway = *IpAddress::parse(gateway);
  return wish;
}

Arguments without_program(const ports::CommandLine& command) { return {command.arguments.begin() + 1, command.arguments.end()}; }

TEST(NetnsRequest, AllowsEveryCommandThatTheDaemonPlans) {
  auto four = wish("192.0.2.11", "192.0.2.1");
  four.host_routes.push_back({*IpPrefix::parse("198.18.0.0/15"), *IpAddress::parse("192.0.2.2")});
  const auto six = wish("2001:db8:1::11", "2001:db8:1::1");
  auto other = four;
  other.address = *IpAddress::parse("192.0.2.12");
  auto commands = ports::commands_to_build(four, "ip", true, std::nullopt);
  for (const auto& more : {ports::commands_to_build(six, "ip", true, std::nullopt), ports::commands_to_build(other, "ip", false, four),
                           ports::commands_to_remove("lb-17", "ip")}) {
    commands.insert(commands.end(), more.begin(), more.end());
  }
  ASSERT_GT(commands.size(), 20U);
  for (const auto& command : commands) {
    const auto arguments = without_program(command);
    const auto sent = decode(encode(arguments));
    ASSERT_TRUE(sent) << sent.error();
    EXPECT_EQ(*sent, arguments);
    EXPECT_TRUE(check(*sent, {})) << ::testing::PrintToString(arguments);
  }
}

TEST(NetnsRequest, RefusesEverythingElse) {
  const std::vector<Arguments> refused{
      {},
      {"netns", "exec", "lb-1", "sh"},
      {"netns", "add", "lb-"},
      {"netns", "add", "lb-1/../../etc"},
      {"netns", "delete", "tenant"},
      {"-all", "netns", "delete", "lb-1"},
      {"link", "set", "eth0", "netns", "lb-1"},
      {"link", "set", "vr1", "netns", "1"},
      {"link", "set", "vr1", "netns", "lb-1", "up"},
      {"-n", "lb-1", "link", "delete", "eth0"},
      {"-n", "host", "link", "set", "lo", "up"},
      {"-n", "lb-1", "link", "set", "vr1", "mtu", "1450;"},
      {"-n", "lb-1", "link", "set", "vr1", "mtu", "123456"},
      {"-n", "lb-1", "link", "set", "vr1", "address", "-"},
      {"-n", "lb-1", "address", "replace", "192.0.2.1/33", "dev", "vr1"},
      {"-n", "lb-1", "address", "replace", "192.0.2.1", "dev", "vr1"},
      {"-n", "lb-1", "address", "replace", "2001:db8::1/64", "dev", "vr1", "home"},
      {"-n", "lb-1", "-6", "route", "replace", "default", "via", "-batch", "dev", "vr1"},
      {"-batch", "/etc/shadow"},
  };
  for (const auto& arguments : refused) EXPECT_FALSE(check(arguments, {})) << ::testing::PrintToString(arguments);
}

TEST(NetnsRequest, BoundsWhatItReads) {
  EXPECT_FALSE(decode(""));
  EXPECT_FALSE(decode("netns"));  // no end
  EXPECT_FALSE(decode(encode({std::string(kRequestBytesMax, 'x')})));
  EXPECT_FALSE(decode(encode(Arguments(kArgumentsMax + 1, "a"))));
  EXPECT_TRUE(decode(encode(Arguments(kArgumentsMax, "a"))));
}

TEST(NetnsRequest, PrefixIsTheConfigurations) {
  Names names;
  names.netns_prefix = "tenant-";
  EXPECT_TRUE(check({"netns", "add", "tenant-3"}, names));
  EXPECT_FALSE(check({"netns", "add", "lb-3"}, names));
}

}  // namespace
}  // namespace distributor::netns
