// Who leads after a contact: the rules of decision.hpp, and that both nodes come to the same answer (H13).
#include "sync/replica/detail/decision.hpp"

#include <gtest/gtest.h>

#include <random>

namespace distributor::replica {
namespace {

Hello hello(const char* node, std::uint64_t last) {
  Hello one;
  one.node_id = NodeId::parse(node).value();
  one.ever_synced = true;
  one.last.seq = Seq{last};
  return one;
}

HelloAnswer holds(bool floor, bool ceiling) { return {1, floor, ceiling}; }

TEST(Decision, AnOldDiskThatOwnsGivesWayToTheNodeWhoseCeilingItLacks) {
  auto old_disk = hello("node-b", 40);
  old_disk.vrrp_master = old_disk.leads = true;
  const auto good = hello("node-a", 7);
  // The good one crashed before it wrote down that change 7 was acknowledged: its floor is in the old disk's history.
  const auto decision = decide_leader({old_disk, holds(true, false)}, {good, holds(true, true)});
  EXPECT_EQ(decision.leader, good.node_id);
  EXPECT_FALSE(decision.double_fault);
}

TEST(Decision, OfTwoThatLackEachOthersCeilingTheOnePairedLaterLeads) {
  auto earlier = hello("node-b", 90);
  earlier.pairing.term = Term{4};
  earlier.pairing.ceiling.seq = Seq{60};
  auto later = hello("node-a", 50);
  later.pairing.term = Term{7};
  later.pairing.ceiling.seq = Seq{50};
  auto decision = decide_leader({earlier, holds(true, false)}, {later, holds(true, false)});
  EXPECT_EQ(decision.leader, later.node_id);
  EXPECT_TRUE(decision.below_floor);
  EXPECT_FALSE(decision.double_fault) << "nothing that is known to be on both disks is missing";
  decision = decide_leader({earlier, holds(true, false)}, {later, holds(false, false)});
  EXPECT_EQ(decision.leader, later.node_id);
  EXPECT_TRUE(decision.double_fault) << "the leader lacks what the other knows to be on both disks";
}

TEST(Decision, WhatANeverSyncedNodeSaysDoesNotCount) {
  auto fresh = hello("node-b", 0);
  fresh.ever_synced = false;
  fresh.vrrp_master = true;
  const auto good = hello("node-a", 7);
  EXPECT_EQ(decide_leader({fresh, holds(false, false)}, {good, holds(false, false)}).leader, good.node_id);
}

TEST(Decision, IsTheSameFromBothSides) {
  std::mt19937_64 random(20);  // NOLINT: the same every time
  const auto bit = [&] { return random() % 2 == 0; };
  const auto any = [&](const char* node) {
    auto one = hello(node, random() % 3);
    one.ever_synced = random() % 4 != 0;
    one.leads = bit();
    one.vrrp_master = bit();
    one.last.term = Term{random() % 3};
    one.pair_floor.seq = Seq{random() % 3};
    one.pairing.term = Term{random() % 3};
    one.pairing.ceiling.seq = Seq{random() % 3};
    return one;
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto a = any("node-a");
    const auto b = any("node-b");
    const Candidate one{a, holds(bit(), bit())};
    const Candidate other{b, holds(bit(), bit())};
    const auto here = decide_leader(one, other);
    const auto there = decide_leader(other, one);
    ASSERT_EQ(here.leader, there.leader);
    ASSERT_EQ(here.double_fault, there.double_fault);
    ASSERT_EQ(here.below_floor, there.below_floor);
    ASSERT_EQ(here.init_together, there.init_together);
  }
}

}  // namespace
}  // namespace distributor::replica
