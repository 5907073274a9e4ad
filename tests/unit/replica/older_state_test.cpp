// The state that a leader sends is older than its newest, and what follows comes from the log: until it has come, the node has half (H1, H13).
#include "tests/unit/replica/reunion_story.hpp"

namespace distributor::replica::testing {
namespace {

Config folding() {
  Config small;
  small.log_keep_max = 200;
  small.checkpoint_every = 8;
  small.in_flight_max = 4;
  return small;
}

TEST(OlderState, AWipedNodeThatHasThatOnlyDoesNotLead) {
  Pair pair(1, folding());
  for (std::uint32_t i = 0; i < 120; ++i) ASSERT_EQ(pair.must(0, registration(kLb, i)).durability, Durability::pair);
  pair.run(seconds(3));
  ASSERT_GT(pair.nodes[0].disk.meta.base.seq.value, 0U);
  pair.crash(1);
  pair.wipe(1);
  pair.run(seconds(3));
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.nodes[1].disk.meta.base.seq.value > 0; }));  // the state is on its disk, what follows is on its way
  pair.crash(0);
  pair.own(1, Ownership::master);
  pair.run(seconds(10));
  EXPECT_FALSE(pair.status(1).leads) << "with " << pair.amphorae(1) << " of 120 amphorae that were answered `pair`";
  EXPECT_FALSE(pair.status(1).entitled);
}

TEST(OlderState, AWipedNodeThatHasThatOnlyProgramsNothingAfterARestart) {
  Pair pair(1, folding());
  for (std::uint32_t i = 0; i < 120; ++i) ASSERT_EQ(pair.must(0, registration(kLb, i)).durability, Durability::pair);
  pair.run(seconds(3));
  const auto last = pair.status(0).last;
  pair.crash(1);
  pair.wipe(1);
  pair.run(seconds(3));
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.nodes[1].disk.meta.base.seq.value > 0; }));
  pair.crash(1);
  const auto& programs = programs_of(pair, 1);
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  for (const auto& program : programs) EXPECT_TRUE(!program.everything || program.seq >= last) << "all of change " << program.seq.value << " of " << last.value;
}

// Its peer had made changes alone, and dies for a moment.
TEST(OlderState, ANewNodeThatHasThatOnlyCutsNothing) {
  Pair pair(1, folding());
  pair.crash(1);
  pair.wipe(1);
  for (std::uint32_t i = 0; i < 240; ++i) pair.must(0, registration(kLb, i));
  pair.run(seconds(3));
  ASSERT_GT(pair.nodes[0].disk.meta.base.seq.value, 0U);
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.nodes[1].disk.meta.base.seq.value > 0; }));
  pair.set_link(false);
  pair.crash(0);
  pair.own(1, Ownership::master);
  pair.run(seconds(5));
  if (pair.status(1).leads) pair.must(1, registration(kLb, 500));
  pair.boot(0);
  pair.own(0, Ownership::backup);
  pair.set_link(true);
  pair.run(seconds(10));
  EXPECT_EQ(pair.status(0).dropped + pair.status(1).dropped, 0U);
  EXPECT_EQ(pair.amphorae(0), 240U);
}

// A change was promised, its floor not written yet, and the other disk is replaced by an old copy.
TEST(OlderState, DoesNotLowerTheCeiling) {
  auto small = folding();
  small.log_keep_max = 40;  // 10 request ids
  Pair pair(1, small);
  const auto old = pair.nodes[1].disk;
  for (std::uint32_t i = 0; i < 40; ++i) pair.must(0, registration(kLb, i));
  pair.run(seconds(1));
  ASSERT_GT(pair.nodes[0].disk.meta.base.seq.value, 2U);
  const auto promised = pair.must(0, registration(kLb, 100));
  ASSERT_EQ(promised.durability, Durability::pair);
  pair.crash(0);
  pair.crash(1);
  const auto& disk = pair.nodes[0].disk;
  ASSERT_LT(disk.meta.pair_floor.seq, promised.seq);
  ASSERT_EQ(disk.meta.pairing.ceiling.seq, promised.seq);
  pair.nodes[1].disk = old;  // replaced
  pair.nodes[1].term_seen = Term{};
  pair.boot(0);
  pair.own(0, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo; }));
  const auto position = position_of(pair, 0, 100);
  for (std::uint32_t i = 0; i < 9; ++i) pair.must(0, registration(kLb, 200 + i));
  pair.on_delivery = [](std::size_t to, Message& message) {
    if (to == 1 && std::holds_alternative<Append>(message.body)) message.header.receiver_boot = 1;
  };
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.nodes[1].disk.meta.base.seq.value > 2; }));
  ASSERT_TRUE(pair.run_until([&] { return disk.meta.pairing.peer_boot == pair.nodes[1].boot_id || disk.meta.pairing.ceiling.seq >= pair.status(0).last; }));
  pair.set_link(false);
  pair.on_delivery = {};
  pair.own(1, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).phase == Phase::solo; }));
  pair.must(1, registration(kLb, 300));
  pair.own(0, Ownership::backup);
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.run(seconds(2));
  EXPECT_TRUE(pair.status(0).leads);
  EXPECT_EQ(position_of(pair, 0, 100), position) << "answered `pair`, and gone";
}

}  // namespace
}  // namespace distributor::replica::testing
