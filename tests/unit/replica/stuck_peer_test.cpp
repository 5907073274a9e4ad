// A peer that is heard and never gets in step holds up nobody: after a while changes are as if it were away (H2, H3, H12).
#include "tests/unit/replica/pair_story.hpp"

namespace distributor::replica::testing {
namespace {

void expect_changes_go_on(Pair& pair, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto handle = pair.submit(0, registration(kLb, i));
    ASSERT_TRUE(pair.run_until([&] { return pair.answer(handle).has_value(); }, seconds(60)));
    const auto answer = pair.answer(handle);
    const auto* accepted = std::get_if<ChangeAccepted>(&answer->result);
    ASSERT_NE(accepted, nullptr) << std::get<ChangeRefused>(answer->result).message;
    EXPECT_EQ(accepted->durability, Durability::local);
  }
  EXPECT_EQ(pair.status(0).phase, Phase::solo);
  EXPECT_NE(pair.story().find("does not get in step"), std::string::npos);
}

// Node 1 dies at what `arrived` tells of, and is there again a second later; until the client has its answer.
void die_whenever(bool& arrived, Pair& pair, RequestHandle handle) {
  for (int restarts = 0; restarts < 40 && !pair.answer(handle); ++restarts) {
    pair.run_until([&] { return std::exchange(arrived, false) || pair.answer(handle).has_value(); }, seconds(3));
    pair.crash(1);
    pair.run(seconds(1));
    pair.boot(1);
    pair.own(1, Ownership::backup, false);
  }
}

void expect_together_again(Pair& pair) {
  pair.on_delivery = {};
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(0).phase == Phase::leading; }, seconds(30)));
  EXPECT_EQ(pair.must(0, registration(kLb, 50)).durability, Durability::pair);
}

TEST(StuckPeer, AFollowerThatNeverHearsAnEntryHoldsUpNobody) {  // its decoder drops the frame: a newer version's, say
  Pair pair;
  pair.on_delivery = [](std::size_t to, Message& message) {
    const auto* append = std::get_if<Append>(&message.body);
    if (to == 1 && append != nullptr && !append->entries.empty()) message.header.receiver_boot = 1;
  };
  ASSERT_NO_FATAL_FAILURE(expect_changes_go_on(pair, 3));
  expect_together_again(pair);
}

TEST(StuckPeer, APeerThatNeverHearsAHelloHoldsUpNobody) {
  Pair pair;
  pair.on_delivery = [](std::size_t to, Message& message) {
    if (to == 1 && std::holds_alternative<Hello>(message.body)) message.header.sender = NodeId::parse("nobody").value();
  };
  pair.crash(1);
  pair.boot(1);
  pair.run(seconds(5));
  ASSERT_NO_FATAL_FAILURE(expect_changes_go_on(pair, 2));
  expect_together_again(pair);
}

TEST(StuckPeer, AFollowerThatDiesAtEveryEntryHoldsUpNobody) {
  Pair pair;
  bool arrived = false;
  pair.on_delivery = [&](std::size_t to, Message& message) {
    const auto* append = std::get_if<Append>(&message.body);
    if (to != 1 || append == nullptr || append->entries.empty()) return;
    arrived = true;
    message.header.receiver_boot = 1;
  };
  const auto handle = pair.submit(0, registration(kLb, 1));
  die_whenever(arrived, pair, handle);
  ASSERT_TRUE(pair.answer(handle));
  EXPECT_TRUE(std::holds_alternative<ChangeAccepted>(pair.answer(handle)->result));
  expect_together_again(pair);
}

TEST(StuckPeer, AFollowerThatNeverHearsAnEntryHoldsUpNobodyAlsoAfterANewContact) {  // it asks every second, and says each time what it has
  Pair pair;
  pair.on_delivery = [](std::size_t to, Message& message) {
    const auto* append = std::get_if<Append>(&message.body);
    if (to == 1 && append != nullptr && !append->entries.empty()) message.header.receiver_boot = 1;
  };
  const auto first = pair.submit(0, registration(kLb, 0));
  pair.run(milliseconds(500));
  pair.set_link(false);
  pair.run(milliseconds(100));
  pair.set_link(true);
  ASSERT_TRUE(pair.run_until([&] { return pair.answer(first).has_value(); }, seconds(60)));
  EXPECT_TRUE(std::holds_alternative<ChangeAccepted>(pair.answers.at(first).result));
  ASSERT_NO_FATAL_FAILURE(expect_changes_go_on(pair, 2));
  expect_together_again(pair);
}

TEST(StuckPeer, AFollowerThatDiesAtTheEndOfASnapshotHoldsUpNobody) {
  Config small;
  small.log_keep_max = 32;
  small.checkpoint_every = 8;
  small.in_flight_max = 4;
  small.message_bytes_max = 400;
  small.snapshot_window = 2;
  Pair pair(1, small);
  for (std::uint32_t lb = 2; lb < 40; ++lb) pair.must(0, plug(lb_number(lb)));
  for (std::uint32_t i = 0; i < 80; ++i) pair.must(0, registration(lb_number(2 + i % 38), i));
  pair.crash(1);
  pair.wipe(1);
  pair.run(seconds(3));
  bool arrived = false;
  pair.on_delivery = [&](std::size_t to, Message& message) {
    const auto* chunk = std::get_if<SnapshotChunk>(&message.body);
    if (to != 1 || chunk == nullptr || !chunk->last) return;
    arrived = true;
    message.header.receiver_boot = 1;
  };
  pair.boot(1);
  pair.run(milliseconds(50));
  const auto handle = pair.submit(0, registration(kLb, 1));
  die_whenever(arrived, pair, handle);
  ASSERT_TRUE(pair.answer(handle));
  EXPECT_TRUE(std::holds_alternative<ChangeAccepted>(pair.answers.at(handle).result));
}

// Whatever moves is waited for, however long all of it takes.
TEST(StuckPeer, ASlowFollowerIsWaitedFor) {
  Pair pair;
  pair.nodes[1].disk_work = milliseconds(400);
  const auto begun = pair.now;
  std::vector<RequestHandle> handles;
  for (std::uint32_t i = 0; i < 40; ++i) {
    handles.push_back(pair.submit(0, registration(kLb, i)));
    pair.run(milliseconds(5));
  }
  for (const auto handle : handles) {
    ASSERT_TRUE(pair.run_until([&] { return pair.answer(handle).has_value(); }, seconds(60)));
    const auto answer = pair.answer(handle);
    const auto* accepted = std::get_if<ChangeAccepted>(&answer->result);
    ASSERT_NE(accepted, nullptr);
    EXPECT_EQ(accepted->durability, Durability::pair);
  }
  EXPECT_GT(pair.now - begun, seconds(11));
  EXPECT_EQ(pair.story().find("does not get in step"), std::string::npos);
}

// What comes again because the disk is slow must not make it slower: the repeats would wait for each other, and new changes for all of them.
TEST(StuckPeer, ADiskThatIsSlowIsNotGivenTheSameAgain) {
  Pair pair;
  pair.nodes[1].disk_work = milliseconds(1500);
  for (std::uint32_t i = 0; i < 12; ++i) EXPECT_EQ(pair.must(0, registration(kLb, i)).durability, Durability::pair);
  EXPECT_EQ(pair.story().find("does not get in step"), std::string::npos);
}

// What it took no step for is no time in which the follower did nothing.
TEST(StuckPeer, ALeaderThatStoodStillDoesNotTakeItsFollowerForStuck) {
  Pair pair;
  const auto handle = pair.submit(0, registration(kLb, 1));
  pair.now += seconds(15);
  pair.tell(0, Tick{});
  ASSERT_TRUE(pair.run_until([&] { return pair.answer(handle).has_value(); }, seconds(60)));
  const auto answer = pair.answer(handle);
  const auto* accepted = std::get_if<ChangeAccepted>(&answer->result);
  ASSERT_NE(accepted, nullptr);
  EXPECT_EQ(accepted->durability, Durability::pair);
}

}  // namespace
}  // namespace distributor::replica::testing
