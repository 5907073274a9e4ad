// Against a real Open vSwitch 3.1: bundles that are refused, urgent changes, many changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/programmer/ovs_fixture.hpp"

namespace distributor::test {
namespace {

using programmer::kBaseKey;
using programmer::ProgramErrorCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Clock = std::chrono::steady_clock;

double ms_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

TEST_F(Ovs, RefusedRuleRollsItsBundleBackAndHoldsNobodyElseUp) {  // O3
  auto driver = driver_with({{kBaseKey, base_rules(true)}});
  driver->synchronise();
  Rules bad = numbered(2);
  bad.flows.push_back(
      {0, 50, 2, Match().in_port(2), {Action::group(4711)}});  // no such group: refused when the bundle is committed
  ASSERT_TRUE(driver->programmer.set_desired(2, bad));
  const auto refused = driver->commit();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ProgramErrorCode::refused);
  EXPECT_EQ(refused.error().key, 2U);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("OFPBAC_BAD_OUT_GROUP"), HasSubstr("in_port=2,actions=group:4711")));
  EXPECT_THAT(flows(), Not(HasSubstr("10.1.0.2"))) << "nothing of the bundle stands";
  EXPECT_THAT(groups(), Not(HasSubstr("group_id=102")));
  EXPECT_EQ(driver->programmer.statistics().refused_keys, 1U);

  Rules undecodable = numbered(3);  // refused when it is added: set_field of a field that the match excludes
  undecodable.flows.push_back({0, 51, 3, Match().in_port(2), {Action::set(Field::nd_tll, kNodeMac)}});
  ASSERT_TRUE(driver->programmer.set_desired(3, undecodable));
  ASSERT_TRUE(driver->programmer.set_desired(1, numbered(1)));
  const auto both = driver->commit();
  ASSERT_FALSE(both) << "the commit asked for both";
  EXPECT_EQ(both.error().key, 3U);
  ASSERT_TRUE(driver->commit());
  EXPECT_THAT(flows(), AllOf(HasSubstr("10.1.0.1"), Not(HasSubstr("10.1.0.3"))));
  EXPECT_EQ(driver->refused.size(), 2U);

  ASSERT_TRUE(driver->programmer.set_desired(2, numbered(2)));
  const auto mended = driver->commit();
  ASSERT_TRUE(mended) << mended.error().message;
  EXPECT_EQ(mended->groups_sent, 1U);
  EXPECT_THAT(flows(), HasSubstr("10.1.0.2"));
  EXPECT_EQ(driver->programmer.statistics().refused_keys, 1U);
}

TEST_F(Ovs, RefusedRuleAtConnectionIsRetriedWithoutSpinning) {
  Options options = options_for(sandbox->management_socket("br0"));
  options.refused_retry_min_ms = 20;
  Driver driver(loop, options);
  Rules bad = numbered(2, 1000);  // its flow names a group that does not exist
  ASSERT_TRUE(driver.programmer.set_desired(1, numbered(1)));
  ASSERT_TRUE(driver.programmer.set_desired(2, bad));
  driver.synchronise();
  EXPECT_THAT(flows(), AllOf(HasSubstr("10.1.0.1"), Not(HasSubstr("10.1.0.2"))));
  ASSERT_TRUE(loop.run_until([&] { return driver.refused.size() >= 4; }));
  EXPECT_LE(driver.programmer.statistics().bundles_refused, 5U);
  EXPECT_EQ(driver.settled, 0);
  // The group appears, and the next try succeeds by itself.
  ASSERT_TRUE(driver.programmer.set_desired(3, {{}, {select_group(1102, 1)}}));
  ASSERT_TRUE(driver.commit());
  ASSERT_TRUE(loop.run_until(
      [&] { return driver.programmer.programmed() && driver.programmer.statistics().refused_keys == 0; }));
  ASSERT_TRUE(loop.run_until([&] { return driver.settled == 1; }));
  EXPECT_THAT(flows(), HasSubstr("10.1.0.2"));
}

TEST_F(Ovs, GateIsOneFlowModAndPassesABundleUnderWay) {  // H4: one rule, however much else is being programmed
  auto driver = driver_with({{kBaseKey, base_rules(false)}});
  driver->synchronise();
  const auto before = driver->programmer.statistics();
  for (std::uint32_t ordinal = 1; ordinal <= 1000; ++ordinal)
    ASSERT_TRUE(driver->programmer.set_desired(ordinal, numbered(ordinal)));
  std::vector<std::string> order;
  ProgramReport gate;
  ProgramReport bulk;
  Clock::time_point bulk_end;
  loop.io.restart();
  loop.io.poll();  // whatever the synchronisation left to do
  driver->programmer.commit(
      [&](CommitResult answer) {
        ASSERT_TRUE(answer) << answer.error().message;
        bulk = *answer;
        bulk_end = Clock::now();
        order.push_back("bulk");
      },
      20000);
  loop.io.restart();
  loop.io.poll_one();  // the bundle is put together and goes off
  ASSERT_TRUE(driver->programmer.set_desired(kBaseKey, base_rules(true)));
  const auto gate_begin = Clock::now();
  driver->programmer.commit_urgent(kBaseKey, [&](CommitResult answer) {
    ASSERT_TRUE(answer) << answer.error().message;
    gate = *answer;
    order.push_back("gate");
  });
  ASSERT_TRUE(loop.run_until([&] { return order.size() == 2; }));
  EXPECT_GT(bulk.duration_ms, ms_between(gate_begin, bulk_end))
      << "the bundle was under way when the gate was asked for";
  EXPECT_THAT(order, ::testing::ElementsAre("gate", "bulk"));
  EXPECT_EQ(gate.flows_sent, 1U);
  EXPECT_EQ(gate.groups_sent, 0U);
  EXPECT_EQ(bulk.flows_sent, 2000U);
  EXPECT_EQ(bulk.groups_sent, 1000U);
  EXPECT_EQ(driver->programmer.statistics().bundles_committed - before.bundles_committed, 1U);
  EXPECT_THAT(sandbox->ofctl("dump-flows", "br0", "table=2"), HasSubstr("priority=1 actions=resubmit(,3)"));
  std::printf("1000 load balancers in %.1f ms; gate meanwhile in %.2f ms\n", bulk.duration_ms, gate.duration_ms);
}

TEST_F(Ovs, CostOfAChangeDoesNotGrowWithWhatStands) {  // O4
  auto driver = driver_with({{kBaseKey, base_rules(false)}});
  for (std::uint32_t ordinal = 1; ordinal <= 1000; ++ordinal)
    ASSERT_TRUE(driver->programmer.set_desired(ordinal, numbered(ordinal)));
  driver->synchronise();
  const auto before = driver->programmer.statistics();
  auto begin = Clock::now();
  Rules changed = numbered(500);
  changed.groups[0].buckets[0].actions = to_amphora(mac(9, 9));
  ASSERT_TRUE(driver->programmer.set_desired(500, changed));
  ASSERT_TRUE(driver->commit());
  std::printf("one of 1000 changed: %.2f ms\n", ms_between(begin, Clock::now()));
  EXPECT_EQ(driver->programmer.statistics().groups_sent - before.groups_sent, 1U);
  EXPECT_EQ(driver->programmer.statistics().flows_sent, before.flows_sent);
  begin = Clock::now();
  ASSERT_TRUE(driver->programmer.set_desired(kBaseKey, base_rules(true)));
  ASSERT_TRUE(driver->commit_urgent(kBaseKey));
  std::printf("gate: %.2f ms\n", ms_between(begin, Clock::now()));
  EXPECT_EQ(driver->programmer.statistics().flows_sent, before.flows_sent + 1);
  begin = Clock::now();
  const auto same = driver->reconcile();
  ASSERT_TRUE(same);
  EXPECT_EQ(same->flows_sent + same->groups_sent, 0U);
  std::printf("all read back and compared: %.1f ms\n", ms_between(begin, Clock::now()));
}

TEST_F(Ovs, UrgentChangeDuringAReadBackIsNotUndone) {  // H4, O5
  auto driver = driver_with({{kBaseKey, base_rules(false)}, {kLb, load_balancer()}});
  driver->synchronise();
  std::optional<CommitResult> reconciled;
  driver->programmer.reconcile([&](CommitResult answer) { reconciled = answer; });
  ASSERT_TRUE(driver->programmer.set_desired(kBaseKey, base_rules(true)));
  ASSERT_TRUE(driver->commit_urgent(kBaseKey));
  ASSERT_TRUE(loop.run_until([&] { return reconciled.has_value(); }));
  ASSERT_TRUE(*reconciled);
  EXPECT_EQ((*reconciled)->flows_sent, 0U);
  EXPECT_THAT(flows(), HasSubstr("actions=resubmit(,3)"));
}

TEST_F(Ovs, CommitsMadeTogetherShareOneBundle) {  // DESIGN: one bundle per change
  auto driver = driver_with({{kBaseKey, base_rules(true)}});
  driver->synchronise();
  const auto before = driver->programmer.statistics().bundles_committed;
  int answered = 0;
  for (std::uint32_t ordinal = 1; ordinal <= 10; ++ordinal) {
    ASSERT_TRUE(driver->programmer.set_desired(ordinal, numbered(ordinal)));
    driver->programmer.commit([&](CommitResult answer) { answered += answer ? 1 : 0; });
  }
  ASSERT_TRUE(loop.run_until([&] { return answered == 10; }));
  EXPECT_EQ(driver->programmer.statistics().bundles_committed - before, 1U);
}

}  // namespace
}  // namespace distributor::test
