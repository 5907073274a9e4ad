// What was done alone is done again or listed, however often the two part and meet (H8).
#include "tests/unit/replica/reunion_story.hpp"

namespace distributor::replica::testing {
namespace {

void expect_the_next_reunion_keeps_what_is_new(bool acknowledged) {
  Pair pair;
  pair.must(0, plug(lb_number(2)));
  ASSERT_NO_FATAL_FAILURE(part(pair));
  ASSERT_EQ(pair.must(0, registration(kLb, 10)).durability, Durability::local);
  ASSERT_NO_FATAL_FAILURE(meet_for_a_moment(pair));
  if (acknowledged) acknowledge_losses(pair, 0);
  ASSERT_NO_FATAL_FAILURE(part(pair));
  const auto later = registration(lb_number(2), 20);
  ASSERT_EQ(pair.must(0, later).durability, Durability::local);
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 0; }));
  EXPECT_TRUE(!pair.nodes[1].core->applied().check(later)->changed || is_listed(pair, 1, later)) << "it is in no log and on no list";
}

TEST(Reunion, WhatWasTakenOfOneSaysNothingOfTheNext) { expect_the_next_reunion_keeps_what_is_new(false); }

TEST(Reunion, WhatAnOperatorAcknowledgedSaysNothingOfTheNext) { expect_the_next_reunion_keeps_what_is_new(true); }

TEST(Reunion, ARetryOfTheClientIsAChangeOfTheLeader) {  // O2: nobody gets a position that another one was told
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(part(pair));
  ASSERT_EQ(pair.must(0, registration(kLb, 10), "first").durability, Durability::local);  // told 0
  ASSERT_EQ(pair.must(0, registration(kLb, 11), "second").durability, Durability::local);
  ASSERT_EQ(pair.must(1, registration(kLb, 11), "second").durability, Durability::local);  // told 0 here: the answer above was lost
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 0; }));
  EXPECT_EQ(position_of(pair, 1, 11), 0U);
  EXPECT_EQ(position_of(pair, 1, 10), std::nullopt);
  EXPECT_TRUE(is_listed(pair, 1, registration(kLb, 10)));
}

TEST(Reunion, AChangeDoesNotFitBehindAnEarlierOneThatItWasMadeWithout) {  // O2
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(part(pair));
  ASSERT_EQ(pair.must(0, registration(kLb, 10)).durability, Durability::local);  // told 0
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).dropped == 1; }));
  ASSERT_NO_FATAL_FAILURE(part(pair));
  ASSERT_EQ(pair.must(0, registration(kLb, 11)).durability, Durability::local);  // told 0 as well
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 1; }));
  EXPECT_EQ(position_of(pair, 1, 10), 0U);
  EXPECT_EQ(position_of(pair, 1, 11), std::nullopt);
  EXPECT_TRUE(is_listed(pair, 0, registration(kLb, 11)));
}

// The peer's refused changes that a leader lists are not its own: it does not offer them when it follows.
TEST(Reunion, OffersItsOwnChangesAndNotWhatItRefused) {
  Pair pair;
  pair.must(0, plug(lb_number(2)));
  ASSERT_NO_FATAL_FAILURE(part(pair));
  const auto own = registration(lb_number(2), 20);
  ASSERT_EQ(pair.must(0, own).durability, Durability::local);
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).dropped == 1; }));
  ASSERT_NO_FATAL_FAILURE(part(pair));  // node 1 does not hear of it
  const auto refused = registration(kLb, 11, Position{0});
  ASSERT_EQ(pair.must(0, registration(kLb, 10, Position{0})).durability, Durability::local);
  ASSERT_EQ(pair.must(1, refused).durability, Durability::local);
  pair.own(1, Ownership::backup);
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(0).leads && pair.status(0).dropped == 2; }));
  ASSERT_NO_FATAL_FAILURE(part(pair));
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 1; }));
  EXPECT_TRUE(is_listed(pair, 0, refused));
  EXPECT_FALSE(pair.nodes[1].core->applied().check(own)->changed) << "done again";
}

// Load balancer 2 was plugged and filled alone; most of that is folded, its last change is not. What is listed brings it back.
TEST(Reunion, ListsWhatWasFoldedAlsoWhereALaterChangeIsInTheLog) {
  Config small;
  small.log_keep_max = 32;
  small.checkpoint_every = 8;
  Pair pair(1, small);
  ASSERT_NO_FATAL_FAILURE(part(pair));
  pair.must(0, plug(lb_number(2)));
  for (std::uint32_t i = 0; i < 60; ++i) pair.must(0, registration(lb_number(2), i));
  pair.run(seconds(1));
  const auto last = pair.must(0, registration(lb_number(2), 60)).seq;
  ASSERT_GT(pair.nodes[0].disk.meta.base.seq.value, 20U);
  ASSERT_LT(pair.nodes[0].disk.meta.base.seq, last);
  for (std::uint32_t i = 0; i < 60; ++i) pair.must(1, registration(kLb, 200 + i));
  pair.run(seconds(1));
  const auto then = *pair.nodes[0].core->applied().find(lb_number(2));
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads; }));
  auto again = pair.nodes[1].core->applied();
  for (const auto& change : pair.nodes[0].core->dropped()) {
    const auto command = decode_command(change.command);
    if (load_balancer_of(*command) != lb_number(2)) continue;
    EXPECT_TRUE(again.apply(*command).has_value()) << change.seq.value;
  }
  ASSERT_TRUE(again.find(lb_number(2)));
  EXPECT_EQ(again.find(lb_number(2))->slots, then.slots);
}

Command leaving(const LoadBalancerId& lb, std::uint32_t number) {
  return UnregisterCommand{lb, {std::get<RegisterCommand>(registration(lb, number)).items.front().amphora.mac}};
}

// Done twice, a sequence does not end as one that was done once.
void expect_done_once(const std::function<void(Pair&)>& meanwhile) {
  Pair pair;
  pair.must(0, plug(lb_number(2)));
  for (std::uint32_t i = 10; i < 13; ++i) pair.must(0, registration(kLb, i));
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  ASSERT_NO_FATAL_FAILURE(part(pair));
  pair.must(0, leaving(kLb, 12), "out");
  pair.must(0, registration(kLb, 12), "in");  // told 2
  pair.must(0, leaving(kLb, 10), "room");
  ASSERT_NO_FATAL_FAILURE(meet_for_a_moment(pair));
  ASSERT_NO_FATAL_FAILURE(meanwhile(pair));
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 0; }));
  EXPECT_EQ(position_of(pair, 1, 12), 2U);
  EXPECT_EQ(position_of(pair, 1, 10), std::nullopt);
  EXPECT_EQ(pair.status(1).dropped, 0U);
}

TEST(Reunion, WhatWasTakenIsNotDoneAgainWithTheNextBatch) {  // O2
  expect_done_once([](Pair& pair) {
    part(pair);
    pair.must(0, registration(lb_number(2), 20));
  });
}

TEST(Reunion, WhatWasTakenIsNotDoneAgainByALeaderThatBeganAgain) {  // O2
  expect_done_once([](Pair& pair) {
    pair.crash(1);
    pair.boot(1);
    pair.own(1, Ownership::master);
  });
}

// A batch is one transaction: a slow disk is waited for once, and a leader that dies has all of it or nothing.
TEST(Reunion, ABatchIsOneWriteOfTheDisk) {  // H8, H12
  Pair pair;
  pair.must(0, plug(lb_number(2)));
  ASSERT_NO_FATAL_FAILURE(part(pair));
  for (std::uint32_t i = 0; i < 100; ++i) pair.must(0, registration(kLb, i));
  pair.nodes[1].disk_work = milliseconds(100);
  meet(pair);
  EXPECT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 0; }, seconds(3)));
  EXPECT_EQ(pair.amphorae(1), 100U);
}

TEST(Reunion, AnOperatorAcknowledgesNothingThatTheLeaderIsBeingAsked) {  // H8: it may not be lost at all
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(part(pair));
  for (std::uint32_t i = 0; i < 5; ++i) pair.must(0, registration(kLb, i));
  pair.nodes[1].disk_work = milliseconds(100);
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).dropped == 5; }));
  acknowledge_losses(pair, 0);
  pair.run(milliseconds(20));
  EXPECT_EQ(pair.status(0).dropped, 5U);
  EXPECT_EQ(pair.nodes[0].disk.dropped.size(), 5U);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 0; }));
  EXPECT_EQ(pair.amphorae(1), 5U);
}

TEST(Reunion, WhatKeptALoadBalancerOutOfOneBatchKeepsItOutOfTheNext) {  // O2
  Pair pair;
  pair.must(0, plug(lb_number(2)));
  ASSERT_NO_FATAL_FAILURE(part(pair));
  pair.must(0, registration(kLb, 10));  // told 0
  fill_more_than_a_batch(pair);
  pair.must(0, registration(kLb, 11), "second");  // told 1
  pair.must(0, registration(kLb, 12));            // told 2
  pair.must(1, registration(kLb, 11), "second");  // told 0 here: the answer above was lost
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 0; }));
  EXPECT_EQ(position_of(pair, 1, 11), 0U);
  EXPECT_EQ(position_of(pair, 1, 12), std::nullopt);
  EXPECT_TRUE(is_listed(pair, 1, registration(kLb, 12)));
}

// The leader's disk is slow, and its follower goes away in the middle of a batch: what it is judged from is there still when it comes back.
TEST(Reunion, ABatchThatTakesTheDiskLongIsGoneOnFrom) {  // H8
  Config busy;
  busy.in_flight_max = 8;
  busy.checkpoint_every = 8;
  Pair pair(1, busy);
  pair.must(0, plug(lb_number(2)));
  ASSERT_NO_FATAL_FAILURE(part(pair));
  ASSERT_NO_FATAL_FAILURE(fill_more_than_a_batch(pair));
  pair.must(0, registration(lb_number(2), 10));
  for (std::uint32_t i = 0; i < 50; ++i) pair.must(1, registration(kLb, i));
  const auto last = pair.status(1).last;
  const auto base = pair.nodes[1].disk.meta.base.seq;
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).pair_floor == last; }));
  pair.nodes[1].disk_work = seconds(6);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).last > last; }));
  pair.set_link(false);
  pair.run(seconds(4));
  pair.set_link(true);
  pair.nodes[1].disk_work = milliseconds(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 0; }, seconds(60)));
  EXPECT_EQ(pair.status(1).dropped, 0U);
  EXPECT_FALSE(pair.nodes[1].core->applied().check(registration(lb_number(2), 10, Position{0}))->changed);
  EXPECT_LT(base, last);
}

TEST(Reunion, ABatchIsAnsweredAlsoWhereADeadProcessSpokeUpMeanwhile) {  // H8
  Pair pair;
  const auto dead = pair.nodes[0].boot_id;
  Hello late;
  late.number = 1'000;
  late.pair_id = pair.config.pair_id;
  late.node_id = pair.nodes[0].id;
  pair.crash(0);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).phase == Phase::following && !pair.status(1).peer.connected; }));
  pair.crash(1);  // and so nobody knows that it is dead
  pair.boot(0);
  pair.boot(1);
  pair.give_ownership_to(0);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(0).leads; }));
  pair.must(0, plug(lb_number(2)));
  ASSERT_NO_FATAL_FAILURE(part(pair));
  pair.must(0, registration(kLb, 10));
  pair.nodes[1].disk_work = milliseconds(50);
  meet(pair);
  const auto last = pair.status(1).last;
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).last > last; }));
  pair.tell(1, PeerMessage{{{late.node_id, dead, pair.nodes[1].boot_id, late.term}, late}});
  pair.loss = 1;  // nobody corrects that until the batch is on the disk
  pair.run(milliseconds(150));
  pair.loss = 0;
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 0; }));
  EXPECT_EQ(position_of(pair, 0, 10), 0U);
}

TEST(Reunion, TheJournalNamesTheFirstOfWhatIsDroppedAndCountsTheRest) {  // H8: the list has them all
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(part(pair));
  for (std::uint32_t i = 0; i < 20; ++i) pair.must(0, registration(kLb, i));
  pair.must(1, registration(kLb, 99));
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 0; }));
  EXPECT_EQ(pair.status(1).dropped, 20U);
  const auto& lines = pair.nodes[1].log;
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const std::string& line) { return line.find("is dropped (term") != std::string::npos; }), 8);
  EXPECT_NE(pair.story().find("12 more changes that the peer had made alone are dropped"), std::string::npos);
}

}  // namespace
}  // namespace distributor::replica::testing
