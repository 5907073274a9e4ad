// The side of a planned switchover that gives: nothing is risked before the peer answers for the VIPs too (H7).
#include "ha/switchover/switchover.hpp"

#include <gmock/gmock.h>

#include <functional>

namespace distributor::switchover {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string word(const Effect& effect) {
  struct Visitor {
    std::string operator()(const HandleClients& e) const {
      return e.clients == Clients::served ? "serve" : e.clients == Clients::held ? "hold" : "send away";
    }
    std::string operator()(const AskPeer&) const { return "ask"; }
    std::string operator()(const CallOff&) const { return "call off"; }
    std::string operator()(const Leave& e) const { return e.leave ? "leave" : "stay"; }
    std::string operator()(const Finished& e) const { return e.report.completed ? "done" : "failed: " + e.report.reason; }
    std::string operator()(const Refused& e) const { return "refused: " + e.reason; }
    std::string operator()(const Moving&) const { return "moving"; }
  };
  return std::visit(Visitor{}, effect);
}

struct SwitchoverTest : testing::Test {
  SwitchoverTest() { step(FactsChanged{owner()}); }
  static Facts owner() {
    Facts facts;
    facts.owner = facts.peer_alive = facts.peer_ready = true;
    facts.not_owner = "not the owner";
    facts.peer_missing = "the peer is missing";
    return facts;
  }
  static Facts with(const std::function<void(Facts&)>& change) {
    Facts facts = owner();
    change(facts);
    return facts;
  }
  static Facts drained() {
    return with([](Facts& f) { f.drained = true; });
  }
  std::vector<std::string> step(const Event& event) {
    std::vector<std::string> words;
    for (const auto& effect : machine.step(event, now)) words.push_back(word(effect));
    return words;
  }
  std::vector<std::string> pass_deadline() {
    now = machine.next_deadline();
    return step(Tick{});
  }
  void up_to_moving() {
    step(Begin{});
    step(FactsChanged{drained()});
    step(PeerAnswered{true, ""});
    ASSERT_EQ(machine.stage(), Stage::moving);
  }
  TimePoint now = 1000s;
  Switchover machine{Config{}};
};

TEST_F(SwitchoverTest, HoldsDrainsAsksMoves) {
  EXPECT_THAT(step(Begin{}), ElementsAre("hold"));
  EXPECT_THAT(step(FactsChanged{drained()}), ElementsAre("ask"));
  EXPECT_THAT(step(PeerAnswered{true, ""}), ElementsAre("moving", "send away", "leave"));
  EXPECT_THAT(step(FactsChanged{with([](Facts& f) { f.peer_owns = true; })}), IsEmpty()) << "keepalived here still says MASTER";
  EXPECT_THAT(step(FactsChanged{with([](Facts& f) { f.owner = false, f.backup = f.peer_owns = true; })}), ElementsAre("serve", "stay", "done"));
  EXPECT_EQ(machine.stage(), Stage::idle);
  EXPECT_EQ(machine.next_deadline(), TimePoint::max());
}

TEST_F(SwitchoverTest, ChangesAreHeldFarShorterThanAClientWaits) {
  const auto begun = now;
  step(Begin{});
  step(FactsChanged{drained()});
  step(PeerAnswered{true, ""});
  pass_deadline();
  EXPECT_LT(now - begun, 20s);
}

TEST_F(SwitchoverTest, IsRefusedWithTheReason) {
  step(FactsChanged{with([](Facts& f) { f.owner = false; })});
  EXPECT_THAT(step(Begin{}), ElementsAre("refused: not the owner"));
  for (const auto& change : {+[](Facts& f) { f.peer_alive = false; }, +[](Facts& f) { f.peer_ready = false; }}) {
    step(FactsChanged{with(change)});
    EXPECT_THAT(step(Begin{}), ElementsAre("refused: the peer is missing"));
  }
  step(FactsChanged{owner()});
  EXPECT_EQ(machine.why_not(), "");
  step(Begin{});
  EXPECT_THAT(step(Begin{}), ElementsAre(HasSubstr("under way")));
}

// What may go wrong before the peer's word: the owner goes on as if nothing had been.
TEST_F(SwitchoverTest, CallsOffBeforeThePeersWordWithoutAChange) {
  step(Begin{});
  EXPECT_THAT(pass_deadline(), ElementsAre("serve", HasSubstr("failed: changes in flight")));
  EXPECT_EQ(machine.stage(), Stage::idle);

  step(Begin{});
  EXPECT_THAT(step(FactsChanged{with([](Facts& f) { f.peer_ready = false; })}), ElementsAre("serve", "failed: the peer is missing"));

  step(FactsChanged{drained()});
  EXPECT_THAT(step(Begin{}), ElementsAre("hold")) << "drained before changes were held: one may be on its way";
  EXPECT_THAT(step(FactsChanged{drained()}), ElementsAre("ask"));
  EXPECT_THAT(step(PeerAnswered{false, "not in sync"}), ElementsAre("call off", "serve", "failed: not in sync"));
  EXPECT_THAT(step(PeerAnswered{true, ""}), IsEmpty()) << "a late word means nothing";

  step(Begin{});
  step(FactsChanged{drained()});
  EXPECT_THAT(pass_deadline(), ElementsAre("call off", "serve", HasSubstr("failed: the peer did not open its gate")));

  step(Begin{});
  step(FactsChanged{drained()});
  EXPECT_THAT(step(FactsChanged{with([](Facts& f) { f.owner = false; })}), ElementsAre("call off", "serve", HasSubstr("failed: ownership was lost")));
}

TEST_F(SwitchoverTest, TakesItBackIfKeepalivedDoesNotMove) {
  up_to_moving();
  EXPECT_THAT(pass_deadline(), ElementsAre("stay", "call off", "serve", HasSubstr("failed: keepalived did not move")));
}

TEST_F(SwitchoverTest, TakesItBackIfThePeerDiesOnTheWay) {
  up_to_moving();
  EXPECT_THAT(step(FactsChanged{with([](Facts& f) { f.peer_alive = f.peer_ready = false; })}),
              ElementsAre("stay", "call off", "serve", HasSubstr("failed: the peer is gone")));
}

TEST_F(SwitchoverTest, IsDoneIfKeepalivedMovedThoughThePeerIsSilent) {
  up_to_moving();
  step(FactsChanged{with([](Facts& f) { f.owner = f.peer_alive = f.peer_ready = false, f.backup = true; })});
  EXPECT_EQ(machine.stage(), Stage::moving);
  EXPECT_THAT(pass_deadline(), ElementsAre("serve", "stay", "done"));
}

}  // namespace
}  // namespace distributor::switchover
