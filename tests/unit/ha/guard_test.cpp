// VRRP from any MAC address but the peer's is dropped before keepalived sees it; the table comes and goes with us (H5).
#include "ha/keepalived/guard.hpp"

#include <gmock/gmock.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

namespace distributor::keepalived {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string output_of(const std::string& command) {
  std::string text;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen((command + " 2>&1").c_str(), "r"), ::pclose);
  std::array<char, 256> buffer{};
  while (pipe && std::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr) text += buffer.data();
  return text;
}

TEST(Guard, RulesNameInterfaceAndPeer) {
  const auto rules = guard_rules({"eth0", "02:00:00:00:0a:02"});
  EXPECT_THAT(rules, HasSubstr("ingress device \"eth0\""));
  EXPECT_THAT(rules, HasSubstr("ip protocol 112 ether saddr != 02:00:00:00:0a:02 counter drop"));
  EXPECT_THAT(rules, HasSubstr("ip6 nexthdr 112 ether saddr != 02:00:00:00:0a:02 counter drop"));
}

TEST(Guard, StandsInTheKernelAndGoes) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for a network namespace";
  if (::access("/usr/sbin/nft", X_OK) != 0) GTEST_SKIP() << "nft is not installed";
  if (::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "no network namespace can be made here";
  ASSERT_EQ(::system("ip link add m0 type veth peer name m1 && ip link set m0 up"), 0);
  for (int i = 0; i < 2; ++i) {  // the second time it replaces the first
    const auto set = run_nft(guard_rules({"m0", "02:00:00:00:0a:02"}));
    ASSERT_TRUE(set) << set.error();
  }
  const auto listed = output_of("nft list ruleset");
  EXPECT_THAT(listed, HasSubstr("ether saddr != 02:00:00:00:0a:02"));
  EXPECT_EQ(listed.find("table netdev"), listed.rfind("table netdev"));
  ASSERT_TRUE(run_nft(guard_removal()));
  EXPECT_THAT(output_of("nft list ruleset"), Not(HasSubstr("table")));
  ASSERT_TRUE(run_nft(guard_removal())) << "a table that is not there";
  const auto refused = run_nft(guard_rules({"m0", "no MAC address"}));
  EXPECT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("nft refused"));
}

}  // namespace
}  // namespace distributor::keepalived
