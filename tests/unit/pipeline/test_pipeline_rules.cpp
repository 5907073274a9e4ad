// The rules as values: golden text, and what a change of the registry changes (O2, F1-F3, F6, H4).
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/unit/pipeline/scene.hpp"

namespace distributor::pipeline {
namespace {

using namespace test_scene;

std::vector<std::string> lines(const Rules& rules) {
  std::vector<std::string> out;
  for (const auto& group : rules.groups) out.push_back(group.text());
  for (const auto& flow : rules.flows) out.push_back(flow.text());
  return out;
}

// Lines of one that are not in the other, "- " and "+ " in front.
std::vector<std::string> difference(const Rules& before, const Rules& after) {
  std::vector<std::string> out;
  const auto old_lines = lines(before);
  const auto new_lines = lines(after);
  const auto has = [](const auto& all, const auto& one) { return std::find(all.begin(), all.end(), one) != all.end(); };
  for (const auto& line : old_lines) {
    if (!has(new_lines, line)) out.push_back("- " + line);
  }
  for (const auto& line : new_lines) {
    if (!has(old_lines, line)) out.push_back("+ " + line);
  }
  return out;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

TEST(PipelineRules, AreThoseOfTheGoldenFile) {
  std::ostringstream text;
  const auto section = [&](const char* title, const Rules& rules) {
    text << "# " << title << "\n";
    for (const auto& line : lines(rules)) text << line << "\n";
  };
  section("shared, gate open", render_base(true));
  section("shared, gate closed", render_base(false));
  section("dual stack, position 1 vacant, a spare, own IPv4 address", render(plain(), plain_port(), {}));
  section("VLAN of a trunk, port affinity, own IPv6 address", render(tagged(), tagged_port(), {}));
  section("no amphora", render(vacant(), vacant_port(), {}));
  Options kernel;
  kernel.nd_by_rules = false;
  section("VLAN again, datapath without ND fields", render(tagged(), tagged_port(), kernel));
  section("hairpin, gateway known for IPv4 only", render(hairpin(), hairpin_port(), with_gateway()));
  std::ifstream file(PIPELINE_GOLDEN_FILE);
  std::ostringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(golden.str(), text.str()) << "If the change is meant, raise kLayoutGeneration and save this as "
                                      << PIPELINE_GOLDEN_FILE << ":\n"
                                      << text.str();
}

TEST(PipelineRules, EveryRuleIsBoundToAPortAndSendsOnlyThere) {  // D1, D8
  for (const auto& [lb, port] :
       {std::pair{plain(), plain_port()}, {tagged(), tagged_port()}, {vacant(), vacant_port()}}) {
    const Rules rules = render(lb, port, {});
    for (const auto& rule : rules.flows) {
      const auto in_port = rule.match.exact(wire::Field::in_port);
      ASSERT_TRUE(in_port) << rule.text();
      EXPECT_TRUE(*in_port == port.ofport || *in_port == port.internal_ofport) << rule.text();
      const std::string actions = rule.actions.text();
      const auto output = actions.find("output:");
      if (output == std::string::npos) continue;
      const std::uint32_t other = *in_port == port.ofport ? *port.internal_ofport : port.ofport;
      EXPECT_EQ(actions.substr(output), "output:" + std::to_string(other)) << rule.text();
    }
    for (const auto& bucket : rules.groups.front().buckets) {
      EXPECT_EQ(bucket.actions.text().find("output:"), std::string::npos);
      EXPECT_NE(bucket.actions.text().find("in_port"), std::string::npos);
    }
  }
}

TEST(PipelineRules, BucketIdsArePositionsInOrder) {  // O1, O2
  const Rules rules = render(plain(), plain_port(), {});
  ASSERT_EQ(rules.groups.size(), 2U);
  EXPECT_EQ(rules.groups.back().type, wire::GroupType::all);
  const wire::Group& group = rules.groups.front();
  EXPECT_EQ(group.type, wire::GroupType::select);
  ASSERT_TRUE(group.selection);
  EXPECT_EQ(group.selection->param, 77U);
  ASSERT_EQ(group.buckets.size(), 2U);
  EXPECT_EQ(group.buckets[0].id, 0U);
  EXPECT_EQ(group.buckets[1].id, 2U);
  EXPECT_EQ(bucket_positions(plain()), (std::vector<Position>{Position{0}, Position{2}}));
}

TEST(PipelineRules, ReplacingAnAmphoraChangesItsMacAndNothingElse) {  // F1, F2
  LoadBalancer after = plain();
  after.slots[2] = {after.spares.front(), after.slots[2].occupant->mac};
  after.spares.clear();
  const Rules old_rules = render(plain(), plain_port(), {});
  const Rules new_rules = render(after, plain_port(), {});
  EXPECT_EQ(difference(old_rules, new_rules).size(), 8U);  // both groups and, per VIP, the loop rule: out and in
  const auto old_lines = lines(old_rules);
  std::vector<std::string> expected;
  for (const auto& line : old_lines) expected.push_back(replaced(line, "02:00:00:00:0a:02", "02:00:00:00:0a:0f"));
  EXPECT_EQ(lines(new_rules), expected);
}

TEST(PipelineRules, ASpareHasNoRules) {  // F3
  LoadBalancer more = plain();
  more.spares.push_back({mac("02:00:00:00:0a:1f"), ""});
  EXPECT_EQ(render(plain(), plain_port(), {}), render(more, plain_port(), {}));
}

TEST(PipelineRules, AnAmphoraThatLeavesTakesItsBucketAndItsLoopRulesAlong) {  // F6
  LoadBalancer after = plain();
  after.slots[0].occupant.reset();
  const Rules rules = render(after, plain_port(), {});
  for (const auto& line : lines(rules)) EXPECT_EQ(line.find("02:00:00:00:0a:00"), std::string::npos) << line;
  EXPECT_EQ(rules.groups.front().buckets.size(), 1U);
  EXPECT_EQ(rules.groups.front().buckets.front().id, 2U);
}

TEST(PipelineRules, ATakeoverChangesOneRule) {  // H4
  const auto changed = difference(render_base(false), render_base(true));
  EXPECT_EQ(changed.size(), 2U);
  EXPECT_EQ(gate_rule(false).key(), gate_rule(true).key());
}

TEST(PipelineRules, BothNodesChooseAlike) {  // A4, H11
  PortBinding other = plain_port();
  other.ofport = 7;
  other.mac = mac("02:00:00:00:00:a2");
  const wire::Group here = render(plain(), plain_port(), {}).groups.front();
  const wire::Group there = render(plain(), other, {}).groups.front();
  EXPECT_EQ(here.selection, there.selection);
  EXPECT_EQ(here.id, there.id);
  ASSERT_EQ(here.buckets.size(), there.buckets.size());
  for (std::size_t i = 0; i < here.buckets.size(); ++i) EXPECT_EQ(here.buckets[i].id, there.buckets[i].id);
}

TEST(PipelineRules, NodeAddressHasNoRulesBeforeItsPortIsThere) {  // H10
  PortBinding port = plain_port();
  port.internal_ofport.reset();
  for (const auto& line : lines(render(plain(), port, {})))
    EXPECT_EQ(line.find("192.0.2.5"), std::string::npos) << line;
}

TEST(PipelineRules, CookiesAndGroupIdsNameTheLoadBalancer) {
  for (const std::uint32_t ordinal : {0U, 1U, 4095U, 100'000U}) {
    EXPECT_TRUE(is_our_cookie(cookie_of(ordinal)));
    EXPECT_EQ(ordinal_of_cookie(cookie_of(ordinal)), ordinal);
    EXPECT_EQ(ordinal_of_group(group_id_of(ordinal, GroupRole::select)), ordinal);
    EXPECT_EQ(ordinal_of_group(group_id_of(ordinal, GroupRole::drain_new)), ordinal);
  }
  EXPECT_TRUE(is_our_cookie(base_cookie()));
  EXPECT_FALSE(ordinal_of_cookie(base_cookie()));
  EXPECT_FALSE(is_our_cookie(0));
  EXPECT_FALSE(ordinal_of_cookie(17));
  EXPECT_FALSE(ordinal_of_group(16));
}

class EveryThird final : public placement::Placement {
 public:
  placement::Selection selection(const LoadBalancer&) const override { return {3, {placement::HashInput::whole(placement::HashField::udp_src)}}; }
  std::optional<Position> where(const LoadBalancer&, const placement::Client&) const override { return Position{0}; }
};

TEST(PipelineRules, AnotherAlgorithmChangesTheGroupOnly) {  // A8
  const EveryThird algorithm;
  Options options;
  options.algorithm = &algorithm;
  const Rules rules = render(plain(), plain_port(), options);
  EXPECT_EQ(rules.groups.front().selection->param, 3U);
  EXPECT_EQ(rules.flows, render(plain(), plain_port(), {}).flows);
}

}  // namespace
}  // namespace distributor::pipeline
