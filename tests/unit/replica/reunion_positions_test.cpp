// Whoever was told a position is there after a reunion, or the change is listed: at another position is nobody (O2, H8).
#include "tests/unit/replica/reunion_story.hpp"

namespace distributor::replica::testing {
namespace {

void expect_where_told_or_listed(const Pair& pair, std::uint32_t number, std::size_t told) {
  const auto now = position_of(pair, 1, number);
  if (now) {
    EXPECT_EQ(*now, told);
  } else {
    EXPECT_TRUE(is_listed(pair, 1, registration(kLb, number)) || is_listed(pair, 0, registration(kLb, number))) << "it is nowhere";
  }
}

// Amphora 1, at node 0.
void move_to_5(Pair& pair) {
  pair.must(0, UnregisterCommand{kLb, macs_of(registration(kLb, 1))});
  pair.must(0, registration(kLb, 1, Position{5}));
}

void until_settled(Pair& pair) {
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped == 0; }));
}

TEST(ReunionPositions, WhatIsToldTakenIsInTheFollowersLog) {
  Pair pair;
  pair.fixed_delay = milliseconds(5);
  ASSERT_NO_FATAL_FAILURE(part(pair));
  pair.must(0, registration(kLb, 10));  // told 0
  const auto last = pair.status(1).last;
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).last > last; }));
  // Node 0's connection begins anew: what was made of its change comes too early for it, that it was taken does not.
  pair.tell(0, PeerDisconnected{});
  pair.tell(0, PeerConnected{});
  for (int i = 0; i < 30; ++i) {
    pair.run(milliseconds(1));
    EXPECT_TRUE(pair.status(0).dropped == 1 || position_of(pair, 0, 10) == 0U) << "neither on its list nor in its state";
  }
  pair.set_link(false);
  ASSERT_NO_FATAL_FAILURE(part(pair));
  pair.must(0, registration(kLb, 11));
  const auto told = position_of(pair, 0, 11).value();
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && position_of(pair, 1, 10); }));
  expect_where_told_or_listed(pair, 11, told);
  EXPECT_EQ(position_of(pair, 1, 10), 0U);
}

TEST(ReunionPositions, OfALoadBalancerThatWasGivenUpNothingIsPutBehindWhatTheLeaderHas) {
  Pair pair;
  pair.must(0, registration(kLb, 1));
  auto spare = registration(kLb, 20);
  std::get<RegisterCommand>(spare).items.front().role = AmphoraRole::standby;
  pair.must(0, spare);
  ASSERT_NO_FATAL_FAILURE(part(pair));
  const auto failed = macs_of(registration(kLb, 1)).front();
  move_to_5(pair);
  ASSERT_NO_FATAL_FAILURE(meet_for_a_moment(pair));
  ASSERT_TRUE(pair.run_until([&] { return !pair.status(0).peer.connected; }));
  acknowledge_losses(pair, 0);  // the leader has both, and this node does not know
  ASSERT_EQ(pair.status(0).dropped, 0U);
  ASSERT_NO_FATAL_FAILURE(part(pair));
  pair.must(0, ReplaceCommand{kLb, failed, {}});
  ASSERT_EQ(position_of(pair, 0, 20), 0U);  // as it was told
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads; }));
  pair.run(seconds(1));  // what is offered would have been judged
  EXPECT_EQ(position_of(pair, 1, 20), std::nullopt);
  EXPECT_TRUE(is_listed(pair, 0, ReplaceCommand{kLb, failed, macs_of(spare).front()}));
}

TEST(ReunionPositions, WhatWasTakenAndCutAgainIsNotTaken) {
  Pair pair;
  pair.must(0, plug(lb_number(2)));
  ASSERT_NO_FATAL_FAILURE(part(pair));
  pair.must(0, registration(kLb, 10));  // told 0
  fill_more_than_a_batch(pair);
  pair.must(0, registration(kLb, 11));  // told 1
  const auto before = pair.nodes[1].disk.log.size();
  pair.fixed_delay = milliseconds(20);
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.nodes[1].disk.log.size() > before + 100; }));
  pair.set_link(false);
  ASSERT_NO_FATAL_FAILURE(part(pair));
  pair.own(1, Ownership::backup);  // node 0 leads
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).dropped > 0; }));
  pair.set_link(false);
  ASSERT_NO_FATAL_FAILURE(part(pair));
  meet(pair);
  ASSERT_NO_FATAL_FAILURE(until_settled(pair));
  EXPECT_EQ(position_of(pair, 1, 10), 0U);
  EXPECT_EQ(position_of(pair, 1, 11), 1U);
}

// Rolling upgrade: node 0 is the newer one.
TEST(ReunionPositions, AChangeBehindOneThatCannotBeReadStaysWhereItWasTold) {
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(part(pair));
  pair.must(0, registration(kLb, 10));
  pair.must(0, registration(kLb, 11));  // told 1
  pair.on_delivery = [](std::size_t to, Message& message) {
    auto* orphans = std::get_if<Orphans>(&message.body);
    if (to == 1 && orphans != nullptr && orphans->changes.size() == 2) orphans->changes[0].command += "\xfa\x3f\x01x";  // a field of a later version
  };
  meet(pair);
  ASSERT_NO_FATAL_FAILURE(until_settled(pair));
  EXPECT_EQ(pair.status(1).dropped, 1U);
  EXPECT_EQ(position_of(pair, 1, 11), 1U);
}

TEST(ReunionPositions, WhatStandsBehindAChangeThatIsNotMadeIsNotMadeEither) {
  Pair pair;
  auto spare = registration(kLb, 20);
  std::get<RegisterCommand>(spare).items.front().role = AmphoraRole::standby;
  pair.must(0, spare);
  pair.must(0, registration(kLb, 1));  // at 0
  ASSERT_NO_FATAL_FAILURE(part(pair));
  const auto failed = macs_of(registration(kLb, 1)).front();
  move_to_5(pair);
  pair.must(0, ReplaceCommand{kLb, failed, {}});  // told 5
  pair.on_delivery = [](std::size_t to, Message& message) {
    auto* orphans = std::get_if<Orphans>(&message.body);
    if (to == 1 && orphans != nullptr && orphans->changes.size() == 3) orphans->changes[0].command += "\xfa\x3f\x01x";
  };
  meet(pair);
  ASSERT_NO_FATAL_FAILURE(until_settled(pair));
  EXPECT_EQ(pair.status(1).dropped, 3U);
  EXPECT_EQ(position_of(pair, 1, 1), 0U);
  EXPECT_EQ(position_of(pair, 1, 20), std::nullopt);
}

TEST(ReunionPositions, AnOperatorAcknowledgesWhatHeHasSeen) {  // H8
  Pair pair;
  for (std::uint32_t round = 0; round < 2; ++round) {
    ASSERT_NO_FATAL_FAILURE(part(pair));
    pair.must(0, registration(kLb, 10 + round));
    pair.must(1, registration(kLb, 20 + round));
    meet(pair);
    ASSERT_NO_FATAL_FAILURE(until_settled(pair));
    ASSERT_EQ(pair.status(1).dropped, round + 1);
    if (round > 0) break;
    pair.give_ownership_to(1);
  }
  const auto& dropped = pair.nodes[1].core->dropped();
  const auto seen = mark_of(dropped, 1);
  pair.tell(1, AcknowledgeDropped{"2" + seen.substr(1)});
  EXPECT_EQ(pair.status(1).dropped, 2U) << "it is the mark of another list";
  pair.tell(1, AcknowledgeDropped{seen});
  EXPECT_FALSE(is_listed(pair, 1, registration(kLb, 10)));
  EXPECT_TRUE(is_listed(pair, 1, registration(kLb, 11))) << "came onto the list after he had looked";
  pair.run(milliseconds(100));
  EXPECT_EQ(pair.nodes[1].disk.dropped.size(), 1U);
}

}  // namespace
}  // namespace distributor::replica::testing
