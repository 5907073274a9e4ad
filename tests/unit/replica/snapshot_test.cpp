// The leader's whole state, and what the follower has beyond it (H1, H3, H8).
#include "tests/unit/replica/pair_story.hpp"

namespace distributor::replica::testing {
namespace {

TEST(Replica, FollowerToldToResynchroniseTakesTheWholeStateAndLosesNothing) {  // H8
  Pair pair;
  pair.must(0, registration(kLb, 1));
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.tell(0, Resync{});  // the leader: nothing happens
  pair.tell(1, Resync{});
  ASSERT_TRUE(pair.run_until([&] { return pair.story().find("the peer gets a snapshot of 1 load balancers") != std::string::npos; }));
  pair.run(std::chrono::seconds(2));
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_EQ(pair.status(0).dropped, 0U);
  EXPECT_EQ(pair.status(1).dropped, 0U);
  EXPECT_EQ(pair.must(0, registration(kLb, 2)).durability, Durability::pair);
}

// The leader's state may be older than what the follower has already on its way to the disk.
TEST(Replica, ChangeThatASnapshotOvertakesIsAnsweredOnlyOnceItIsThereToStay) {  // H3
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Pair pair(seed);
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
    pair.nodes[1].disk_work = milliseconds(400);  // its writes wait in a row
    const auto handle = pair.submit(0, registration(kLb, 1));
    pair.run(milliseconds(20));
    pair.tell(1, Resync{});
    ASSERT_TRUE(pair.run_until([&] { return pair.story().find("took over the leader's state") != std::string::npos; }, milliseconds(500)));
    pair.set_link(false);
    pair.set_link(true);
    ASSERT_TRUE(pair.run_until([&] { return pair.answer(handle).has_value(); }));
    const auto* accepted = std::get_if<ChangeAccepted>(&pair.answers.at(handle).result);
    ASSERT_NE(accepted, nullptr);
    ASSERT_EQ(accepted->durability, Durability::pair);
    const auto& disk = pair.nodes[1].disk;
    const auto on_disk = [&] { return disk.log.empty() ? disk.meta.base.seq : disk.log.back().seq; };
    const auto end = pair.now + seconds(5);
    do {
      ASSERT_GE(on_disk(), accepted->seq) << "seed " << seed;
    } while (pair.now < end && pair.step_one_event(end));
  }
}

TEST(Replica, SnapshotWhenTheLogNoLongerReaches) {  // H1
  Config small;
  small.log_keep_max = 32;
  small.checkpoint_every = 8;
  Pair pair(1, small);
  pair.must(0, registration(kLb, 0));
  pair.crash(1);
  for (std::uint32_t i = 1; i < 120; ++i) pair.must(0, registration(kLb, i));
  ASSERT_GT(pair.nodes[0].disk.meta.base.seq.value, 20U);
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_EQ(pair.amphorae(1), 120U);
  EXPECT_EQ(pair.must(0, registration(kLb, 200)).durability, Durability::pair);
}

TEST(Replica, ADiskThatTakesLongOverASnapshotGetsTheTime) {  // H1
  Config small;
  small.log_keep_max = 32;
  small.checkpoint_every = 8;
  Pair pair(1, small);
  pair.crash(1);
  pair.wipe(1);
  for (std::uint32_t i = 0; i < 60; ++i) pair.must(0, registration(kLb, i));
  pair.run(seconds(1));
  pair.nodes[1].disk_work = milliseconds(2500);
  pair.boot(1);
  EXPECT_TRUE(pair.run_until([&] { return pair.amphorae(1) == 60 && pair.status(0).phase == Phase::leading; }, seconds(60)));
  EXPECT_EQ(pair.story().find("did not take the whole state"), std::string::npos);
}

TEST(Replica, ADiskThatNeverTakesASnapshotInTimeIsTold) {
  Pair pair;
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.nodes[1].disk_work = seconds(60);
  pair.tell(1, Resync{});
  EXPECT_TRUE(pair.run_until([&] { return pair.story().find("did not take the whole state within 16 s") != std::string::npos; }, seconds(60)));
  pair.nodes[1].disk_work = milliseconds(1);
  EXPECT_TRUE(pair.run_until([&] { return pair.converged(); }, seconds(240)));
}

// More chunks than go without a credit, on a link on which each takes longer than the time between two heartbeats.
TEST(Replica, ADifferenceOfStatesIsMendedHoweverLongTheSnapshotTakes) {  // H8
  Config small;
  small.log_keep_max = 32;
  small.checkpoint_every = 8;
  Pair pair(1, small);
  for (unsigned lb = 100; lb < 280; ++lb) {
    auto plugged = std::get<PlugCommand>(plug(lb_number(lb)));
    for (std::size_t node = 0; node < 2; ++node) plugged.nodes[node].mac = MacAddress({2, 0, 1, static_cast<std::uint8_t>(node), 0, static_cast<std::uint8_t>(lb - 100)});
    pair.must(0, plugged);
    RegisterCommand many;
    many.lb = lb_number(lb);
    for (std::uint32_t i = 0; i < 200; ++i) {
      auto item = std::get<RegisterCommand>(registration(many.lb, i)).items.front();
      item.amphora.amphora_id = "00000000-0000-4000-8000-0000" + std::to_string(10'000'000 + i);
      many.items.push_back(item);
    }
    pair.must(0, many);
  }
  pair.run(seconds(1));
  pair.crash(1);
  pair.nodes[1].disk.base.front().hash_seed ^= 1U;
  pair.fixed_delay = milliseconds(400);
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.story().find("differs from the leader's") != std::string::npos; }));
  EXPECT_TRUE(pair.run_until([&] { return pair.converged(); }, seconds(20)));
}

TEST(Replica, TheLeadersOlderStateTakesNothingFromTheFollowersDisk) {  // H3: the leader may be about to lose it
  Pair pair;
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.nodes[0].disk_work = seconds(5);
  pair.submit(0, registration(kLb, 1));
  pair.run(milliseconds(100));
  const auto& disk = pair.nodes[1].disk;
  ASSERT_EQ(disk.log.size(), 2U) << "the follower is faster";
  pair.tell(1, Resync{});
  ASSERT_TRUE(pair.run_until([&] { return disk.meta.base.seq == Seq{1}; }));
  ASSERT_EQ(disk.log.size(), 1U);
  EXPECT_EQ(disk.log.back().seq, Seq{2});
  EXPECT_EQ(disk.meta.pair_floor.seq, Seq{2});
  pair.crash(0);
  pair.give_ownership_to(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).leads; }));
  EXPECT_EQ(pair.amphorae(1), 1U);
}

// Its base moves on between its Hello and the leader's first Append, so its NACK bears the term of before (H1): unheard, it asks for ever.
TEST(Replica, AFollowerWhoseBaseMovedOnAfterItsHelloIsHeard) {
  Config small;
  small.log_keep_max = 32;
  small.checkpoint_every = 8;
  Pair pair(1, small);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.set_link(false);
  pair.own(1, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo && pair.status(1).phase == Phase::solo; }));
  pair.must(1, registration(kLb, 300));
  pair.nodes[0].disk_work = milliseconds(10);  // the log is far longer than what is durable: the base cannot move yet
  for (std::uint32_t i = 1; i <= 60; ++i) pair.submit(0, registration(kLb, i));
  pair.own(0, Ownership::backup);
  pair.fixed_delay = milliseconds(400);
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::negotiating; }));
  ASSERT_EQ(pair.nodes[0].disk.meta.base.seq, Seq{0});
  pair.run(milliseconds(800));  // it moves while the Hellos are on their way
  pair.fixed_delay.reset();
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads; }, seconds(20)));
  EXPECT_EQ(pair.amphorae(0), 1U);
  EXPECT_GT(pair.status(0).dropped, 0U);
}

TEST(Replica, ACallThatASnapshotReplacedIsJudgedAnew) {  // H2, H8: also one that had been folded into the base
  Config small;
  small.log_keep_max = 32;
  small.checkpoint_every = 8;
  Pair pair(1, small);
  pair.set_link(false);
  pair.own(1, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo && pair.status(1).phase == Phase::solo; }));
  ASSERT_EQ(pair.must(0, registration(kLb, 1), "first").durability, Durability::local);
  for (std::uint32_t i = 2; i < 120; ++i) {
    pair.must(0, registration(kLb, i));
    pair.must(1, registration(kLb, 200 + i));
  }
  ASSERT_GT(pair.nodes[0].disk.meta.base.seq.value, 20U);
  pair.own(0, Ownership::backup);
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads; }));
  ASSERT_NE(pair.story().find("took over the leader's state"), std::string::npos);
  pair.give_ownership_to(0);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(0).leads; }));
  EXPECT_TRUE(pair.must(0, registration(kLb, 1), "first").changed) << "taken for done although it is gone";
}

std::size_t count_snapshots(const Pair& pair) {
  const std::string line = "the peer gets a snapshot";
  std::size_t count = 0;
  const auto story = pair.story();
  for (auto at = story.find(line); at != std::string::npos; at = story.find(line, at + 1)) ++count;
  return count;
}

TEST(Replica, TheNextSnapshotIsNotWaitedForAsLongAsASlowOneBefore) {  // H1
  Pair pair;
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.nodes[1].disk_work = seconds(20);  // longer than the bound
  pair.tell(1, Resync{});
  ASSERT_TRUE(pair.run_until([&] { return count_snapshots(pair) == 3; }, seconds(60)));
  pair.nodes[1].disk_work = milliseconds(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }, seconds(60)));
  const auto so_far = count_snapshots(pair);
  pair.fixed_delay = milliseconds(10);
  pair.tell(1, Resync{});
  pair.run(milliseconds(15));
  ASSERT_EQ(count_snapshots(pair), so_far + 1);
  pair.loss = 1;  // of the credit that it gives
  pair.run(milliseconds(20));
  pair.loss = 0;
  EXPECT_TRUE(pair.run_until([&] { return count_snapshots(pair) > so_far + 1; }, seconds(3)));
  EXPECT_TRUE(pair.run_until([&] { return pair.converged(); }));
}

// More chunks than may be on their way without a credit: a node that has nothing speaks in no term until it has the last one.
TEST(Replica, AWipedNodeTakesAStateOfManyChunks) {  // H1
  Config small;
  small.log_keep_max = 32;
  small.checkpoint_every = 8;
  small.message_bytes_max = 400;
  small.snapshot_window = 2;
  Pair pair(1, small);
  for (std::uint32_t lb = 2; lb < 40; ++lb) pair.must(0, plug(lb_number(lb)));
  for (std::uint32_t i = 0; i < 80; ++i) pair.must(0, registration(lb_number(2 + i % 38), i));
  pair.wipe(1);
  pair.run(seconds(3));
  pair.boot(1);
  std::size_t chunks = 0;
  pair.on_delivery = [&](std::size_t, Message& message) { chunks += std::holds_alternative<SnapshotChunk>(message.body) ? 1 : 0; };
  EXPECT_TRUE(pair.run_until([&] { return pair.converged(); }, seconds(5)));
  EXPECT_GT(chunks, 3 * small.snapshot_window);
}

// Half a history would replace whole tables of rules: what is there stays until all of it is there.
void expect_programmed_at_once(const Config& config) {
  Pair pair(1, config);
  for (std::uint32_t lb = 2; lb < 12; ++lb) pair.must(0, plug(lb_number(lb)));
  for (std::uint32_t i = 0; i < 60; ++i) pair.must(0, registration(lb_number(2 + i % 10), i));
  const auto last = pair.status(0).last;
  pair.wipe(1);
  pair.run(seconds(3));
  const auto& programs = programs_of(pair, 1);
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  ASSERT_FALSE(programs.empty());
  EXPECT_TRUE(programs.front().everything) << "change " << programs.front().seq.value;
  for (const auto& program : programs) EXPECT_TRUE(!program.everything || program.seq >= last) << "all of change " << program.seq.value;
}

TEST(Replica, ANodeThatCatchesUpProgramsNothingBeforeItHasAll) {  // H1, O4
  Config portions;
  portions.message_entries_max = 3;
  expect_programmed_at_once(portions);
}

TEST(Replica, ANodeThatTookAStateProgramsNothingBeforeItHasWhatFollows) {  // H1, O4
  Config portions;
  portions.message_entries_max = 3;
  portions.checkpoint_every = 8;
  portions.log_keep_max = 40;
  expect_programmed_at_once(portions);
}

// In the middle of catching up, and its peer is gone for good.
TEST(Replica, ToldToBeginAloneItProgramsWhatItHas) {
  Config portions;
  portions.message_entries_max = 3;
  Pair pair(1, portions);
  for (std::uint32_t i = 0; i < 60; ++i) pair.must(0, registration(kLb, i));
  pair.crash(1);
  pair.wipe(1);
  pair.run(seconds(3));
  const auto& programs = programs_of(pair, 1);
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.nodes[1].disk.log.size() > 30; }));
  pair.crash(0);
  pair.run(seconds(3));
  const auto has = pair.status(1).last;
  pair.tell(1, InitAlone{});
  pair.run(seconds(3));
  ASSERT_FALSE(programs.empty());
  EXPECT_EQ(programs.front().seq, has) << "its rules are gone";
  EXPECT_EQ(pair.status(1).committed, has);
}

TEST(Replica, ARestoredNodeProgramsNothingBeforeItHasAll) {
  Config portions;
  portions.message_entries_max = 3;
  Pair pair(1, portions);
  pair.set_link(false);
  pair.own(1, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo && pair.status(1).phase == Phase::solo; }));
  pair.must(1, registration(kLb, 200));
  auto backup = pair.nodes[1].disk;
  backup.meta.ever_synced = false;
  pair.crash(1);
  for (std::uint32_t i = 0; i < 60; ++i) pair.must(0, registration(kLb, i));
  const auto last = pair.status(0).last;
  pair.nodes[1].disk = backup;
  const auto& programs = programs_of(pair, 1);
  pair.boot(1);
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  ASSERT_FALSE(programs.empty());
  for (const auto& program : programs) EXPECT_TRUE(!program.everything || program.seq >= last) << "all of change " << program.seq.value << " of " << last.value;
}

// The state that a leader sends is older than its newest; what both disks had beyond stays on both all the same.
TEST(Replica, AStateThatIsTakenLacksNothingThatTheOtherMayHaveHelpedToAcknowledge) {  // H1
  Config small;
  small.log_keep_max = 200;
  small.checkpoint_every = 8;
  small.in_flight_max = 4;
  small.request_ids_remembered = 50;
  Pair pair(1, small);
  for (std::uint32_t i = 0; i < 60; ++i) pair.must(0, registration(kLb, i));
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  const auto promised = pair.status(0).last;
  pair.set_link(false);
  pair.own(1, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo && pair.status(1).phase == Phase::solo; }));
  for (std::uint32_t i = 100; i < 350; ++i) pair.must(0, registration(kLb, i % 2 == 0 ? i : i - 1));
  for (std::uint32_t i = 0; i < 300; ++i) {
    pair.must(0, registration(lb_number(1), 1000 + i % 2));
    pair.must(0, UnregisterCommand{kLb, {std::get<RegisterCommand>(registration(kLb, 1000 + i % 2)).items.front().amphora.mac}});
  }
  for (std::uint32_t i = 400; i < 420; ++i) pair.must(1, registration(kLb, i));
  ASSERT_GT(pair.nodes[0].disk.meta.base.seq, promised);
  pair.own(0, Ownership::backup);
  pair.set_link(true);
  const auto end = pair.now + seconds(3);
  while (pair.now < end && pair.step_one_event(end)) {
    const auto& disk = pair.nodes[0].disk;
    ASSERT_GE(disk.log.empty() ? disk.meta.base.seq : disk.log.back().seq, promised);
  }
  EXPECT_TRUE(pair.converged() && pair.status(1).leads);
  EXPECT_NE(pair.story().find("the peer gets a snapshot"), std::string::npos);
}

// A call that comes again by its id is known, also to a node that was restarted or wiped since.
void expect_known(bool wiped) {
  Config small;
  small.log_keep_max = 200;
  small.checkpoint_every = 8;
  small.in_flight_max = 4;
  small.request_ids_remembered = 50;
  Pair pair(1, small);
  for (std::uint32_t i = 100; i < 400; ++i) pair.must(0, registration(lb_number(1), i % 2 == 0 ? i : i - 1));  // every other one is there already
  pair.must(0, registration(kLb, 1), "x");
  pair.must(0, UnregisterCommand{kLb, {std::get<RegisterCommand>(registration(kLb, 1)).items.front().amphora.mac}});
  for (std::uint32_t i = 0; i < 40; ++i) pair.must(0, registration(kLb, 10 + i));
  pair.run(seconds(3));
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.crash(1);
  if (wiped) pair.wipe(1);
  pair.run(seconds(3));
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  ASSERT_GT(pair.nodes[1].disk.meta.base.seq.value, 0U);
  pair.crash(0);
  pair.own(1, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(1).phase == Phase::solo; }));
  EXPECT_FALSE(pair.must(1, registration(kLb, 1), "x").changed);
  EXPECT_TRUE(pair.nodes[1].core->applied().check(registration(kLb, 1))->changed) << "it was done again";
}

TEST(Replica, ACallThatComesAgainIsKnownToANodeThatWasRestarted) { expect_known(false); }  // H2

TEST(Replica, ACallThatComesAgainIsKnownToANodeThatWasWiped) { expect_known(true); }  // H2

}  // namespace
}  // namespace distributor::replica::testing
