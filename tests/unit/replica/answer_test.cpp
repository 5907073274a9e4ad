// What an answer rests on: of `pair`, what is on both disks and will be found there; of a strict pair, nothing else (H3).
#include "tests/unit/replica/pair_story.hpp"

namespace distributor::replica::testing {
namespace {

// A change in flight when the peer falls silent, or ceases to get in step.
void expect_no_local_answer(const std::function<void(Pair&)>& fault, const std::function<void(Pair&)>& mend) {
  Config strict;
  strict.solo_policy = SoloPolicy::strict;
  Pair pair(1, strict);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  fault(pair);
  const auto committed = pair.status(0).committed;
  const auto handle = pair.submit(0, registration(kLb, 1));
  ASSERT_EQ(pair.status(0).last, committed.next()) << "it is in flight";
  ASSERT_TRUE(pair.run_until([&] { return pair.answer(handle).has_value(); }));
  const auto answer = pair.answer(handle);
  const auto* refused = std::get_if<ChangeRefused>(&answer->result);
  ASSERT_NE(refused, nullptr) << "answered, and it is on this node alone";
  EXPECT_EQ(refused->code, RefusalCode::timed_out);
  EXPECT_EQ(pair.status(0).committed, committed);
  EXPECT_EQ(pair.amphorae(0), 0U);
  mend(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(0).phase == Phase::leading; }));
  EXPECT_EQ(pair.must(0, registration(kLb, 1)).durability, Durability::pair);
}

TEST(Answer, OfAStrictPairIsNeverLocalWhenThePeerFallsSilent) {
  expect_no_local_answer([](Pair& pair) { pair.loss = 1; }, [](Pair& pair) { pair.loss = 0; });
}

TEST(Answer, OfAStrictPairIsNeverLocalWhenThePeerDies) {
  expect_no_local_answer([](Pair& pair) { pair.crash(1); }, [](Pair& pair) { pair.boot(1); });
}

TEST(Answer, OfAStrictPairIsNeverLocalWhenThePeerDoesNotGetInStep) {
  const auto swallow = [](std::size_t to, Message& message) {
    const auto* append = std::get_if<Append>(&message.body);
    if (to == 1 && append != nullptr && !append->entries.empty()) message.header.receiver_boot = 1;
  };
  expect_no_local_answer([&](Pair& pair) { pair.on_delivery = swallow; }, [](Pair& pair) { pair.on_delivery = {}; });
}

// The follower speaks of another history at the same place.
TEST(Answer, IsNotOfThePairWhenThePeerHasAnotherEntryThere) {
  Pair pair;
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.on_delivery = [](std::size_t to, Message& message) {
    if (to != 0) return;
    if (auto* ack = std::get_if<Ack>(&message.body)) ack->durable.digest = sha256("another");
    if (auto* beat = std::get_if<Heartbeat>(&message.body)) beat->durable.digest = sha256("another");
  };
  const auto handle = pair.submit(0, registration(kLb, 1));
  pair.run(seconds(5));
  EXPECT_FALSE(pair.answer(handle));
  EXPECT_EQ(pair.status(0).peer.durable, Seq{1});
  pair.on_delivery = {};
  ASSERT_TRUE(pair.run_until([&] { return pair.answer(handle).has_value(); }));
  EXPECT_EQ(std::get<ChangeAccepted>(pair.answer(handle)->result).durability, Durability::pair);
}

// The peer has all of it, and that it may have it is not written down here yet: with this disk as it is, and the peer's old one, what was
// answered `pair` could be cut.
TEST(Answer, IsOfThePairOnlyOnceTheCeilingIsOnTheLeadersDisk) {  // H13
  Pair pair;
  pair.crash(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo; }));
  ASSERT_EQ(pair.must(0, registration(kLb, 1)).durability, Durability::local);
  pair.nodes[0].disk_work = seconds(3);
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::leading && pair.status(0).peer.durable == pair.status(0).last; }));
  std::size_t answers = 0;
  pair.on_answer = [&](const Answer& answer) {
    ++answers;
    const auto& accepted = std::get<ChangeAccepted>(answer.result);
    EXPECT_EQ(accepted.durability, Durability::pair);
    EXPECT_GE(pair.nodes[0].disk.meta.pairing.ceiling.seq, accepted.seq);
  };
  ASSERT_LT(pair.nodes[0].disk.meta.pairing.ceiling.seq, pair.status(0).last) << "the moment that this is about was not met";
  EXPECT_FALSE(pair.must(0, registration(kLb, 1)).changed);
  EXPECT_EQ(answers, 1U);
}

constexpr std::uint32_t kInFlight = 24;

// What is in flight goes in some parts, all of them at once.
Config small_messages() {
  Config small;
  small.message_entries_max = 8;
  return small;
}

// A wiped follower gets in one go what it acknowledges in parts. Until the last of them it has no record of being in sync: crashed then, it
// would never lead by itself, although `pair` had been answered.
TEST(Answer, IsOfThePairOnlyOnceTheFollowerWillRememberThatItWasInSync) {  // H1
  auto small = small_messages();
  small.programmed_wait = milliseconds(0);  // it programs nothing before the last part: that must not be what the answers wait for
  Pair pair(1, small);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.crash(1);
  pair.wipe(1);
  std::vector<RequestHandle> handles;
  for (std::uint32_t i = 0; i < kInFlight; ++i) handles.push_back(pair.submit(0, registration(kLb, i)));
  pair.nodes[1].disk_free = pair.now;
  pair.nodes[1].disk_work = milliseconds(300);
  std::size_t parts = 0;
  pair.on_delivery = [&](std::size_t to, Message& message) {
    const auto* append = std::get_if<Append>(&message.body);
    if (to == 1 && append != nullptr && !append->entries.empty() && append->entries.back().seq < append->last.seq) ++parts;
  };
  pair.on_answer = [&](const Answer& answer) {
    const auto* accepted = std::get_if<ChangeAccepted>(&answer.result);
    ASSERT_NE(accepted, nullptr);
    ASSERT_EQ(accepted->durability, Durability::pair);
    EXPECT_TRUE(pair.nodes[1].disk.meta.ever_synced) << "change " << accepted->seq.value;
  };
  pair.boot(1);
  for (const auto handle : handles) ASSERT_TRUE(pair.run_until([&] { return pair.answer(handle).has_value(); }));
  EXPECT_GE(parts, 2U) << "the moment that this is about was not met";
}

bool is_on_disk(const DurableState& disk, const LogPoint& point) {
  const auto same = [&](const LogEntry& entry) { return entry.seq == point.seq && entry.digest == point.digest; };
  return point.seq <= disk.meta.base.seq || std::ranges::any_of(disk.log, same);
}

// What a node says to have on its disk is there when it is heard, and was when it was said: nothing takes it out again.
void expect_said_only_of_the_disk(const Pair& pair, std::size_t node, const Message& message) {
  const auto* ack = std::get_if<Ack>(&message.body);
  const auto* beat = std::get_if<Heartbeat>(&message.body);
  if (ack == nullptr && beat == nullptr) return;
  const auto& durable = ack != nullptr ? ack->durable : beat->durable;
  EXPECT_TRUE(is_on_disk(pair.nodes[node].disk, durable)) << "node " << node << ", change " << durable.seq.value;
}

TEST(Answer, WhatWasCutWhileTheDiskWasAtWorkIsNotSaidToBeThere) {  // H3, H8
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Pair pair(seed);
    ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
    pair.on_delivery = [&](std::size_t to, Message& message) { expect_said_only_of_the_disk(pair, 1 - to, message); };
    pair.set_link(false);
    pair.own(1, Ownership::master);
    ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo && pair.status(1).phase == Phase::solo; }));
    pair.must(1, registration(kLb, 100));
    for (auto& node : pair.nodes) node.disk_work = milliseconds(200);
    for (std::uint32_t i = 1; i <= 20; ++i) pair.submit(0, registration(kLb, i));  // on their way to the disk when they are cut
    pair.own(0, Ownership::backup);
    pair.set_link(true);
    ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads; })) << seed;
  }
}

// The same entries come back at once, while the write of before is under way: the disk has them, is told to cut them, has them again.
TEST(Answer, WhatWasCutAndCameBackIsNotSaidToBeThereBeforeItIsThereToStay) {  // H3
  Pair pair(1, small_messages());
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.crash(1);
  pair.wipe(1);
  // Of a first contact nothing arrives in time.
  std::optional<Message> late;
  pair.on_delivery = [&](std::size_t to, Message& message) {
    if (to != 1 || !std::holds_alternative<Append>(message.body)) return;
    if (!late) late = message;
    message.header.receiver_boot = 1;
  };
  pair.boot(1);
  ASSERT_TRUE(pair.run_until([&] { return late.has_value(); }));
  for (std::uint32_t i = 0; i < kInFlight; ++i) pair.submit(0, registration(kLb, i));
  pair.nodes[1].disk_work = milliseconds(300);
  // In the second one it does, between the parts of the longer log: what is beyond it is cut, and sent again.
  bool cut = false;
  pair.on_delivery = [&](std::size_t to, Message& message) {
    expect_said_only_of_the_disk(pair, 1 - to, message);
    const auto* append = std::get_if<Append>(&message.body);
    const bool last_part = to == 1 && append != nullptr && !append->entries.empty() && append->entries.back().seq == append->last.seq;
    if (!last_part || std::exchange(cut, true)) return;
    const auto before = pair.status(1).last;
    pair.tell(1, PeerMessage{*late});
    EXPECT_LT(pair.status(1).last, before) << "the moment that this is about was not met";
  };
  pair.set_link(false);
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  EXPECT_TRUE(cut);
}

}  // namespace
}  // namespace distributor::replica::testing
