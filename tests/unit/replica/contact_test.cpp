// Comparison of histories: both nodes come to the same end, whatever happens while they compare (H1, H13).
#include "tests/unit/replica/pair_story.hpp"

namespace distributor::replica::testing {
namespace {

Config small_log() {
  Config small;
  small.log_keep_max = 32;
  small.checkpoint_every = 8;
  small.request_ids_remembered = 0;  // a snapshot is all that the leader has
  return small;
}

// Node 1 was away for longer than the log reaches back, came, and has node 0's state on its disk; node 0 does not hear of that any more.
void give_a_snapshot_that_nobody_hears_of(Pair& pair, std::chrono::microseconds leaders_disk) {
  pair.crash(1);
  for (std::uint32_t i = 0; i < 60; ++i) pair.must(0, registration(kLb, i));
  pair.nodes[0].disk_work = leaders_disk;
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.nodes[1].disk.meta.base.seq == pair.status(0).last; }));
  pair.set_link(false);
  ASSERT_EQ(pair.nodes[1].disk.meta.pair_floor.seq, pair.status(0).last);
}

TEST(Contact, ALeaderKnowsTheStateThatItSentAgainAfterItsBaseMovedOn) {  // H1: else what it did alone would be dropped
  Pair pair(1, small_log());
  ASSERT_NO_FATAL_FAILURE(give_a_snapshot_that_nobody_hears_of(pair, milliseconds(1)));
  for (std::uint32_t i = 100; i < 180; ++i) pair.must(0, registration(kLb, i));
  pair.run(seconds(1));
  ASSERT_GT(pair.nodes[0].disk.meta.base.seq, pair.nodes[1].disk.meta.pair_floor.seq);
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_TRUE(pair.status(0).leads);
  EXPECT_EQ(pair.amphorae(1), 140U);
  EXPECT_EQ(pair.status(0).dropped + pair.status(1).dropped, 0U);
}

TEST(Contact, BothDecideAlikeWheneverTheBaseMovesOn) {  // H13: two followers would wait for each other for ever
  std::set<bool> first_leads;
  for (int moment = 0; moment < 200; moment += 10) {
    Pair pair(1, small_log());
    ASSERT_NO_FATAL_FAILURE(give_a_snapshot_that_nobody_hears_of(pair, seconds(5)));
    pair.crash(0);  // before its own note of that snapshot was on its disk
    pair.crash(1);
    pair.nodes[0].disk_free = pair.now;  // what was on its way went with the process
    pair.nodes[0].disk_work = milliseconds(1);
    pair.boot(0);
    pair.boot(1);
    pair.own(0, Ownership::master);
    ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo; }));
    pair.run(milliseconds(moment));
    pair.nodes[0].disk_work = milliseconds(10);
    for (std::uint32_t i = 100; i < 160; ++i) pair.submit(0, registration(kLb, i));
    pair.fixed_delay = milliseconds(250);
    pair.set_link(true);
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); })) << moment;
    EXPECT_EQ(pair.story().find("the peer was to lead and does not"), std::string::npos) << moment;
    first_leads.insert(pair.status(0).leads);
  }
  EXPECT_EQ(first_leads.size(), 2U) << "the moment that this is about was not met";
}

// Its process acknowledged nothing of what the one before it had, which had another disk: that nothing of it arrived is not for it to say.
TEST(Contact, AnOldDiskGivesWayAlsoAfterAContactThatBrokeOff) {  // H3, H13
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Pair pair(seed);
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
    const auto old_disk = pair.nodes[1].disk;
    ASSERT_EQ(pair.must(0, registration(kLb, 1)).durability, Durability::pair);
    pair.crash(0);
    pair.crash(1);
    pair.nodes[0].disk.meta.pair_floor = old_disk.meta.pair_floor;  // that both have it was to be written down with the next heartbeat
    pair.nodes[1].disk = old_disk;
    pair.nodes[1].term_seen = Term{};
    pair.boot(0);
    pair.boot(1);
    pair.own(0, Ownership::backup);
    pair.own(1, Ownership::master);
    pair.fixed_delay = milliseconds(30);
    ASSERT_TRUE(pair.run_until([&] { return pair.nodes[0].disk.meta.pairing.term > Term{3}; }));
    pair.set_link(false);  // the first entry is on its way
    ASSERT_EQ(pair.nodes[1].disk.log.size(), 1U);
    pair.set_link(true);
    ASSERT_TRUE(pair.run_until([&] { return pair.amphorae(1) == 1; }));
    ASSERT_TRUE(pair.status(0).leads) << "seed " << seed;
    pair.give_ownership_to(0);
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
    EXPECT_EQ(pair.amphorae(1), 1U);
  }
}

// The leader's term comes onto its disk after the follower that it was to lead is gone, and another disk has its place.
TEST(Contact, AnOldDiskIsNoWitnessForTheOneBefore) {  // H3
  for (int moment = 0; moment < 400; moment += 10) {
    Pair pair;
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
    const auto old_disk = pair.nodes[1].disk;
    ASSERT_EQ(pair.must(0, registration(kLb, 1)).durability, Durability::pair);
    pair.crash(0);
    pair.crash(1);
    pair.nodes[0].disk.meta.pair_floor = old_disk.meta.pair_floor;
    pair.nodes[0].disk_work = milliseconds(300);
    pair.fixed_delay = milliseconds(30);
    pair.boot(0);
    pair.boot(1);
    pair.own(0, Ownership::master);
    pair.own(1, Ownership::backup);
    pair.run(milliseconds(moment));
    pair.crash(1);
    pair.nodes[1].disk = old_disk;
    pair.nodes[1].term_seen = Term{};
    pair.boot(1);
    pair.nodes[1].disk_work = seconds(10);  // it has nothing of what is sent
    const auto end = pair.now + seconds(2);
    while (pair.step_one_event(end)) ASSERT_NE(pair.nodes[0].disk.meta.pairing.peer_boot, pair.nodes[1].boot_id) << moment;
  }
}

// What only the follower knows to be on both disks, the leader forgets no more once it has heard of it.
TEST(Contact, ALeaderWhoseSnapshotBrokeOffLeadsOn) {  // H1, H13
  Pair pair(1, small_log());
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.submit(0, registration(kLb, 0));
  ASSERT_TRUE(pair.run_until([&] { return pair.nodes[1].disk.log.size() == 2; }));
  pair.set_link(false);  // its acknowledgement does not arrive
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo; }));
  pair.crash(0);
  pair.boot(0);
  pair.own(0, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo; }));
  for (std::uint32_t i = 1; i < 120; ++i) pair.must(0, registration(kLb, i));
  pair.run(seconds(1));
  ASSERT_GT(pair.nodes[0].disk.meta.base.seq, pair.nodes[1].disk.meta.pair_floor.seq);
  pair.fixed_delay = milliseconds(30);
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.story().find("the peer gets a snapshot") != std::string::npos; }));
  pair.run(milliseconds(10));
  pair.set_link(false);
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_TRUE(pair.status(0).leads);
  EXPECT_EQ(pair.amphorae(1), 120U);
}

// Both disks are lost. Node 0 has this older state back and is told to begin alone; node 1, down still, has its newest.
void begin_alone_from_a_backup(Pair& pair, const DurableState& older) {
  pair.run(seconds(1));
  pair.crash(0);
  pair.crash(1);
  pair.nodes[0].disk = older;
  for (auto& node : pair.nodes) {
    node.disk.meta.ever_synced = false;
    node.term_seen = Term{};
  }
  pair.boot(0);
  pair.tell(0, InitAlone{});
  pair.own(0, Ownership::master);
}

TEST(Contact, ARestoredNodeTakesOverWhatTheOtherIsAlthoughItHadMore) {  // H1
  for (const bool changed_meanwhile : {false, true}) {
    Pair pair;
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
    const auto older = pair.nodes[0].disk;
    for (std::uint32_t i = 0; i < 5; ++i) pair.must(0, registration(kLb, i));
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
    begin_alone_from_a_backup(pair, older);
    ASSERT_TRUE(pair.run_until([&] { return pair.status(0).leads; }));
    if (changed_meanwhile) pair.must(0, registration(kLb, 77));
    pair.boot(1);
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); })) << changed_meanwhile;
    EXPECT_TRUE(pair.status(0).leads);
    EXPECT_EQ(pair.must(0, registration(kLb, 78)).durability, Durability::pair);
  }
}

// The same with a log that reaches back so little that it takes the other's whole state.
TEST(Contact, ARestoredNodeListsWhatASnapshotReplaces) {  // H2, H8
  Pair pair(1, small_log());
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  const auto older = pair.nodes[0].disk;
  for (std::uint32_t i = 0; i < 60; ++i) pair.must(0, registration(kLb, i), "call " + std::to_string(i));
  begin_alone_from_a_backup(pair, older);
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  ASSERT_NE(pair.story().find("took over the leader's state"), std::string::npos);
  EXPECT_GT(pair.status(1).dropped, 0U);
  pair.give_ownership_to(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads; }));
  EXPECT_TRUE(pair.must(1, registration(kLb, 59), "call 59").changed) << "taken for done although it is gone";
}

// That the leader lacks the follower's floor is said of what the snapshot replaced, and not of what both have since then.
TEST(Contact, TheNextSnapshotOfARestoredNodeListsNothingThatBothHave) {  // H8
  Pair pair(1, small_log());
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  const auto older = pair.nodes[0].disk;
  for (std::uint32_t i = 0; i < 60; ++i) pair.must(0, registration(kLb, i));
  begin_alone_from_a_backup(pair, older);
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  ASSERT_NE(pair.story().find("took over the leader's state"), std::string::npos);
  for (std::uint32_t i = 100; i < 105; ++i) ASSERT_EQ(pair.must(0, registration(kLb, i)).durability, Durability::pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  const auto listed = pair.status(1).dropped;
  const auto base = pair.nodes[1].disk.meta.base.seq;
  pair.loss = 1;  // so long that the log does not reach back; the connection stands
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo; }));
  for (std::uint32_t i = 110; i < 180; ++i) pair.must(0, registration(kLb, i));
  pair.run(seconds(1));
  pair.loss = 0;
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  ASSERT_GT(pair.nodes[1].disk.meta.base.seq, base);
  EXPECT_EQ(pair.status(1).dropped, listed);
}

TEST(Contact, AProcessThatCameLaterHasProgrammedNothingYet) {  // H3
  Pair pair;
  pair.must(0, registration(kLb, 1));
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(0).peer.programmed == pair.status(0).last; }));
  pair.crash(1);
  pair.nodes[1].ovs_works = false;
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::leading && pair.status(1).phase == Phase::following; }));
  const auto again = pair.must(0, registration(kLb, 1));
  EXPECT_EQ(again.durability, Durability::pair);
  EXPECT_TRUE(again.programmed_here);
  EXPECT_FALSE(again.programmed_on_peer);
}

TEST(Contact, AFollowerThatNobodyLeadsAsksAgain) {  // H13
  Pair pair;
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.loss = 1;  // node 1 hears these alone
  for (int beat = 0; beat < 7; ++beat) {
    ASSERT_EQ(pair.status(1).phase, beat < 6 ? Phase::following : Phase::negotiating) << beat;
    pair.tell(1, PeerMessage{{{pair.nodes[0].id, pair.nodes[0].boot_id, pair.nodes[1].boot_id, pair.status(1).term}, Heartbeat{}}});
    pair.run(milliseconds(200));
  }
  pair.loss = 0;
  EXPECT_TRUE(pair.run_until([&] { return pair.converged(); }));
}

// `programmed` of an Open vSwitch that has been emptied since, or is gone.
TEST(Contact, AnAnswerNamesNoNodeWhoseOpenVSwitchWentAway) {  // H3
  for (const std::size_t gone : {0, 1}) {
    Pair pair;
    pair.must(0, registration(kLb, 1));
    ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(0).peer.programmed == pair.status(0).last; }));
    pair.tell(gone, LocalFactsChanged{NodeFacts{}});
    pair.run(milliseconds(50));
    const auto again = pair.must(0, registration(kLb, 1));
    EXPECT_EQ(again.programmed_here, gone != 0) << gone;
    EXPECT_EQ(again.programmed_on_peer, gone != 1) << gone;
  }
}

TEST(Contact, AnEmptyNodeThatIsToldToBeginAloneTakesNothingFromOneThatDid) {  // H8: an operator's slip
  for (const bool told_while_it_is_there : {false, true}) {
    World pair(1);
    pair.config.log_keep_max = 32;
    pair.config.checkpoint_every = 8;
    pair.boot(0);
    pair.tell(0, InitAlone{});
    pair.own(0, Ownership::master);
    ASSERT_TRUE(pair.run_until([&] { return pair.status(0).leads; }));
    pair.submit(0, plug(kLb));
    for (std::uint32_t i = 0; i < 60; ++i) pair.submit(0, registration(kLb, i));
    pair.run(seconds(2));
    ASSERT_EQ(pair.status(0).committed, Seq{61});
    if (!told_while_it_is_there) pair.set_link(false);
    pair.boot(1);
    ASSERT_TRUE(!told_while_it_is_there || pair.run_until([&] { return pair.status(1).peer.alive; }));
    pair.tell(1, InitAlone{});
    pair.own(0, Ownership::backup);
    pair.own(1, Ownership::master);
    pair.run(milliseconds(100));
    pair.set_link(true);
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
    EXPECT_EQ(pair.status(1).last.value, pair.status(0).last.value);
    EXPECT_TRUE(pair.nodes[1].core->applied().find(kLb)) << told_while_it_is_there;
  }
}

// As an older version does with a newer one's: the leader's next entry is refused for ever.
TEST(Contact, AFollowerThatDoesNotTakeAnEntryHoldsUpNobody) {  // H12
  Pair pair;
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.on_delivery = [](std::size_t to, Message& message) {
    auto* append = std::get_if<Append>(&message.body);
    if (to != 1 || append == nullptr) return;
    for (auto& entry : append->entries) entry.command = "not known here";
  };
  EXPECT_EQ(pair.must(0, registration(kLb, 1)).durability, Durability::local);
  EXPECT_EQ(pair.status(0).phase, Phase::solo);
  pair.run(seconds(2));
  EXPECT_NE(pair.status(1).phase, Phase::following);
  for (std::uint32_t i = 2; i < 10; ++i) {
    const auto before = pair.now;
    EXPECT_EQ(pair.must(0, registration(kLb, i)).durability, Durability::local);
    EXPECT_LT(pair.now - before, seconds(1));
  }
  EXPECT_LT(pair.story().size(), 20'000U) << "told again and again";
  pair.on_delivery = {};
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_EQ(pair.must(0, registration(kLb, 11)).durability, Durability::pair);
}

// A disk that hung, a pause of the machine: what the peer said meanwhile lies unread.
TEST(Contact, ANodeThatStoodStillDoesNotTakeItsPeerForSilent) {  // H3, H12
  Pair pair;
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  const auto handle = pair.submit(0, registration(kLb, 1));
  pair.now += seconds(5);  // nothing was delivered
  pair.tell(0, Tick{});
  EXPECT_TRUE(pair.status(0).peer.alive);
  ASSERT_TRUE(pair.run_until([&] { return pair.answer(handle).has_value(); }));
  EXPECT_EQ(std::get<ChangeAccepted>(pair.answers.at(handle).result).durability, Durability::pair);
  pair.crash(1);
  EXPECT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo; }, seconds(3)));
}

// A disk that is slow with every write must not hide that nobody is there.
TEST(Contact, ANodeThatStandsStillAgainAndAgainNoticesThatItsPeerIsGone) {  // H12
  Pair pair;
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.loss = 1;
  for (int write = 0; write < 5; ++write) {
    pair.now += milliseconds(700);
    pair.tell(0, Tick{});
  }
  EXPECT_FALSE(pair.status(0).peer.alive);
}

// The whole state of a newer version, say: it cannot be read, or its digest is another.
void expect_nobody_waits_for(const std::function<void(Message&)>& spoil) {
  Pair pair(1, small_log());
  pair.crash(1);
  pair.wipe(1);
  for (std::uint32_t i = 0; i < 60; ++i) pair.must(0, registration(kLb, i));
  pair.on_delivery = [&](std::size_t to, Message& message) {
    if (to == 1) spoil(message);
  };
  pair.run(seconds(1));
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).peer.alive; }));
  pair.run(seconds(5));
  for (std::uint32_t i = 100; i < 110; ++i) {
    const auto before = pair.now;
    EXPECT_EQ(pair.must(0, registration(kLb, i)).durability, Durability::local);
    EXPECT_LT(pair.now - before, seconds(1));
  }
  pair.on_delivery = {};
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_EQ(pair.must(0, registration(kLb, 111)).durability, Durability::pair);
}

TEST(Contact, AFollowerThatCannotReadASnapshotHoldsUpNobody) {  // H12
  expect_nobody_waits_for([](Message& message) {
    auto* chunk = std::get_if<SnapshotChunk>(&message.body);
    if (chunk != nullptr) chunk->load_balancers.assign(1, "not known here");
  });
}

TEST(Contact, AFollowerThatFindsAnotherDigestInASnapshotHoldsUpNobody) {  // H12
  expect_nobody_waits_for([](Message& message) {
    if (auto* begin = std::get_if<SnapshotBegin>(&message.body)) begin->state_digest = sha256("another");
  });
}

// Of a version that has no way of speaking in common, newer or older: nothing is decided with it, it is as if it were away.
TEST(Contact, APeerThatSpeaksNoCommonProtocolIsRefused) {  // H12
  for (const auto& [lowest, highest] : {std::pair(kProtocolMax + 1, kProtocolMax + 2), std::pair(kProtocolMin - 1, kProtocolMin - 1)}) {
    Pair pair;
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
    pair.crash(1);
    for (auto& node : pair.nodes) node.log.clear();
    pair.on_delivery = [lowest, highest](std::size_t, Message& message) {
      if (auto* hello = std::get_if<Hello>(&message.body)) std::tie(hello->protocol_min, hello->protocol_max) = std::pair(lowest, highest);
    };
    pair.boot(1);
    pair.run(seconds(60));
    const auto theirs = "protocol " + std::to_string(lowest) + ".." + std::to_string(highest) + "; wanted";
    for (const auto& node : pair.nodes) {
      const auto tells = [](const std::string& line) { return line.find("the peer is refused") != std::string::npos; };
      ASSERT_EQ(std::ranges::count_if(node.log, tells), 1) << "an operator has to hear of it, and not with every Hello";
      EXPECT_THAT(*std::ranges::find_if(node.log, tells), ::testing::ContainsRegex(theirs + ".*protocol " + std::to_string(kProtocolMin)));
    }
    EXPECT_EQ(pair.story().find(" leads: "), std::string::npos) << "it was decided with a peer that may mean something else";
    EXPECT_FALSE(pair.status(0).peer.alive);
    EXPECT_EQ(pair.must(0, registration(kLb, 1)).durability, Durability::local);
    pair.on_delivery = {};
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
    EXPECT_EQ(pair.must(0, registration(kLb, 2)).durability, Durability::pair);
  }
}

}  // namespace
}  // namespace distributor::replica::testing
