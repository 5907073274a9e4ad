// Against a real Open vSwitch 3.1: what is programmed, what is left alone, what is repaired.
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

TEST_F(Ovs, RulesOfOvsOfctlAndOursAreTheSameBytes) {  // O4: what stands already is recognised, whoever wrote it
  const std::string text =
      "table=0,priority=200,cookie=0x11,in_port=1,arp,arp_op=1,arp_tpa=192.0.2.100,actions=move:NXM_OF_ETH_SRC[]->NXM_"
      "OF_ETH_DST[],"
      "set_field:02:00:00:00:0a:0a->eth_src,set_field:2->arp_op,move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_"
      "ARP_SPA[]->"
      "NXM_OF_ARP_TPA[],set_field:02:00:00:00:0a:0a->arp_sha,set_field:192.0.2.100->arp_spa,IN_PORT";
  sandbox->ofctl("add-flow", "br0", "'" + text + "'");
  sandbox->ofctl("add-group", "br0",
                 "'group_id=1,type=select,selection_method=hash,fields(ip_src,ipv6_src),bucket=bucket_id:1,weight:1,"
                 "actions=set_field:02:00:00:"
                 "00:0a:0a->eth_src,set_field:02:00:00:00:01:01->eth_dst,in_port'");
  auto driver = driver_with({{kLb, {{arp_responder()}, {select_group(1, 1)}}}});
  const ProgramReport report = driver->synchronise();
  EXPECT_EQ(report.flows_sent, 0U);
  EXPECT_EQ(report.groups_sent, 0U);
}

TEST_F(Ovs, ProgramsEverythingAndAfterARestartSendsNothing) {  // O1, O2, O4
  std::size_t wanted = 0;
  {
    auto first = driver_with({{kBaseKey, base_rules(true)}, {kLb, load_balancer()}, {2, {assorted_flows(), {}}}});
    const ProgramReport report = first->synchronise();
    wanted = base_rules(true).flows.size() + load_balancer().flows.size() + assorted_flows().size();
    EXPECT_EQ(report.flows_sent, wanted);
    EXPECT_EQ(report.groups_sent, 2U);
    EXPECT_TRUE(first->programmer.programmed());
    EXPECT_EQ(lines_with(flows(), "actions="), wanted) << flows();
    EXPECT_THAT(groups(),
                HasSubstr("group_id=1,type=select,selection_method=hash,fields(ip_src,ipv6_src),bucket=bucket_id:1"));
    for (int source = 1; source <= 5; ++source) inject_to_vip(source);
    const auto again = first->reconcile();
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->flows_sent + again->groups_sent, 0U);
    EXPECT_EQ(first->programmer.statistics().repairs, 0U);
  }
  auto second = driver_with({{kBaseKey, base_rules(true)}, {kLb, load_balancer()}, {2, {assorted_flows(), {}}}});
  const ProgramReport report = second->synchronise();
  EXPECT_EQ(report.flows_sent, 0U);
  EXPECT_EQ(report.groups_sent, 0U);
  EXPECT_EQ(lines_with(flows(), "actions="), wanted);
  // The counters of before the restart go on.
  inject_to_vip(6);
  ASSERT_TRUE(packets_arrive(*second, 1, 6));
  const auto report_of_counters = counters(*second);
  EXPECT_EQ(report_of_counters.buckets.size(), 8U) << "four in the select group, four in the flood group";
  EXPECT_GE(packets_of_cookie(report_of_counters, 0x11), 6U);
}

TEST_F(Ovs, NothingChangesBeforeProgrammingIsStarted) {  // DESIGN: a never-synced node must not wipe what stands
  sandbox->ofctl("add-flow", "br0", "table=7,priority=1,actions=drop");
  auto driver = driver_with({{kLb, load_balancer()}});
  std::optional<CommitResult> result;
  driver->programmer.commit([&](CommitResult answer) { result = answer; }, 200);
  ASSERT_TRUE(loop.run_until([&] { return driver->programmer.connected() && result; }));
  ASSERT_FALSE(*result);
  EXPECT_EQ(result->error().code, ProgramErrorCode::timed_out);
  EXPECT_FALSE(driver->programmer.programmed());
  EXPECT_EQ(lines_with(flows(), "actions="), 1U);
  EXPECT_EQ(driver->programmer.statistics().flows_sent, 0U);
  driver->synchronise();
  EXPECT_TRUE(loop.run_until([&] { return driver->settled == 1; })) << "what had timed out stands now";
  EXPECT_THAT(flows(), Not(HasSubstr("table=7")));
}

TEST_F(Ovs, ReplaceIsOneGroupModAndFlowsGoOnCounting) {  // F1, F2, O4
  auto driver = driver_with({{kBaseKey, base_rules(true)}, {kLb, load_balancer()}});
  driver->synchronise();
  const auto before = driver->programmer.statistics();
  for (int source = 1; source <= 5; ++source) inject_to_vip(source);
  ASSERT_TRUE(packets_arrive(*driver, 1, 5));
  Rules replaced = load_balancer();
  replaced.groups[0].buckets[1].actions = to_amphora(mac(1, 99));
  const std::string flows_before = flows_without_counters();
  ASSERT_TRUE(driver->programmer.set_desired(kLb, replaced));
  const auto report = driver->commit();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->groups_sent, 1U);
  EXPECT_EQ(report->flows_sent, 0U);
  EXPECT_EQ(driver->programmer.statistics().groups_sent - before.groups_sent, 1U);
  EXPECT_EQ(flows_without_counters(), flows_before);
  EXPECT_THAT(
      groups(),
      AllOf(HasSubstr("bucket_id:2,actions=set_field:02:00:00:00:0a:0a->eth_src,set_field:02:00:00:00:01:63->eth_dst"),
            HasSubstr("bucket_id:2,actions=set_field:02:00:00:00:0a:0a->eth_src,set_field:02:00:00:00:01:02->eth_dst")))
      << "the flood group was not asked to change";
  EXPECT_GE(packets_of_cookie(counters(*driver), 0x11), 5U);
  const auto again = driver->commit();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->flows_sent + again->groups_sent, 0U);
}

TEST_F(Ovs, ChangedFlowGoesOnCounting) {  // O4: an add over a rule keeps its counters
  auto driver = driver_with({{kBaseKey, base_rules(true)}, {kLb, load_balancer()}});
  driver->synchronise();
  for (int source = 1; source <= 5; ++source) inject_to_vip(source);
  ASSERT_TRUE(packets_arrive(*driver, 1, 5));
  Rules changed = load_balancer();
  for (FlowRule& flow : changed.flows) {
    flow.cookie = 0x12;
    if (flow.actions == Actions{Action::group(1)}) flow.actions = {Action::group(3)};
  }
  ASSERT_TRUE(driver->programmer.set_desired(kLb, changed));
  const auto report = driver->commit();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->flows_sent, changed.flows.size());
  EXPECT_GE(packets_of_cookie(counters(*driver), 0x12), 5U);
}

TEST_F(Ovs, DrainedBucketAndAllHashFieldsReadBackEqual) {  // F5, A3
  Rules rules;
  rules.groups.push_back(select_group(5, 3, ~std::uint64_t{0}));
  rules.groups[0].buckets[1].weight = 0;
  rules.groups[0].selection->fields.clear();
  rules.groups[0].selection = HashSelection::over(
      77, {HashField::whole(Field::ipv4_src), HashField::whole(Field::ipv6_src), HashField::whole(Field::tcp_src),
           HashField::whole(Field::udp_src), HashField::whole(Field::sctp_src)});
  rules.groups.push_back({6, GroupType::indirect, std::nullopt, {{1, 1, {Action::in_port()}}}});
  rules.groups.push_back(
      {7, GroupType::select, HashSelection::over(1, {{Field::ipv4_src, std::string("\0\0\xff\x0f", 4)}}), {}});
  auto driver = driver_with({{kLb, rules}});
  driver->synchronise();
  const auto again = driver->reconcile();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->groups_sent, 0U) << groups();
}

TEST_F(Ovs, ForeignAndChangedRulesAreRepaired) {  // O5
  auto driver = driver_with({{kBaseKey, base_rules(true)}, {kLb, load_balancer()}});
  driver->synchronise();
  sandbox->ofctl("add-flow", "br0", "table=9,priority=7,ip,reg3=5/0xff,actions=resubmit:1");
  sandbox->ofctl("add-flow", "br0", "table=9,priority=8,tun_id=4,actions=goto_table:10");
  sandbox->ofctl("add-flow", "br0",
                 "table=9,idle_timeout=50,actions=learn'(table=12,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])'");
  sandbox->ofctl("add-group", "br0", "group_id=77,type=ff,bucket=watch_port:1,actions=1");
  sandbox->ofctl("add-flow", "br0", "table=9,priority=10,actions=group:77");
  sandbox->ofctl("del-flows", "br0", "arp");
  sandbox->ofctl("mod-group", "br0", "group_id=3,type=all,bucket=actions=drop");
  const auto report = driver->reconcile();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->flows_sent, 5U) << "four foreign ones deleted, ARP put back";
  EXPECT_EQ(report->groups_sent, 2U) << "77 deleted, 3 modified";
  EXPECT_EQ(driver->programmer.statistics().repairs, 7U);
  EXPECT_THAT(flows(), AllOf(HasSubstr("arp_tpa=192.0.2.100"), Not(HasSubstr("table=9"))));
  EXPECT_THAT(groups(), Not(HasSubstr("group_id=77")));
  const auto again = driver->reconcile();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->flows_sent + again->groups_sent, 0U);
}

TEST_F(Ovs, ForeignRulesAreDeletedAtConnection) {  // O4, O5
  sandbox->ofctl("add-group", "br0", "group_id=4000,type=all,bucket=actions=1");
  sandbox->ofctl("add-flow", "br0", "table=0,priority=33,actions=group:4000");
  auto driver = driver_with({{kBaseKey, base_rules(false)}});
  const ProgramReport report = driver->synchronise();
  EXPECT_EQ(report.flows_sent, 3U);
  EXPECT_EQ(report.groups_sent, 1U);
  EXPECT_EQ(driver->programmer.statistics().repairs, 0U) << "what was there before our time is no repair";
  EXPECT_THAT(flows(), Not(HasSubstr("priority=33")));
  EXPECT_THAT(groups(), Not(HasSubstr("4000")));
}

TEST_F(Ovs, RestartOfVswitchdRestoresEverything) {  // O5, FACTS 1.5
  auto driver = driver_with({{kBaseKey, base_rules(true)}, {kLb, load_balancer()}});
  driver->synchronise();
  const std::string before = flows_without_counters();
  sandbox->kill_vswitchd();
  ASSERT_TRUE(loop.run_until([&] { return !driver->programmer.connected(); }));
  // A change made meanwhile waits for the connection.
  ASSERT_TRUE(driver->programmer.set_desired(2, numbered(2)));
  std::optional<CommitResult> result;
  driver->programmer.commit([&](CommitResult answer) { result = answer; }, 20000);
  sandbox->start_vswitchd();
  ASSERT_TRUE(loop.run_until([&] { return result && driver->synchronised.size() == 2; }));
  ASSERT_TRUE(*result) << result->error().message;
  EXPECT_THAT(flows(), HasSubstr("nw_dst=10.1.0.2"));
  driver->programmer.remove(2);
  ASSERT_TRUE(driver->commit());
  EXPECT_EQ(flows_without_counters(), before);
  EXPECT_EQ(driver->programmer.statistics().connections, 2U);
}

}  // namespace
}  // namespace distributor::test
