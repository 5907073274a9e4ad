// What must not grow without end: the window of changes, the snapshot on its way, the list of lost changes (H8, H12).
#include "sync/registry/codec.hpp"
#include "sync/registry/limits.hpp"
#include "tests/unit/replica/reunion_story.hpp"

namespace distributor::replica::testing {
namespace {

std::uint64_t uncommitted(const Pair& pair) { return pair.status(0).last.value - pair.status(0).committed.value; }

TEST(Bounds, NoMoreChangesAreInTheLogThanTheWindowHoldsHoweverManyWait) {  // H3
  Config tight;
  tight.in_flight_max = 4;
  Pair pair(1, tight);
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  bool heard = false;
  pair.on_delivery = [&](std::size_t to, Message& message) {
    const bool says_what_it_has = std::holds_alternative<Ack>(message.body) || std::holds_alternative<Heartbeat>(message.body);
    if (to == 0 && says_what_it_has && !heard) message.header.receiver_boot = 1;  // it never arrives
  };
  std::vector<RequestHandle> handles;
  for (std::uint32_t i = 0; i < 16; ++i) handles.push_back(pair.submit(0, registration(kLb, i)));
  std::uint64_t most = uncommitted(pair);
  const auto watch = [&](milliseconds time) {
    for (const auto end = pair.now + time; pair.now < end; most = std::max(most, uncommitted(pair))) pair.step_one_event(end);
  };
  watch(milliseconds(1000));  // it does not count as silent yet
  ASSERT_EQ(pair.status(0).phase, Phase::leading);
  EXPECT_EQ(most, tight.in_flight_max);
  heard = true;
  watch(seconds(5));
  EXPECT_EQ(most, tight.in_flight_max);
  for (const auto handle : handles) {
    ASSERT_TRUE(pair.answer(handle));
    EXPECT_EQ(std::get<ChangeAccepted>(pair.answer(handle)->result).durability, Durability::pair);
  }
}

// A follower that is slow in reading it must not make the leader send all of its state at once. Whether it ever has all is not asked here.
TEST(Bounds, NoMoreChunksAreOnTheirWayThanWereCreditedAndTheWindow) {  // H1
  Config small;
  small.message_bytes_max = 1;  // a load balancer in each
  Pair pair(1, small);
  for (unsigned lb = 2; lb < 20; ++lb) pair.must(0, plug(lb_number(lb)));
  constexpr std::uint64_t kCredited = 2;
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  std::set<std::uint64_t> chunks;
  pair.on_delivery = [&](std::size_t to, Message& message) {
    const auto* chunk = std::get_if<SnapshotChunk>(&message.body);
    if (to == 1 && chunk != nullptr) chunks.insert(chunk->index);
    const auto* credit = std::get_if<SnapshotCredit>(&message.body);
    if (to == 0 && credit != nullptr && credit->next_index > kCredited) message.header.receiver_boot = 1;  // it never arrives
  };
  pair.tell(1, Resync{});
  pair.run(seconds(10));  // tried again and again
  EXPECT_EQ(chunks.size(), kCredited + small.snapshot_window);
  EXPECT_EQ(*chunks.rbegin(), kCredited + small.snapshot_window - 1);
}

// Lost at reunions long ago, of a load balancer that is gone.
std::vector<DroppedChange> a_full_list(std::uint64_t term) {
  std::vector<DroppedChange> list;
  for (std::uint64_t seq = 1; seq <= limits::kDroppedChangesMax; ++seq) {
    list.push_back({Term{term}, Seq{seq}, {}, encode(registration(lb_number(9), 1)), "long ago"});
  }
  return list;
}

std::size_t times_told(const World::Node& node) {
  const auto tells = [](const std::string& line) { return line.find("the list of lost changes is full") != std::string::npos; };
  return static_cast<std::size_t>(std::ranges::count_if(node.log, tells));
}

TEST(Bounds, TheOldestLostChangesMakeRoomForTheNewest) {  // H8
  Pair pair;
  pair.must(0, plug(lb_number(2)));
  ASSERT_TRUE(pair.run_until([&] { return pair.converged(); }));
  pair.crash(0);
  pair.crash(1);
  pair.nodes[0].disk.dropped = a_full_list(1);
  pair.nodes[1].disk.dropped = a_full_list(2);
  for (const std::size_t node : {0, 1}) pair.boot(node);
  ASSERT_NO_FATAL_FAILURE(part(pair));
  constexpr std::uint32_t kAlone = 5;
  for (std::uint32_t i = 0; i < kAlone; ++i) ASSERT_EQ(pair.must(0, registration(kLb, 10 + i)).durability, Durability::local);
  const auto free = registration(lb_number(2), 30);
  ASSERT_EQ(pair.must(0, free).durability, Durability::local);
  ASSERT_EQ(pair.must(1, registration(kLb, 20)).durability, Durability::local);  // what node 0 did to it is lost
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return times_told(pair.nodes[0]) > 0; }));
  EXPECT_EQ(pair.status(0).dropped, limits::kDroppedChangesMax) << "they are listed until the leader has them";
  ASSERT_TRUE(pair.run_until([&] { return pair.converged() && pair.status(1).leads && pair.status(0).dropped < limits::kDroppedChangesMax; }));
  pair.run(seconds(1));

  // The offered ones, and no others, were taken out again.
  const auto& here = pair.nodes[0].core->dropped();
  ASSERT_EQ(here.size(), limits::kDroppedChangesMax - (kAlone + 1));
  EXPECT_EQ(here.front().seq, Seq{kAlone + 2});
  EXPECT_EQ(here.back().seq, Seq{limits::kDroppedChangesMax});
  // ... and that is what the leader was asked for.
  EXPECT_FALSE(pair.nodes[1].core->applied().check(free)->changed);
  const auto& there = pair.nodes[1].core->dropped();
  ASSERT_EQ(there.size(), limits::kDroppedChangesMax);
  EXPECT_EQ(there.front().seq, Seq{kAlone + 1});
  for (std::uint32_t i = 0; i < kAlone; ++i) EXPECT_TRUE(is_listed(pair, 1, registration(kLb, 10 + i))) << i;
  for (const auto& node : pair.nodes) {
    EXPECT_EQ(times_told(node), 1U);
    EXPECT_EQ(node.disk.dropped, node.core->dropped());
  }
}

}  // namespace
}  // namespace distributor::replica::testing
