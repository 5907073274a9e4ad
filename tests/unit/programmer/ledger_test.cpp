// What is desired, what stands, what is under way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "openflow/programmer/detail/transaction.hpp"
#include "openflow/programmer/ledger.hpp"
#include "tests/unit/wire/facts_rules.hpp"
#include "tests/unit/wire/hex.hpp"

namespace distributor::test {
namespace {

using programmer::Ledger;
using programmer::Plan;
using programmer::ProgramErrorCode;
using programmer::Snapshot;
using programmer::detail::Transaction;
using ::testing::HasSubstr;

Rules flow_of(std::uint32_t port, std::uint32_t group) {
  return {{{0, 100, port, Match().in_port(port), {Action::group(group)}}}, {select_group(group, 2)}};
}

Snapshot standing(std::initializer_list<Rules> all) {
  Snapshot snapshot;
  for (const Rules& rules : all) {
    for (const auto& flow : rules.flows) snapshot.flows.push_back({flow, true, {}});
    for (const auto& group : rules.groups) snapshot.groups.push_back({group, true});
  }
  return snapshot;
}

void programmed(Ledger& ledger, const Plan& plan) {
  ledger.confirm(plan);
}

TEST(Ledger, PlansOnlyTheKeysThatChanged) {  // O4
  Ledger ledger;
  for (std::uint32_t key = 1; key <= 50; ++key) ASSERT_TRUE(ledger.set_desired(key, flow_of(key, key)));
  const Plan first = ledger.plan_touched();
  EXPECT_EQ(first.changes.size(), 100U);
  programmed(ledger, first);
  EXPECT_TRUE(ledger.plan_touched().empty());
  ASSERT_TRUE(ledger.set_desired(7, flow_of(7, 7)));
  EXPECT_FALSE(ledger.touched()) << "the same rules again touch nothing";
  Rules changed = flow_of(7, 7);
  changed.groups[0].buckets[0].actions = to_amphora(mac(9, 9));
  ASSERT_TRUE(ledger.set_desired(7, changed));
  EXPECT_EQ(ledger.plan_touched().changes.size(), 1U);
}

TEST(Ledger, TwoOwnersOfOneRuleAreAConflict) {
  Ledger ledger;
  ASSERT_TRUE(ledger.set_desired(1, flow_of(1, 1)));
  for (const Rules& rules : {flow_of(1, 2), flow_of(2, 1)}) {
    const auto refused = ledger.set_desired(2, rules);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ProgramErrorCode::conflict);
    EXPECT_THAT(refused.error().message, HasSubstr("owner 1 has it"));
  }
  Rules twice = flow_of(3, 3);
  twice.flows.push_back(twice.flows[0]);
  EXPECT_FALSE(ledger.set_desired(3, twice));
  ledger.remove(1);
  EXPECT_TRUE(ledger.set_desired(2, flow_of(1, 1))) << "given up by its owner";
}

TEST(Ledger, RuleThatChangesHandsInOneCommitIsNotDeleted) {  // O3
  Ledger ledger;
  ASSERT_TRUE(ledger.set_desired(1, flow_of(1, 1)));
  programmed(ledger, ledger.plan_touched());
  ledger.remove(1);
  ASSERT_TRUE(ledger.set_desired(2, flow_of(1, 1)));
  EXPECT_TRUE(ledger.plan_touched().empty());
}

TEST(Ledger, ReadBackDeletesForeignAndRepairsOwn) {  // O5
  Ledger ledger;
  ASSERT_TRUE(ledger.set_desired(1, flow_of(1, 1)));
  ASSERT_TRUE(ledger.set_desired(2, flow_of(2, 2)));
  const Plan plan = ledger.plan_all(standing({flow_of(1, 1), flow_of(9, 9)}));
  EXPECT_EQ(plan.changes.size(), 4U) << "2 added, 9 deleted";
  programmed(ledger, plan);
  EXPECT_TRUE(ledger.plan_all(standing({flow_of(1, 1), flow_of(2, 2)})).empty());
}

TEST(Ledger, RefusedOwnerIsSetAsideAndOthersGoOn) {
  Ledger ledger;
  ASSERT_TRUE(ledger.set_desired(1, flow_of(1, 1)));
  ASSERT_TRUE(ledger.set_desired(2, flow_of(2, 2)));
  ledger.roll_back(ledger.plan_touched(), {2});
  EXPECT_TRUE(ledger.refused(2));
  const Plan again = ledger.plan_touched();
  EXPECT_EQ(again.changes.size(), 2U);
  EXPECT_EQ(again.changes[0].owner, 1U);
  programmed(ledger, again);
  EXPECT_TRUE(ledger.plan_all(standing({flow_of(1, 1), flow_of(2, 2)})).empty())
      << "what stands under its names from before is left alone";
  ledger.retry_refused();
  ledger.forget_in_flight();
  EXPECT_FALSE(ledger.refused(2));
}

TEST(Ledger, ChangeDuringFlightIsPlannedAfterIt) {  // O3
  Ledger ledger;
  ASSERT_TRUE(ledger.set_desired(1, flow_of(1, 1)));
  const Plan flying = ledger.plan_touched();
  ledger.remove(1);
  EXPECT_TRUE(ledger.plan_touched().empty()) << "one plan of a key at a time";
  ledger.confirm(flying);
  EXPECT_EQ(ledger.plan_touched().changes.size(), 2U) << "flow and group are taken back";
}

TEST(Ledger, RepairConcernsWhatWasSeenAlone) {  // O5
  Ledger ledger;
  ASSERT_TRUE(ledger.set_desired(1, flow_of(1, 1)));
  ASSERT_TRUE(ledger.set_desired(2, flow_of(2, 2)));
  ledger.confirm(ledger.plan_touched());
  programmer::Sightings seen;
  seen.flows[flow_of(2, 2).flows.front().key()] = false;
  seen.groups[flow_of(1, 1).groups.front().id] = true;
  seen.groups[4711] = true;
  const auto plan = ledger.plan_repair(seen);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->changes.size(), 3U) << "put the flow, modify the group, delete the foreign one";
  EXPECT_EQ(plan->changes[0].kind, programmer::ChangeKind::modify_group);
  EXPECT_EQ(plan->changes[1].kind, programmer::ChangeKind::put_flow);
  EXPECT_EQ(plan->changes[2].kind, programmer::ChangeKind::delete_group);
  EXPECT_FALSE(ledger.plan_repair(seen)) << "one is under way";
  ledger.confirm(*plan);
  Rules changed = flow_of(2, 2);
  changed.groups[0].buckets[0].actions = to_amphora(mac(9, 9));
  ASSERT_TRUE(ledger.set_desired(2, changed));
  seen.groups.clear();
  EXPECT_FALSE(ledger.plan_repair(seen)) << "its owner is being changed";
}

TEST(Ledger, UrgentPlanConcernsItsKeyAlone) {  // H4
  Ledger ledger;
  ASSERT_TRUE(ledger.set_desired(1, flow_of(1, 1)));
  ASSERT_TRUE(ledger.set_desired(programmer::kBaseKey, {{{0, 0, 0, Match(), {}}}, {}}));
  EXPECT_EQ(ledger.plan_key(programmer::kBaseKey).changes.size(), 1U);
  EXPECT_EQ(ledger.plan_touched().changes.size(), 2U);
}

// --- one plan on the wire
// ----------------------------------------------------------------------------------------------------

struct Sent {
  std::vector<wire::Message> messages;
  std::vector<std::string> storage;
};

Sent sent(Transaction& transaction) {
  Sent out;
  out.storage = transaction.take_output();
  for (const std::string& piece : out.storage) {
    for (std::size_t at = 0; at < piece.size();) {
      const std::size_t length =
          static_cast<unsigned char>(piece[at + 2]) * 256U + static_cast<unsigned char>(piece[at + 3]);
      out.messages.push_back(*wire::decode_header(std::string_view(piece).substr(at, length)));
      at += length;
    }
  }
  return out;
}

wire::Message barrier_reply(std::uint32_t xid) {
  return {wire::kVersion, wire::MessageType::barrier_reply, xid, {}};
}

Plan plan_for(Ledger& ledger, std::uint32_t keys) {
  for (std::uint32_t key = 1; key <= keys; ++key) EXPECT_TRUE(ledger.set_desired(key, flow_of(key, key)));
  return ledger.plan_touched();
}

TEST(Transaction, OneChangeIsOneMessageAndABarrier) {  // the gate: exactly one flow-mod
  Ledger ledger;
  ASSERT_TRUE(ledger.set_desired(1, {{{0, 0, 0, Match(), {}}}, {}}));
  Transaction transaction(ledger.plan_touched(), 1000, 1);
  const Sent out = sent(transaction);
  ASSERT_EQ(out.messages.size(), 2U);
  EXPECT_EQ(out.messages[0].type, wire::MessageType::flow_mod);
  EXPECT_EQ(out.messages[1].type, wire::MessageType::barrier_request);
  EXPECT_TRUE(transaction.on_message(barrier_reply(out.messages[1].xid)));
  EXPECT_EQ(transaction.state(), Transaction::State::confirmed);
}

TEST(Transaction, CommitWaitsUntilEveryAddWasTaken) {  // O3
  Ledger ledger;
  Transaction transaction(plan_for(ledger, 2), 1000, 5);
  const Sent staged = sent(transaction);
  ASSERT_EQ(staged.messages.size(), 6U) << "open, 4 adds, barrier";
  EXPECT_EQ(staged.messages[0].type, wire::MessageType::bundle_control);
  EXPECT_EQ(staged.messages[1].type, wire::MessageType::bundle_add);
  EXPECT_TRUE(transaction.on_message(barrier_reply(staged.messages[5].xid)));
  const Sent committed = sent(transaction);
  ASSERT_EQ(committed.messages.size(), 2U) << "commit, barrier";
  const std::string reply = from_hex("0000000500050003");
  EXPECT_TRUE(
      transaction.on_message({wire::kVersion, wire::MessageType::bundle_control, committed.messages[0].xid, reply}));
  EXPECT_FALSE(transaction.finished()) << "only the barrier ends it";
  EXPECT_TRUE(transaction.on_message(barrier_reply(committed.messages[1].xid)));
  EXPECT_EQ(transaction.state(), Transaction::State::confirmed);
}

TEST(Transaction, RefusedAddIsDiscardedNotHalfCommitted) {  // O3
  Ledger ledger;
  Transaction transaction(plan_for(ledger, 2), 1000, 5);
  const Sent staged = sent(transaction);
  const std::string bad_out_group = from_hex("00020009");
  EXPECT_TRUE(
      transaction.on_message({wire::kVersion, wire::MessageType::error, staged.messages[4].xid, bad_out_group}));
  EXPECT_TRUE(transaction.on_message(barrier_reply(staged.messages[5].xid)));
  const Sent discard = sent(transaction);
  ASSERT_EQ(discard.messages.size(), 2U);
  EXPECT_EQ(wire::decode_bundle_control(discard.messages[0].body)->type, wire::BundleControl::discard_request);
  EXPECT_TRUE(transaction.on_message(barrier_reply(discard.messages[1].xid)));
  ASSERT_EQ(transaction.state(), Transaction::State::refused);
  EXPECT_EQ(transaction.culprits(), std::set<programmer::Key>{2});
  EXPECT_THAT(transaction.error().message,
              HasSubstr("OFPBAC_BAD_OUT_GROUP to \"put flow cookie=0x2,table=0,priority=100,in_port=2"));
  EXPECT_THAT(transaction.error().message, HasSubstr("bundle of 4 changes was rolled back"));
}

TEST(Transaction, GroupThatFitsNoMessageIsRefusedBeforeAnythingIsSent) {
  Ledger ledger;
  ASSERT_TRUE(ledger.set_desired(3, {{}, {select_group(1, 2000), select_group(2, 1)}}));
  Transaction transaction(ledger.plan_touched(), 1000, 5);
  EXPECT_EQ(transaction.state(), Transaction::State::refused);
  EXPECT_TRUE(transaction.take_output().empty());
  EXPECT_EQ(transaction.culprits(), std::set<programmer::Key>{3});
}

TEST(Transaction, CommitWithoutItsReplyIsNotConfirmed) {
  Ledger ledger;
  Transaction transaction(plan_for(ledger, 1), 1000, 5);
  const Sent staged = sent(transaction);
  EXPECT_TRUE(transaction.on_message(barrier_reply(staged.messages.back().xid)));
  const Sent committed = sent(transaction);
  EXPECT_TRUE(transaction.on_message(barrier_reply(committed.messages[1].xid)));
  EXPECT_EQ(transaction.state(), Transaction::State::refused);
  EXPECT_TRUE(transaction.culprits().empty());
}

TEST(Transaction, MessagesOfOthersAreNotItsOwn) {
  Ledger ledger;
  Transaction transaction(plan_for(ledger, 1), 1000, 5);
  EXPECT_FALSE(transaction.on_message(barrier_reply(999)));
  EXPECT_FALSE(transaction.on_message(barrier_reply(1000 + 7)));
}

}  // namespace
}  // namespace distributor::test
