// Named scenarios, each with the judge looking on: whatever the story, nothing promised is lost and both end in sync with one owner.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulation/story.hpp"

namespace distributor::simulation {
namespace {

using replica::ChangeAccepted;
using replica::Durability;
using replica::Phase;

class Pair {
 public:
  explicit Pair(Plan plan = Plan::calm()) : world(7, std::move(plan), true), judge(world), clients(world, judge) {
    world.start_host(0);
    world.start_host(1);
    settle();
    for (std::uint32_t lb = 1; lb <= 2; ++lb) ask(plug_of(lb));
    for (std::uint32_t number = 1; number <= 4; ++number) ask(register_of(1, number));
    settle();
  }
  ~Pair() {
    settle();
    if (judge.violations().empty()) judge.final_verdict();
    for (const auto& text : judge.violations()) ADD_FAILURE() << text;
    if (!::testing::Test::HasFailure()) return;
    for (const auto& line : world.timeline.tail()) std::printf("%s\n", line.c_str());
  }

  std::size_t owner() const { return world.vrrp.state(0) == keepalived::VrrpState::master ? 0 : 1; }
  std::size_t other() const { return 1 - owner(); }
  void run(Duration time) {
    world.timeline.run_until(world.timeline.now() + time, [] { return false; });
  }
  bool run_until(const std::function<bool()>& condition, Duration limit = seconds(30)) { return world.timeline.run_until(world.timeline.now() + limit, condition); }
  void settle() {
    EXPECT_TRUE(run_until([this] { return world.settled(); }, kConvergeMax)) << world.why_unsettled();
    judge.settled();
  }
  // Asks whoever owns and waits for the answer.
  const Attempt& ask(const Command& command, const std::string& id = "") { return ask_at(owner(), command, id); }
  const Attempt& ask_at(std::size_t host, const Command& command, const std::string& id = "") {
    const auto handle = clients.call(host, command, id);
    run_until([&] { return judge.attempts().at(handle).answered.has_value(); });
    return judge.attempts().at(handle);
  }
  void partition(bool cut) {
    for (std::size_t i = 0; i < 2; ++i) {
      world.cut_sync(i, cut);
      world.vrrp.set_cut(i, cut);
    }
  }
  void lose_disk(std::size_t host, replica::DurableState state) {
    world.kill_daemon(host);
    world.hosts[host].disk.replace(std::move(state));
    judge.disk_lost(host);
  }
  static std::optional<Durability> durability(const Attempt& attempt) {
    const auto* accepted = std::get_if<ChangeAccepted>(&attempt.result);
    return accepted == nullptr || !attempt.answered ? std::nullopt : std::optional(accepted->durability);
  }

  World world;
  Judge judge;
  Clients clients;
};

TEST(Scenario, AWipedNodeThatBootsFirstAndIsMasterGivesWay) {  // H13
  Pair pair;
  const auto good = pair.owner();
  const auto wiped = pair.other();
  pair.world.crash_host(good);
  pair.world.crash_host(wiped);
  pair.lose_disk(wiped, {});
  pair.world.start_host(wiped);
  pair.run(seconds(8));
  EXPECT_EQ(pair.world.vrrp.state(wiped), keepalived::VrrpState::master);
  EXPECT_FALSE(pair.world.status(wiped).leads);
  pair.world.start_host(good);
  pair.settle();
  EXPECT_TRUE(pair.world.status(good).leads);
  EXPECT_EQ(pair.world.status(wiped).committed, Seq{6});
}

TEST(Scenario, AnOldDiskThatBootsFirstAndIsMasterGivesWay) {  // H13
  Pair pair;
  const auto old_node = pair.other();
  const auto good = pair.owner();
  const auto old_disk = pair.world.hosts[old_node].disk.platter;
  pair.ask(register_of(2, 50));
  pair.world.crash_host(good);
  pair.world.crash_host(old_node);
  pair.lose_disk(old_node, old_disk);
  pair.world.start_host(old_node);
  pair.run(seconds(8));
  EXPECT_TRUE(pair.world.status(old_node).leads);  // alone, it cannot know
  EXPECT_EQ(Pair::durability(pair.ask_at(old_node, register_of(1, 60))), Durability::local);
  pair.world.start_host(good);
  pair.settle();
  EXPECT_TRUE(pair.world.status(good).leads);
  EXPECT_TRUE(pair.world.status(old_node).committed >= Seq{7});
}

TEST(Scenario, TheLeaderGoesSoloDiesTheOtherLeadsAndTheFirstReturns) {  // H8
  Pair pair;
  const auto first = pair.owner();
  const auto second = pair.other();
  pair.world.crash_host(second);
  pair.run(seconds(4));
  EXPECT_EQ(Pair::durability(pair.ask(register_of(1, 70))), Durability::local);
  pair.world.crash_host(first);
  pair.world.start_host(second);
  ASSERT_TRUE(pair.run_until([&] { return pair.world.status(second).leads; }));
  EXPECT_EQ(Pair::durability(pair.ask_at(second, register_of(1, 71))), Durability::local);
  pair.world.start_host(first);
  pair.settle();
  EXPECT_GE(pair.judge.listed(), 1U);
}

TEST(Scenario, TheOneThatLedOnKeepsItsChangesAlthoughTheOtherHadSomeOnTheirWay) {  // H8, H13
  Pair pair;
  const auto dead = pair.owner();
  const auto survivor = pair.other();
  pair.world.cut_sync(dead, true);  // what it sends now arrives nowhere, and is on its own disk
  pair.clients.call(dead, register_of(2, 400));
  pair.run(milliseconds(50));
  pair.world.crash_host(dead);
  ASSERT_TRUE(pair.run_until([&] { return pair.world.status(survivor).leads; }));
  ASSERT_EQ(Pair::durability(pair.ask_at(survivor, register_of(1, 401))), Durability::local);
  // It is restarted before they meet: the process that knew what it had acknowledged is gone, its word stands on the disk.
  pair.world.kill_daemon(survivor);
  pair.world.start_daemon(survivor);
  ASSERT_TRUE(pair.run_until([&] { return pair.world.status(survivor).leads; }));
  const auto kept = pair.world.status(survivor).last;
  pair.world.cut_sync(dead, false);
  pair.world.start_host(dead);
  pair.settle();
  EXPECT_TRUE(pair.world.status(survivor).leads);
  EXPECT_GE(pair.world.status(survivor).last, kept);
  EXPECT_EQ(pair.world.hosts[dead].daemon->core->applied().find(lb_number(2))->slots.size(), 1U);  // and that one is there too
}

TEST(Scenario, AReunionOfManyChangesIsTakenBatchByBatch) {  // H8: what the leader took in one batch is no change of its own in the next
  Pair pair;
  const auto one = pair.owner();
  const auto two = pair.other();
  pair.partition(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.world.status(one).phase == Phase::solo && pair.world.status(two).phase == Phase::solo; }));
  const auto changes = static_cast<std::uint32_t>(replica::kEntriesPerMessageMax) + 100;
  for (std::uint32_t i = 0; i < changes; ++i) {
    const Command in_turn = i % 2 == 0 ? register_of(2, 500) : Command(UnregisterCommand{lb_number(2), {amphora(500)}});
    ASSERT_EQ(Pair::durability(pair.ask_at(two, in_turn)), Durability::local);
  }
  pair.ask_at(two, register_of(2, 501));
  pair.world.vrrp.set_readiness(two, 0);  // the other one owns when they meet
  pair.partition(false);
  ASSERT_TRUE(pair.run_until([&] { return pair.world.status(one).leads && pair.world.status(two).phase == Phase::following; }));
  pair.world.vrrp.set_readiness(two, keepalived::kReadinessReady);
  pair.settle();
  pair.run(seconds(2));
  EXPECT_EQ(pair.world.status(one).dropped, 0U);
  EXPECT_EQ(pair.world.status(two).dropped, 0U);
  EXPECT_EQ(pair.world.hosts[one].daemon->core->applied().find(lb_number(2))->slots.front().occupant->mac, amphora(501));
}

TEST(Scenario, WhatALogCutShortNoLongerTellsIsListedAsCommands) {  // H8: a difference of states
  auto plan = Plan::calm();
  plan.core.log_keep_max = 8;
  plan.core.checkpoint_every = 2;
  Pair pair(plan);
  const auto one = pair.owner();
  const auto two = pair.other();
  pair.partition(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.world.status(one).phase == Phase::solo && pair.world.status(two).phase == Phase::solo; }));
  for (std::uint32_t i = 0; i < 30; ++i) {
    pair.ask_at(two, register_of(2, 600 + i));
    pair.ask_at(one, register_of(1, 700 + i));
    pair.run(milliseconds(20));
  }
  pair.run(seconds(1));
  ASSERT_GT(pair.world.hosts[two].disk.platter.meta.base.seq, pair.world.hosts[two].disk.platter.meta.pair_floor.seq);
  pair.partition(false);
  pair.settle();
  const std::size_t gave_way = pair.world.status(one).leads ? two : one;
  const auto& listed = pair.world.hosts[gave_way].daemon->core->dropped();
  const auto brings_back = [](const replica::DroppedChange& change) { return change.reason.find("brings its state back") != std::string::npos; };
  EXPECT_GE(std::count_if(listed.begin(), listed.end(), brings_back), 2);  // PLUG and REGISTER of at least one load balancer
}

TEST(Scenario, BothSolo) {  // H8
  Pair pair;
  const auto one = pair.owner();
  const auto two = pair.other();
  pair.partition(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.world.status(one).phase == Phase::solo && pair.world.status(two).phase == Phase::solo; }));
  EXPECT_EQ(Pair::durability(pair.ask_at(one, register_of(1, 80))), Durability::local);
  EXPECT_EQ(Pair::durability(pair.ask_at(two, register_of(1, 81))), Durability::local);
  EXPECT_EQ(Pair::durability(pair.ask_at(two, register_of(2, 82))), Durability::local);
  pair.partition(false);
  pair.settle();
  pair.run(seconds(2));
  // What only one of them touched is there, what both touched is there once and listed once.
  EXPECT_GE(pair.judge.listed(), 1U);
  EXPECT_EQ(pair.world.hosts[0].daemon->core->applied().find(lb_number(2))->slots.size(), 1U);
}

TEST(Scenario, AFencedNodeThatStaysMasterRaisesNoEndlessTerms) {
  Pair pair;
  const auto one = pair.owner();
  const auto two = pair.other();
  for (std::size_t i = 0; i < 2; ++i) pair.world.vrrp.set_cut(i, true);  // adverts only: both are MASTER, and talk
  pair.run(seconds(20));
  const auto term = std::max(pair.world.status(one).term, pair.world.status(two).term);
  EXPECT_NE(pair.world.status(one).leads, pair.world.status(two).leads);
  pair.run(seconds(20));
  EXPECT_EQ(std::max(pair.world.status(one).term, pair.world.status(two).term), term);
  for (std::size_t i = 0; i < 2; ++i) pair.world.vrrp.set_cut(i, false);
}

TEST(Scenario, TheDaemonDiesAndKeepalivedLives) {  // H12
  Pair pair;
  const auto dead = pair.owner();
  pair.world.kill_daemon(dead);
  pair.run(seconds(6));
  EXPECT_EQ(pair.world.vrrp.state(1 - dead), keepalived::VrrpState::master);
  EXPECT_EQ(pair.world.hosts[dead].ovs.gate, false);
  EXPECT_EQ(pair.world.hosts[1 - dead].ovs.gate, true);
  EXPECT_EQ(Pair::durability(pair.ask_at(1 - dead, register_of(2, 90))), Durability::local);
  pair.world.start_daemon(dead);
}

TEST(Scenario, KeepalivedDiesAndTheDaemonLives) {
  Pair pair;
  const auto dead = pair.owner();
  pair.world.vrrp.kill(dead, false);
  pair.run(seconds(4));
  EXPECT_TRUE(pair.world.status(1 - dead).leads);
  EXPECT_EQ(pair.world.hosts[dead].ovs.gate, false);
  EXPECT_FALSE(pair.world.vrrp.holds_address(dead));
  EXPECT_EQ(Pair::durability(pair.ask_at(1 - dead, register_of(2, 91))), Durability::pair);
  pair.world.vrrp.start(dead);
}

TEST(Scenario, ThePeersOvsIsDeadWhileRegistrationsArrive) {
  Pair pair;
  const auto peer = pair.other();
  pair.world.stop_ovs(peer);
  pair.run(seconds(1));
  const auto& attempt = pair.ask(register_of(2, 92));
  ASSERT_EQ(Pair::durability(attempt), Durability::pair);
  EXPECT_TRUE(std::get<ChangeAccepted>(attempt.result).programmed_here);
  EXPECT_FALSE(std::get<ChangeAccepted>(attempt.result).programmed_on_peer);
  EXPECT_LT(*attempt.answered - attempt.invoked, seconds(1));  // nobody waits for a dead one
  pair.world.start_ovs(peer);
}

TEST(Scenario, TheLogWasCutShortDuringALongAbsence) {  // H8, H1
  auto plan = Plan::calm();
  plan.core.log_keep_max = 8;
  plan.core.checkpoint_every = 2;
  Pair pair(plan);
  const auto away = pair.other();
  pair.world.crash_host(away);
  pair.run(seconds(4));
  for (std::uint32_t i = 0; i < 40; ++i) EXPECT_EQ(Pair::durability(pair.ask(register_of(2, 100 + i))), Durability::local);
  pair.run(seconds(1));  // a checkpoint
  EXPECT_GT(pair.world.hosts[pair.owner()].disk.platter.meta.base.seq, Seq{20});
  pair.world.start_host(away);
  pair.settle();
  EXPECT_EQ(pair.world.status(away).committed, Seq{46});
}

TEST(Scenario, BothNodesRebuiltFromTheRecordsOfOctavia) {  // H1
  Pair pair;
  pair.ask(UnregisterCommand{lb_number(1), {amphora(2)}});
  const auto before = *pair.world.hosts[0].daemon->core->applied().find(lb_number(1));
  const auto again = pair.clients.repush(1);

  auto plan = Plan::calm();
  World world(8, plan, true);
  Judge judge(world);
  Clients clients(world, judge);
  world.start_host(0);
  world.start_host(1);
  ASSERT_TRUE(world.timeline.run_until(seconds(30), [&] { return world.settled(); }));
  for (const auto& command : again) {
    clients.call(world.status(0).leads ? 0 : 1, command);
    world.timeline.run_until(world.timeline.now() + seconds(2), [] { return false; });
  }
  const auto after = world.hosts[1].daemon->core->applied().find(lb_number(1));
  ASSERT_TRUE(after);
  EXPECT_EQ(*after, before);  // positions, hash seed, holes
}

TEST(Scenario, AWriteInFlightWhenKeepalivedSwitchesOver) {  // H7
  for (int delay = 0; delay < 40; ++delay) {
    Pair pair;
    const auto from = pair.owner();
    const auto handle = pair.clients.call(from, register_of(2, 200));
    pair.run(microseconds(100 * delay));
    pair.world.vrrp.set_readiness(from, keepalived::kReadinessLeaving);
    pair.run(seconds(2));
    EXPECT_TRUE(pair.world.status(1 - from).leads);
    EXPECT_TRUE(pair.judge.attempts().at(handle).answered);
    EXPECT_EQ(Pair::durability(pair.ask_at(1 - from, register_of(2, 200))), Durability::pair);  // the client's own retry
    pair.world.vrrp.set_readiness(from, keepalived::kReadinessReady);
  }
}

TEST(Scenario, AReplayedReplaceChangesNothing) {  // F1
  Pair pair;
  pair.ask(register_of(1, 300, {}, AmphoraRole::standby));
  const Command replace = ReplaceCommand{lb_number(1), amphora(1), {}};
  const auto first = pair.ask(replace);
  ASSERT_EQ(Pair::durability(first), Durability::pair);
  const auto from = pair.owner();
  pair.world.kill_daemon(from);
  ASSERT_TRUE(pair.run_until([&] { return pair.world.status(1 - from).leads; }));
  const auto again = pair.ask_at(1 - from, replace);
  ASSERT_TRUE(Pair::durability(again));
  EXPECT_FALSE(std::get<ChangeAccepted>(again.result).changed);
  EXPECT_EQ(*std::get<ChangeAccepted>(again.result).after, *std::get<ChangeAccepted>(first.result).after);
  pair.world.start_daemon(from);
}

TEST(Simulation, TheSameSeedTwiceIsTheSameStory) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto once = run_seed(seed, false);
    const auto twice = run_seed(seed, true);
    EXPECT_EQ(once.trace_hash, twice.trace_hash);
    EXPECT_EQ(once.events, twice.events);
    EXPECT_NE(once.trace_hash, run_seed(seed + 1, false).trace_hash);
  }
}

}  // namespace
}  // namespace distributor::simulation
