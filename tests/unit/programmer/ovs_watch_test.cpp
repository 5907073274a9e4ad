// O5, D3, D9 against a real Open vSwitch: others' changes are noticed by events and mended, and what the datapath can do
// is found out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "tests/unit/programmer/ovs_fixture.hpp"

namespace distributor::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Watched : public Ovs {
 protected:
  void SetUp() override {
    Ovs::SetUp();
    if (IsSkipped()) return;
    watched = driver_with({{kBaseKey, base_rules(true)}, {kLb, load_balancer()}, {2, numbered(2)}});
    watched->synchronise();
    wanted_flows = sorted_flows();
    wanted_groups = groups();
  }
  std::multiset<std::string> sorted_flows() {
    std::istringstream text(flows_without_counters());
    std::multiset<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.insert(line);
    return lines;
  }
  // Mended by itself, within a second, and nothing else was sent.
  void expect_mended(const std::string& what, std::size_t changes) {
    const auto sent = watched->programmer.statistics();
    ASSERT_TRUE(loop.run_until([&] { return watched->repaired.size() > seen; }, std::chrono::seconds(1))) << what;
    seen = watched->repaired.size();
    EXPECT_EQ(sorted_flows(), wanted_flows) << what;
    EXPECT_EQ(groups(), wanted_groups) << what;
    const auto now = watched->programmer.statistics();
    EXPECT_EQ(now.flows_sent + now.groups_sent - sent.flows_sent - sent.groups_sent, changes) << what;
  }

  std::unique_ptr<Driver> watched;
  std::multiset<std::string> wanted_flows;
  std::string wanted_groups;
  std::size_t seen = 0;
};

TEST_F(Watched, WhateverOthersChangeIsMendedByItself) {  // O5
  sandbox->ofctl("--strict del-flows", "br0", "'table=0,priority=0'");
  expect_mended("deleted flow", 1);
  sandbox->ofctl("add-flow", "br0", "'table=7,priority=3,actions=drop'");
  expect_mended("foreign flow", 1);
  sandbox->ofctl("mod-flows", "br0", "--strict 'table=2,priority=1,actions=drop'");
  expect_mended("changed flow", 1);
  sandbox->ofctl("mod-group", "br0", "'group_id=102,type=all,bucket=actions=output:1'");
  expect_mended("changed group", 1);
  sandbox->ofctl("add-group", "br0", "'group_id=77,type=all,bucket=actions=output:1'");
  expect_mended("foreign group", 1);
  sandbox->ofctl("del-groups", "br0", "group_id=102");
  expect_mended("deleted group, which took its flow along", 2);
}

TEST_F(Watched, OwnChangesAreNoOccasionToReadBack) {  // O5: no cost while nobody interferes
  const auto before = watched->programmer.statistics().reconciliations;
  for (std::uint32_t i = 3; i < 40; ++i) {
    ASSERT_TRUE(watched->programmer.set_desired(i, numbered(i)));
    ASSERT_TRUE(watched->commit());
  }
  for (std::uint32_t i = 3; i < 40; i += 2) watched->programmer.remove(i);
  ASSERT_TRUE(watched->commit());
  loop.run_until([] { return false; }, std::chrono::milliseconds(400));
  EXPECT_EQ(watched->programmer.statistics().reconciliations, before);
  EXPECT_EQ(watched->programmer.statistics().foreign_changes, 0U);
}

TEST_F(Watched, SomebodyWhoGoesOnInterferingIsAnsweredAtABoundedRate) {  // O5
  const auto before = watched->programmer.statistics().reconciliations;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 30; ++i) {
    sandbox->ofctl("add-flow", "br0", "'table=7,priority=3,actions=drop'");
    loop.run_until([] { return false; }, std::chrono::milliseconds(30));
  }
  const auto pauses = (std::chrono::steady_clock::now() - begin) / std::chrono::milliseconds(Options{}.read_back_pause_ms);
  EXPECT_LE(watched->programmer.statistics().reconciliations - before, static_cast<std::uint64_t>(pauses) + 2);
  ASSERT_TRUE(loop.run_until([&] { return sorted_flows() == wanted_flows; }));
}

TEST_F(Watched, RepairOfOneRuleReadsNothingElse) {  // O5: its cost does not depend on what else stands
  const auto before = watched->programmer.statistics().reconciliations;
  sandbox->ofctl("--strict del-flows", "br0", "'table=3,priority=100,in_port=1,arp,arp_tpa=10.1.0.2,arp_op=1'");
  expect_mended("deleted flow of a load balancer", 1);
  sandbox->ofctl("del-groups", "br0", "group_id=102");
  expect_mended("deleted group and its flow", 2);
  EXPECT_EQ(watched->programmer.statistics().reconciliations, before);
}

TEST_F(Watched, TheGateIsNotOpenedAgainAtOnce) {  // H12: who was hung must first learn what happened meanwhile
  sandbox->ofctl("mod-flows", "br0", "--strict 'table=2,priority=1,actions=drop'");
  ASSERT_TRUE(loop.run_until([&] { return watched->programmer.statistics().foreign_changes > 0; }));
  loop.run_until([] { return false; }, std::chrono::milliseconds(Options{}.base_repair_delay_ms / 2));
  EXPECT_NE(sorted_flows(), wanted_flows);
  // It has learned that it is not the owner.
  ASSERT_TRUE(watched->programmer.set_desired(kBaseKey, base_rules(false)));
  ASSERT_TRUE(watched->commit());
  loop.run_until([] { return false; }, std::chrono::milliseconds(2 * Options{}.base_repair_delay_ms));
  EXPECT_THAT(flows_without_counters(), HasSubstr("table=2, priority=1 actions=drop"));
}

TEST_F(Ovs, MetersStandBeforeTheRulesThatUseThem) {  // D9
  auto options = options_for(sandbox->management_socket("br0"));
  options.meters = {{1, 100}, {2, 200}};
  const Rules metered{{{0, 5, 0x55, Match().in_port(1), {Action::meter(2), Action::in_port()}}}, {}};
  const auto meters = [&] { return sandbox->ofctl("dump-meters", "br0"); };
  Driver driver(loop, options);
  ASSERT_TRUE(driver.programmer.set_desired(kLb, metered));
  driver.synchronise();
  EXPECT_TRUE(driver.refused.empty());
  EXPECT_THAT(meters(), HasSubstr("meter=2 pktps"));
  EXPECT_THAT(meters(), HasSubstr("rate=200"));
  // Deleting a meter deletes the rules that use it.
  sandbox->ofctl("del-meter", "br0", "meter=2");
  ASSERT_TRUE(loop.run_until([&] { return !driver.repaired.empty(); }));
  EXPECT_THAT(meters(), HasSubstr("rate=200"));
  EXPECT_THAT(flows(), HasSubstr("meter:2"));
  sandbox->ofctl("mod-meter", "br0", "meter=1,pktps,bands=type=drop,rate=7");
  ASSERT_TRUE(loop.run_until([&] { return meters().find("rate=100") != std::string::npos; }));
  EXPECT_TRUE(driver.refused.empty());
}

TEST_F(Ovs, FindsOutWhatTheDatapathCanDo) {  // D3: detected, not configured
  auto able = driver();
  able->synchronise();
  ASSERT_EQ(able->capabilities.size(), 1U);
  EXPECT_TRUE(able->capabilities[0].nd_fields);
  EXPECT_TRUE(able->capabilities[0].watched);
  EXPECT_GT(able->capabilities[0].meters_max, 0U);
  EXPECT_THAT(flows(), Not(HasSubstr("table=252"))) << "the probe leaves nothing";
  sandbox->appctl("dpif/set-dp-features br0 nd_ext false");  // as the kernel's
  auto less = driver();
  less->synchronise();
  ASSERT_EQ(less->capabilities.size(), 1U);
  EXPECT_FALSE(less->capabilities[0].nd_fields);
  EXPECT_TRUE(less->refused.empty());
}

}  // namespace
}  // namespace distributor::test
