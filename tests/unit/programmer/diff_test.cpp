// The pure core: which changes, in which order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "openflow/programmer/diff.hpp"
#include "tests/unit/wire/facts_rules.hpp"

namespace distributor::test {
namespace {

using programmer::Change;
using programmer::ChangeKind;
using programmer::View;

std::vector<Change> difference(const Rules& actual, const Rules& desired) {
  View is;
  View should;
  is.add(1, actual);
  should.add(1, desired);
  return programmer::difference(std::move(is), std::move(should));
}

std::vector<ChangeKind> kinds(const std::vector<Change>& changes) {
  std::vector<ChangeKind> out;
  for (const Change& change : changes) out.push_back(change.kind);
  return out;
}

TEST(Difference, OfEqualRulesIsEmpty) {  // O4
  EXPECT_TRUE(difference(facts_rules(), facts_rules()).empty());
}

TEST(Difference, GroupsComeBeforeTheirFlowsAndGoAfterThem) {  // O3
  const Rules rules{{{0, 100, 0, Match().in_port(1), {Action::group(1)}}}, {select_group(1, 2)}};
  EXPECT_EQ(kinds(difference({}, rules)), (std::vector{ChangeKind::add_group, ChangeKind::put_flow}));
  EXPECT_EQ(kinds(difference(rules, {})), (std::vector{ChangeKind::delete_flow, ChangeKind::delete_group}));
}

TEST(Difference, ReplacedAmphoraIsOneGroupModify) {  // F2
  Rules after = facts_rules();
  after.groups[0].buckets[2].actions = to_amphora(mac(1, 99));
  const Rules before = facts_rules();
  const auto changes = difference(before, after);
  ASSERT_EQ(kinds(changes), std::vector{ChangeKind::modify_group});
  EXPECT_EQ(*changes[0].group, after.groups[0]);
}

TEST(Difference, OrderOfBucketsCounts) {  // O2: it breaks ties in the hash
  Rules after = facts_rules();
  std::swap(after.groups[0].buckets[0], after.groups[0].buckets[1]);
  EXPECT_EQ(difference(facts_rules(), after).size(), 1U);
}

TEST(Difference, ChangedCookieOrActionsIsOnePut) {
  const Rules before = facts_rules();
  Rules after = before;
  after.flows[0].cookie = 99;
  after.flows[1].actions = {};
  EXPECT_EQ(kinds(difference(before, after)), (std::vector{ChangeKind::put_flow, ChangeKind::put_flow}));
}

TEST(Difference, WhatIsNotPlainIsReplaced) {  // O5: the same rule with a timeout is another one
  const Rules rules = facts_rules();
  View is;
  View should;
  is.add(1, rules);
  should.add(1, rules);
  is.flows[0].plain = false;
  is.groups[0].plain = false;
  EXPECT_EQ(kinds(programmer::difference(is, should)), (std::vector{ChangeKind::modify_group, ChangeKind::put_flow}));
}

// Random states: applying the changes in order gives the desired state, never refers to a missing group, and touches
// nothing equal.
TEST(Difference, TurnsAnyStateIntoAnyOther) {
  std::mt19937 random(7);
  const auto random_rules = [&] {
    Rules rules;
    for (std::uint32_t id = 1; id <= 6; ++id) {
      if (random() % 2 != 0) rules.groups.push_back(select_group(id, 1 + static_cast<std::uint32_t>(random() % 3)));
    }
    for (std::uint32_t port = 1; port <= 12; ++port) {
      if (rules.groups.empty() || random() % 3 == 0) continue;
      const std::uint32_t group = rules.groups[random() % rules.groups.size()].id;
      rules.flows.push_back(
          {static_cast<std::uint8_t>(port % 3), 5, random() % 2, Match().in_port(port), {Action::group(group)}});
    }
    return rules;
  };
  for (int round = 0; round < 500; ++round) {
    const Rules before = random_rules();
    const Rules after = random_rules();
    std::map<wire::FlowKey, FlowRule> flows;
    std::map<std::uint32_t, Group> groups;
    for (const auto& flow : before.flows) flows[flow.key()] = flow;
    for (const auto& group : before.groups) groups[group.id] = group;
    for (const Change& change : difference(before, after)) {
      switch (change.kind) {
        case ChangeKind::add_group:
          ASSERT_TRUE(groups.emplace(change.group->id, *change.group).second);
          break;
        case ChangeKind::modify_group:
          ASSERT_TRUE(groups.count(change.group->id) == 1 && groups[change.group->id] != *change.group);
          groups[change.group->id] = *change.group;
          break;
        case ChangeKind::put_flow:
          ASSERT_TRUE(groups.count(change.flow->actions.groups().at(0)) == 1) << "a flow before its group";
          ASSERT_TRUE(flows.count(change.flow->key()) == 0 || flows[change.flow->key()] != *change.flow);
          flows[change.flow->key()] = *change.flow;
          break;
        case ChangeKind::delete_flow:
          ASSERT_EQ(flows.erase(change.flow->key()), 1U);
          break;
        case ChangeKind::delete_group:
          ASSERT_EQ(groups.erase(change.group->id), 1U);
          for (const auto& [key, flow] : flows)
            ASSERT_NE(flow.actions.groups().at(0), change.group->id) << "a group before its flows";
          break;
      }
    }
    std::map<wire::FlowKey, FlowRule> wanted_flows;
    for (const auto& flow : after.flows) wanted_flows[flow.key()] = flow;
    std::map<std::uint32_t, Group> wanted_groups;
    for (const auto& group : after.groups) wanted_groups[group.id] = group;
    ASSERT_EQ(flows, wanted_flows);
    ASSERT_EQ(groups, wanted_groups);
  }
}

}  // namespace
}  // namespace distributor::test
