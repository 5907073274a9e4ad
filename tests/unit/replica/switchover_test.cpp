// Changes while ownership is handed over in order: held, never half done, sent to the other node (H7).
#include <gmock/gmock.h>

#include "tests/unit/replica/pair_world.hpp"

namespace distributor::replica::testing {
namespace {

const LoadBalancerId kLb = lb_number(1);

struct Handover : ::testing::Test {
  Handover() {
    world.config.pair_id = "pair";
    world.boot(0);
    world.boot(1);
    world.give_ownership_to(0);
    EXPECT_TRUE(world.run_until([this] { return world.converged() && world.status(0).leads; }));
    const auto plugged = world.submit(0, plug(kLb));
    EXPECT_TRUE(world.run_until([&] { return world.answer(plugged).has_value(); }));
  }
  ~Handover() override {
    EXPECT_THAT(world.violations, ::testing::IsEmpty());
    EXPECT_THAT(world.answered_twice, ::testing::IsEmpty());
  }
  const ChangeAccepted* accepted(RequestHandle handle) const {
    const auto found = world.answers.find(handle);
    return found == world.answers.end() ? nullptr : std::get_if<ChangeAccepted>(&found->second.result);
  }
  const ChangeRefused* refused(RequestHandle handle) const {
    const auto found = world.answers.find(handle);
    return found == world.answers.end() ? nullptr : std::get_if<ChangeRefused>(&found->second.result);
  }
  World world{1};
};

TEST_F(Handover, InFlightChangesFinishAndNewOnesWait) {
  const auto in_flight = world.submit(0, registration(kLb, 1));
  EXPECT_FALSE(world.status(0).drained);
  world.hold_writes(0, Writes::held, seconds(4));
  const auto held = world.submit(0, registration(kLb, 2));
  ASSERT_TRUE(world.run_until([&] { return world.status(0).drained; }));
  ASSERT_NE(accepted(in_flight), nullptr);
  EXPECT_EQ(accepted(in_flight)->durability, Durability::pair);
  EXPECT_FALSE(world.answer(held).has_value());
  EXPECT_EQ(world.status(1).last, world.status(0).last);
  EXPECT_EQ(world.status(1).programmed, world.status(0).last);
  world.hold_writes(0, Writes::open, seconds(0));  // called off
  ASSERT_TRUE(world.run_until([&] { return world.answer(held).has_value(); }));
  ASSERT_NE(accepted(held), nullptr);
  EXPECT_EQ(accepted(held)->durability, Durability::pair);
}

TEST_F(Handover, HeldChangesAreSentAwayAndThePeerTakesThem) {
  world.hold_writes(0, Writes::held, seconds(4));
  const auto held = world.submit(0, registration(kLb, 2));
  ASSERT_TRUE(world.run_until([&] { return world.status(0).drained; }));
  world.hold_writes(0, Writes::moved, seconds(4));
  const auto late = world.submit(0, registration(kLb, 3));
  for (const auto handle : {held, late}) {
    ASSERT_NE(refused(handle), nullptr);
    EXPECT_EQ(refused(handle)->code, RefusalCode::moved);
  }
  const auto term = world.status(0).term;
  world.give_ownership_to(1);
  const auto replay = world.submit(1, registration(kLb, 2));  // at once: it waits for the term to be on disk
  ASSERT_TRUE(world.run_until([&] { return world.answer(replay).has_value(); }));
  ASSERT_NE(accepted(replay), nullptr);
  EXPECT_EQ(accepted(replay)->durability, Durability::pair);
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }));
  EXPECT_GT(world.status(1).term, term);
  EXPECT_TRUE(world.status(1).leads);
  EXPECT_EQ(world.status(0).writes, Writes::open);
}

// keepalived tells the new owner first: until the old one reads BACKUP too, nothing of its own past may raise a term against the new one.
TEST_F(Handover, TheOldOwnerDoesNotComeBackBeforeItReadsBackup) {
  world.own(0, Ownership::unknown);
  world.own(0, Ownership::master);  // an edge that reached a settled leader
  world.hold_writes(0, Writes::held, seconds(4));
  ASSERT_TRUE(world.run_until([&] { return world.status(0).drained; }));
  world.hold_writes(0, Writes::moved, seconds(4));
  world.own(1, Ownership::master);
  world.run(milliseconds(500));
  EXPECT_TRUE(world.status(1).leads);
  EXPECT_FALSE(world.status(0).leads);
  const auto term = world.status(1).term;
  world.own(0, Ownership::backup);
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }));
  EXPECT_TRUE(world.status(1).leads);
  EXPECT_EQ(world.status(1).term, term);
}

TEST_F(Handover, AHoldEndsByItself) {
  world.hold_writes(0, Writes::held, seconds(2));
  const auto held = world.submit(0, registration(kLb, 2));
  world.run(milliseconds(1900));
  EXPECT_FALSE(world.answer(held).has_value());
  ASSERT_TRUE(world.run_until([&] { return world.answer(held).has_value(); }, seconds(1)));
  EXPECT_NE(accepted(held), nullptr);
}

TEST_F(Handover, IsNotDrainedWhileThePeersOpenVSwitchLacksSomething) {
  world.nodes[1].ovs_works = false;
  world.submit(0, registration(kLb, 1));
  world.run(seconds(4));
  EXPECT_FALSE(world.status(0).drained);
}

TEST_F(Handover, ADeposedLeaderSendsWaitingClientsToTheNewOne) {
  world.set_link(false);
  const auto waiting = world.submit(0, registration(kLb, 1));
  world.run(milliseconds(100));
  world.give_ownership_to(1);
  world.run(seconds(3));  // the other one leads alone by now; here the change was answered local, or waits
  world.set_link(true);
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }));
  ASSERT_TRUE(world.answer(waiting).has_value());
  if (refused(waiting) != nullptr) {
    EXPECT_EQ(refused(waiting)->code, RefusalCode::moved);
  }
}

}  // namespace
}  // namespace distributor::replica::testing
