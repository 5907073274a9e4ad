// What the pair promises, one story a test (H1-H3, H8, H9, H12, H13).
#include <gmock/gmock.h>

#include "tests/unit/replica/pair_story.hpp"

namespace distributor::replica::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(Replica, PairAnswerMeansBothDisksAndBothSwitches) {  // H3
  Pair pair;
  const auto answer = pair.must(0, registration(kLb, 1));
  EXPECT_EQ(answer.durability, Durability::pair);
  EXPECT_TRUE(answer.programmed_here);
  EXPECT_TRUE(answer.programmed_on_peer);
  for (const auto& node : pair.nodes) EXPECT_EQ(node.disk.log.back().seq, answer.seq);
}

TEST(Replica, PairDurableChangeSurvivesTheDeathOfTheLeaderAtEveryMoment) {  // H3
  for (int moment = 0; moment < 60; ++moment) {
    Pair pair(static_cast<std::uint64_t>(moment));
    for (std::uint32_t i = 0; i < 4; ++i) pair.submit(0, registration(kLb, i));
    for (int i = 0; i < moment; ++i) pair.step_one_event(pair.now + seconds(1));
    std::vector<Command> promised;
    for (const auto& [handle, answer] : pair.answers) {
      const auto* accepted = std::get_if<ChangeAccepted>(&answer.result);
      if (accepted != nullptr && accepted->durability == Durability::pair) promised.push_back(answer.command);
    }
    pair.crash(0);
    pair.give_ownership_to(1);
    ASSERT_TRUE(pair.run_until([&] { return pair.status(1).leads && pair.status(1).phase == Phase::solo; })) << moment;
    for (const auto& command : promised) EXPECT_FALSE(pair.nodes[1].core->applied().check(command)->changed) << moment;
    pair.boot(0);
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); })) << moment;
    for (const auto& command : promised) EXPECT_FALSE(pair.nodes[0].core->applied().check(command)->changed) << moment;
  }
}

TEST(Replica, WipedNodeRejoinsAndTakesEverythingOver) {  // H1
  Pair pair;
  for (std::uint32_t i = 0; i < 20; ++i) pair.must(0, registration(kLb, i));
  pair.crash(1);
  pair.wipe(1);
  pair.run(seconds(5));
  pair.boot(1);
  EXPECT_FALSE(pair.status(1).entitled);  // H6
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_TRUE(pair.status(0).leads);
  EXPECT_EQ(pair.amphorae(1), 20U);
}

TEST(Replica, WipedNodeThatBootsFirstAndOwnsGivesWay) {  // H13
  Pair pair;
  for (std::uint32_t i = 0; i < 5; ++i) pair.must(0, registration(kLb, i));
  pair.crash(0);
  pair.crash(1);
  pair.wipe(1);
  pair.run(seconds(1));
  pair.boot(1);
  pair.own(1, Ownership::master);
  pair.run(seconds(10));
  EXPECT_FALSE(pair.status(1).leads);
  EXPECT_FALSE(pair.status(1).entitled);
  pair.boot(0);
  pair.own(0, Ownership::backup);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).leads && pair.status(1).committed == pair.status(0).last && pair.amphorae(1) == 5; }));
  pair.give_ownership_to(0);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_EQ(pair.amphorae(0), 5U);
}

TEST(Replica, OldDiskGivesWayAlthoughItCameUpFirst) {  // H13
  Pair pair;
  pair.must(0, registration(kLb, 1));
  pair.crash(1);
  const auto old_disk = pair.nodes[1].disk;
  pair.run(seconds(3));
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  for (std::uint32_t i = 2; i < 8; ++i) EXPECT_EQ(pair.must(0, registration(kLb, i)).durability, Durability::pair);
  pair.crash(0);
  pair.crash(1);
  pair.nodes[1].disk = old_disk;
  pair.nodes[1].term_seen = Term{};
  pair.boot(1);
  pair.own(1, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).leads; }));  // alone, with whatever it has
  pair.boot(0);
  pair.own(0, Ownership::backup);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).leads; }));
  pair.give_ownership_to(0);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_EQ(pair.amphorae(1), 7U);
}

TEST(Replica, AloneTheAnswerSaysLocalAndThePeerGetsItLater) {
  Pair pair;
  pair.crash(1);
  const auto answer = pair.must(0, registration(kLb, 1));
  EXPECT_EQ(answer.durability, Durability::local);
  EXPECT_FALSE(answer.programmed_on_peer);
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_EQ(pair.amphorae(1), 1U);
  EXPECT_EQ(pair.must(0, registration(kLb, 2)).durability, Durability::pair);
}

TEST(Replica, StrictPairRefusesChangesWithoutThePeer) {
  Config strict;
  strict.solo_policy = SoloPolicy::strict;
  Pair pair(1, strict);
  pair.crash(1);
  pair.run(seconds(3));
  EXPECT_EQ(pair.refusal(0, registration(kLb, 1)).code, RefusalCode::no_peer_strict);
  EXPECT_EQ(pair.amphorae(0), 0U);
}

TEST(Replica, PartitionWithTwoOwnersLosesNothingSilently) {  // H8
  Pair pair;
  pair.must(0, registration(kLb, 1));
  pair.must(0, plug(lb_number(2)));
  pair.set_link(false);
  pair.own(1, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo && pair.status(1).phase == Phase::solo; }));
  EXPECT_EQ(pair.must(0, registration(kLb, 10)).durability, Durability::local);
  EXPECT_EQ(pair.must(1, registration(kLb, 20)).durability, Durability::local);            // the same load balancer: a conflict
  EXPECT_EQ(pair.must(1, registration(lb_number(2), 30)).durability, Durability::local);  // untouched by node 0: proposed again
  pair.set_link(true);
  pair.own(1, Ownership::backup);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.run(seconds(2));
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  const std::size_t leader = pair.status(0).leads ? 0 : 1;
  const auto& state = pair.nodes[leader].core->applied();
  std::size_t found = 0;
  for (const auto& [lb, number] : {std::pair(kLb, 10U), std::pair(kLb, 20U), std::pair(lb_number(2), 30U)}) {
    const auto judged = state.check(registration(lb, number));
    found += judged && !judged->changed ? 1 : 0;
  }
  EXPECT_EQ(found + pair.status(0).dropped + pair.status(1).dropped, 3U);
  EXPECT_GE(found, 2U);
  EXPECT_EQ(pair.status(1 - leader).dropped, 0U);  // the leader has the list
  pair.step_one_event(pair.now);
}

TEST(Replica, ChangesOfAnEarlierReunionAreNotDoneAgainBehindWhatCameSince) {  // H8
  Pair pair;
  pair.must(0, plug(lb_number(2)));
  const auto part = [&] {
    pair.set_link(false);
    pair.own(1, Ownership::master);
    EXPECT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo && pair.status(1).phase == Phase::solo; }));
  };
  const auto meet_as_backup = [&] { pair.own(0, Ownership::backup), pair.set_link(true); };
  part();
  EXPECT_EQ(pair.must(0, registration(kLb, 10)).durability, Durability::local);
  meet_as_backup();
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).dropped == 1; }));
  pair.set_link(false);  // node 0 has cut it, and node 1 never hears of it
  pair.own(1, Ownership::backup);
  pair.own(0, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).leads; }));
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(0).leads; }));
  ASSERT_EQ(pair.must(0, registration(kLb, 10)).durability, Durability::pair);
  ASSERT_EQ(pair.must(0, UnregisterCommand{kLb, {std::get<RegisterCommand>(registration(kLb, 10)).items.front().amphora.mac}}).durability, Durability::pair);
  part();
  EXPECT_EQ(pair.must(0, registration(lb_number(2), 30)).durability, Durability::local);
  meet_as_backup();
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 0; }));
  EXPECT_EQ(pair.amphorae(1), 0U) << "it came back, although everybody was told that it is gone";
  EXPECT_EQ(pair.status(1).dropped, 1U);
  EXPECT_FALSE(pair.nodes[1].core->applied().check(registration(lb_number(2), 30))->changed) << "nothing had come between: done again";
}

TEST(Replica, FencedOwnerWaitsForBackupAndRaisesNoTerms) {  // H13: no livelock
  Pair pair;
  pair.set_link(false);
  pair.own(1, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).leads; }));
  pair.set_link(true);  // both still say MASTER
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).leads != pair.status(1).leads && !pair.status(0).diverged; }));
  pair.run(seconds(3));
  const auto term = std::max(pair.status(0).term, pair.status(1).term);
  pair.run(seconds(20));
  EXPECT_EQ(std::max(pair.status(0).term, pair.status(1).term), term);
  const std::size_t fenced = pair.status(0).leads ? 1 : 0;
  EXPECT_FALSE(pair.status(fenced).entitled && pair.status(fenced).leads);
  pair.own(fenced, Ownership::backup);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_TRUE(pair.status(fenced).entitled);
}

TEST(Replica, OwnerThatRestartsGoesOnLeading) {  // O4
  Pair pair;
  pair.must(0, registration(kLb, 1));
  pair.crash(0);
  pair.run(milliseconds(200));
  pair.boot(0);
  pair.own(0, Ownership::master, false);  // read from keepalived, no edge
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(0).leads; }, seconds(2)));
  EXPECT_EQ(pair.must(0, registration(kLb, 2)).durability, Durability::pair);
}

TEST(Replica, OwnerThatLearnsLateThatItOwnsLeadsAllTheSame) {  // O4: keepalived is asked after the histories were compared
  Pair pair;
  pair.must(0, registration(kLb, 1));
  pair.crash(0);
  pair.run(milliseconds(200));
  pair.boot(0);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).leads && pair.status(0).phase == Phase::following; }, seconds(2)));
  pair.own(0, Ownership::master, false);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(0).leads; }, seconds(2)));
  EXPECT_EQ(pair.must(0, registration(kLb, 2)).durability, Durability::pair);
}

TEST(Replica, WipedOwnerGivesWayEvenIfItCatchesUpAtOnce) {  // H13: history decides, never boot order
  Pair pair;
  pair.must(0, registration(kLb, 1));
  pair.crash(0);
  pair.crash(1);
  pair.wipe(1);
  pair.boot(1);
  pair.own(1, Ownership::master);
  pair.run(seconds(5));
  pair.boot(0);
  pair.own(0, Ownership::backup);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).leads && pair.amphorae(1) == 1; }));
  pair.run(seconds(5));
  EXPECT_TRUE(pair.status(0).leads);
  EXPECT_FALSE(pair.status(1).entitled);  // until keepalived has moved on
  pair.give_ownership_to(0);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).entitled; }));
}

TEST(Replica, ContactEndsAfterAFewComparisonsWhateverTheDelays) {  // no livelock of Hellos that cross each other
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Pair pair(seed);
    pair.fixed_delay = std::chrono::microseconds(100 + 50 * seed);
    pair.set_link(false);
    pair.run(milliseconds(100));
    for (auto& node : pair.nodes) node.log.clear();
    pair.set_link(true);
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }, seconds(3))) << seed;
    pair.run(seconds(5));
    for (const auto& node : pair.nodes) EXPECT_LT(node.log.size(), 20U) << seed;
  }
}

// What it asked for was undone meanwhile: judged by the state alone, a late retry would bring the amphora back.
TEST(Replica, RequestIdThatWasSeenIsAnsweredWithoutASecondChange) {  // H2
  Pair pair;
  EXPECT_TRUE(pair.must(0, registration(kLb, 1), "id-1").changed);
  const auto mac = std::get<RegisterCommand>(registration(kLb, 1)).items.front().amphora.mac;
  EXPECT_TRUE(pair.must(0, UnregisterCommand{kLb, {mac}}, "id-2").changed);
  const auto last = pair.status(0).last;
  EXPECT_FALSE(pair.must(0, registration(kLb, 1), "id-1").changed);
  EXPECT_EQ(pair.status(0).last, last);
  EXPECT_EQ(pair.amphorae(0), 0U);
}

TEST(Replica, ChangeThatIsNoneIsAnsweredFromWhatBothHold) {
  Pair pair;
  pair.must(0, registration(kLb, 1));
  const auto last = pair.status(0).last;
  const auto again = pair.must(0, registration(kLb, 1));
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(again.durability, Durability::pair);
  EXPECT_EQ(pair.status(0).last, last);
}

TEST(Replica, StandbyAndNonOwnerRefuseChanges) {
  Pair pair;
  EXPECT_EQ(pair.refusal(1, registration(kLb, 1)).code, RefusalCode::not_leader);
  pair.own(0, Ownership::backup);
  EXPECT_EQ(pair.refusal(0, registration(kLb, 1)).code, RefusalCode::not_leader);
}

TEST(Replica, BrokenStoreLeavesThePairToThePeer) {  // H6
  Pair pair;
  pair.nodes[0].store_broken = true;
  EXPECT_EQ(pair.refusal(0, registration(kLb, 1)).code, RefusalCode::store_failed);
  EXPECT_EQ(pair.status(0).phase, Phase::failed);
  EXPECT_FALSE(pair.status(0).entitled);
  pair.run(seconds(3));
  pair.give_ownership_to(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).phase == Phase::solo; }));
  EXPECT_EQ(pair.must(1, registration(kLb, 1)).durability, Durability::local);
}

TEST(Replica, NeverSyncedNodeWaitsUntilItIsTold) {
  World world(1);
  world.boot(0);
  world.own(0, Ownership::master);
  world.run(seconds(30));
  EXPECT_EQ(world.status(0).phase, Phase::waiting);
  EXPECT_FALSE(world.status(0).entitled);
  EXPECT_THAT(world.status(0).why_not, HasSubstr("init --alone"));
}

// Its table is empty because it knows nothing: the rules that stand are of somebody who does.
TEST(Replica, NeverSyncedNodeTouchesNoRulesBeforeItIsTold) {  // H13, O4
  for (const bool ever_synced : {false, true}) {
    DurableState disk;
    disk.meta.ever_synced = ever_synced;
    Config config;
    config.node_id = NodeId::parse("node-a").value();
    config.peer_id = NodeId::parse("node-b").value();
    Replica core(config, disk, TimePoint(seconds(1000)));
    std::size_t asked = 0;
    for (int second = 0; second < 30; ++second) {
      const auto event = second == 1 ? Event(OwnershipChanged{Ownership::master, true}) : Event(Tick{});
      for (const auto& effect : core.step(event, seconds(1000 + second))) asked += std::holds_alternative<Program>(effect) ? 1 : 0;
    }
    EXPECT_EQ(asked, ever_synced ? 1U : 0U);
  }
}

TEST(Replica, ToldToBeginAloneItLeads) {
  World world(1);
  world.boot(0);
  world.own(0, Ownership::master);
  world.run(seconds(3));
  // The admin socket's event goes through the public face, as everything.
  world.nodes[0].core->step(InitAlone{}, world.now);
  world.nodes[0].disk.meta.ever_synced = true;
  world.crash(0);
  world.boot(0);
  world.own(0, Ownership::master, false);
  ASSERT_TRUE(world.run_until([&] { return world.status(0).leads && world.status(0).phase == Phase::solo; }));
}

TEST(Replica, StandaloneNodeAnswersLocalAtOnce) {  // H9
  World world(1, 1);
  world.boot(0);
  ASSERT_TRUE(world.run_until([&] { return world.status(0).leads; }, seconds(1)));
  const auto handle = world.submit(0, plug(kLb));
  ASSERT_TRUE(world.run_until([&] { return world.answer(handle).has_value(); }, seconds(1)));
  EXPECT_EQ(std::get<ChangeAccepted>(world.answer(handle)->result).durability, Durability::local);
}

TEST(Replica, DeadOpenVswitchOfThePeerDoesNotHoldAnswersUp) {
  Pair pair;
  pair.nodes[1].ovs_works = false;
  NodeFacts dead;
  dead.ovs_programmed = false;
  pair.nodes[1].core->step(LocalFactsChanged{dead}, pair.now);
  pair.run(seconds(1));
  const auto begin = pair.now;
  const auto answer = pair.must(0, registration(kLb, 1));
  EXPECT_EQ(answer.durability, Durability::pair);
  EXPECT_FALSE(answer.programmed_on_peer);
  EXPECT_LT(pair.now - begin, seconds(1));
}

TEST(Replica, TooManyWaitingClientsAreTurnedAway) {
  Config tight;
  tight.in_flight_max = 2;
  Pair pair(1, tight);
  std::size_t turned_away = 0;
  for (std::uint32_t i = 0; i < 40; ++i) {
    const auto handle = pair.submit(0, registration(kLb, i));
    if (const auto answer = pair.answer(handle)) {
      const auto* refused = std::get_if<ChangeRefused>(&answer->result);
      turned_away += refused != nullptr && refused->code == RefusalCode::too_many_waiting ? 1 : 0;
    }
  }
  EXPECT_EQ(turned_away, 32U);
  ASSERT_TRUE(pair.run_until([&] { return pair.answers.size() == 41; }));
}

TEST(Replica, CeilingsAreTheLeadersAndNeverStopAFollower) {  // L6
  Pair pair;
  pair.crash(1);
  pair.config.ceilings = Ceilings{.load_balancers_max = 1, .slots_max = 2};  // an operator lowered them on this node only
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  for (std::uint32_t i = 1; i <= 4; ++i) EXPECT_EQ(pair.must(0, registration(kLb, i)).durability, Durability::pair);
  EXPECT_EQ(pair.must(0, plug(lb_number(2))).durability, Durability::pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_EQ(pair.amphorae(1), 4U) << "what is in the log is applied, whatever this node's own ceilings say";

  pair.give_ownership_to(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).leads; }));
  for (const auto& command : {plug(lb_number(3)), registration(kLb, 5)}) {
    const auto refused = pair.refusal(1, command);
    EXPECT_EQ(refused.code, RefusalCode::registry);
    EXPECT_EQ(refused.registry.code, RegistryErrorCode::limit);
  }
  EXPECT_FALSE(pair.must(1, registration(kLb, 4)).changed) << "what stands may be said again";
}

}  // namespace
}  // namespace distributor::replica::testing
