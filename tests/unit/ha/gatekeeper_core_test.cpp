#include <gmock/gmock.h>

#include <random>

#include "ha/gatekeeper/core.hpp"

namespace distributor::gatekeeper {
namespace {

using namespace std::chrono_literals;
using keepalived::VrrpEvent;
using keepalived::VrrpState;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

std::string word(const Effect& effect) {
  struct Visitor {
    std::string operator()(const SendReply& e) const { return e.reply.declared_dead ? "reply dead" : "reply"; }
    std::string operator()(const FollowFifo& e) const { return e.on ? "follow" : "hold"; }
    std::string operator()(const QueryKeepalived&) const { return "query"; }
    std::string operator()(const ClearReadiness&) const { return "clear"; }
    std::string operator()(const CloseGate&) const { return "close"; }
    std::string operator()(const LogLine&) const { return ""; }
  };
  return std::visit(Visitor{}, effect);
}

using Words = std::vector<std::string>;

class GatekeeperCore : public testing::Test {
 protected:
  Words step(const Event& event) {
    if (!core_) core_.emplace(config_, now_);
    Words words;
    for (const Effect& effect : core_->step(event, now_)) {
      if (const auto* reply = std::get_if<SendReply>(&effect)) reply_ = reply->reply;
      if (auto text = word(effect); !text.empty()) words.push_back(std::move(text));
    }
    return words;
  }
  Words beat(VrrpState state = VrrpState::master) {
    return step(BeatReceived{Beat{++seq_, reply_.episode, state, state == VrrpState::master}});
  }
  Words pass(Duration time) {
    const TimePoint end = now_ + time;
    Words words;
    while (core_->next_deadline() <= end) {
      now_ = std::max(now_, core_->next_deadline());
      for (auto& text : step(Tick{})) words.push_back(std::move(text));
    }
    now_ = end;
    return words;
  }

  CoreConfig config_;
  TimePoint now_ = 500s;
  std::optional<Core> core_;
  std::uint64_t seq_ = 0;
  Reply reply_;
};

TEST_F(GatekeeperCore, WithinTheGraceNothingMoves) {  // H12, O4
  EXPECT_THAT(beat(), ElementsAre("reply"));
  EXPECT_THAT(pass(1999ms), IsEmpty());
  EXPECT_THAT(beat(), ElementsAre("reply"));
  EXPECT_THAT(pass(1999ms), IsEmpty());
  EXPECT_FALSE(core_->in_charge());
}

TEST_F(GatekeeperCore, PastTheGraceReadinessGoesAndTheGateWhenThePeerOwns) {  // H12
  beat();
  EXPECT_THAT(pass(2s), ElementsAre("follow", "query", "clear"));
  EXPECT_THAT(step(ReadinessCleared{true}), IsEmpty());
  EXPECT_THAT(step(KeepalivedAlive{}), IsEmpty());
  EXPECT_THAT(step(KeepalivedSaid{VrrpEvent::priority_changed}), IsEmpty());
  for (int i = 0; i < 30; ++i) {
    EXPECT_THAT(step(KeepalivedQueried{VrrpState::master}), IsEmpty()) << "still MASTER: nobody else answers";
    EXPECT_THAT(pass(2s), ElementsAre("query"));
  }
  EXPECT_THAT(step(KeepalivedSaid{VrrpEvent::backup}), ElementsAre("close"));
  EXPECT_THAT(step(GateClosed{true}), IsEmpty());
  EXPECT_THAT(pass(60s), IsEmpty());
  EXPECT_THAT(step(KeepalivedSaid{VrrpEvent::fault}), IsEmpty()) << "once is enough";
}

TEST_F(GatekeeperCore, AnyWayOfLosingMasterClosesTheGate) {  // H12
  const std::vector<Event> ways = {KeepalivedSaid{VrrpEvent::backup}, KeepalivedSaid{VrrpEvent::fault},
                                   KeepalivedSaid{VrrpEvent::stop}, KeepalivedDead{}};
  for (const Event& way : ways) {
    core_.reset();
    step(Tick{});
    beat();
    pass(2s);
    EXPECT_THAT(step(way), ElementsAre("close")) << way.index();
  }
}

TEST_F(GatekeeperCore, WithoutALineTheDaemonsLastWordCounts) {  // H12
  beat(VrrpState::backup);
  EXPECT_THAT(pass(2s), ElementsAre("follow", "clear", "close"));
}

TEST_F(GatekeeperCore, WithoutADaemonFromTheStart) {  // H12
  step(Tick{});
  EXPECT_THAT(pass(2s), ElementsAre("follow", "query", "clear"));
  step(ReadinessCleared{true});
  EXPECT_THAT(pass(2s), ElementsAre("query")) << "no answer yet";
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::backup}), ElementsAre("close"));
}

TEST_F(GatekeeperCore, ALineThatTheDaemonReadAndNeverPassedOnIsFoundOutByAsking) {  // H12
  beat(VrrpState::master);  // it read BACKUP after this beat, and hung
  EXPECT_THAT(pass(2s), ElementsAre("follow", "query", "clear"));
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::backup}), ElementsAre("close"));
}

TEST_F(GatekeeperCore, AKeepalivedThatAnswersNothingCountsAsDead) {  // H12: hung, its FIFO still open
  beat();
  pass(2s);
  step(ReadinessCleared{true});
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(step(KeepalivedSilent{}), IsEmpty()) << i;
    EXPECT_THAT(pass(2s), ElementsAre("query")) << i;
  }
  EXPECT_THAT(step(KeepalivedSilent{}), ElementsAre("close"));
}

TEST_F(GatekeeperCore, AnAnswerOrALineEndsTheSilence) {
  const std::vector<Event> signs = {KeepalivedQueried{VrrpState::master}, KeepalivedSaid{VrrpEvent::master}};
  for (const Event& sign : signs) {
    core_.reset();
    step(Tick{});
    beat();
    pass(2s);
    step(KeepalivedSilent{});
    pass(5s);
    step(sign);
    pass(5s);
    EXPECT_THAT(step(KeepalivedSilent{}), Not(Contains("close")));
  }
}

TEST_F(GatekeeperCore, FailuresAreRetriedWithinBoundsUntilSuccess) {  // H12
  beat(VrrpState::backup);
  pass(2s);
  EXPECT_THAT(pass(60s), IsEmpty()) << "one attempt at a time";
  step(ReadinessCleared{true});
  std::vector<Duration> waits;
  for (int i = 0; i < 7; ++i) {
    EXPECT_THAT(step(GateClosed{false}), IsEmpty());
    const TimePoint failed = now_;
    Words words;
    while (words.empty()) words = pass(50ms);
    EXPECT_THAT(words, ElementsAre("close"));
    waits.push_back(now_ - failed);
  }
  EXPECT_THAT(waits, ElementsAre(100ms, 200ms, 400ms, 800ms, 1600ms, 2s, 2s));
  EXPECT_THAT(step(GateClosed{true}), IsEmpty());
  EXPECT_THAT(pass(60s), IsEmpty());
}

TEST_F(GatekeeperCore,
       MasterAgainBeforeTheGateIsClosedDoesNotSaveIt) {  // H12: its registry may have missed changes meanwhile
  beat();
  pass(2s);
  step(ReadinessCleared{true});
  step(KeepalivedSaid{VrrpEvent::backup});
  step(GateClosed{false});
  step(KeepalivedSaid{VrrpEvent::master});
  EXPECT_THAT(pass(200ms), ElementsAre("close"));
}

TEST_F(GatekeeperCore, ADaemonThatComesBackIsInChargeAndIsTold) {  // H12
  beat();
  pass(2s);
  step(ReadinessCleared{false});
  step(KeepalivedSaid{VrrpEvent::backup});
  step(GateClosed{false});
  EXPECT_THAT(beat(), ElementsAre("hold", "reply dead"));
  EXPECT_THAT(step(GateClosed{false}), IsEmpty());
  EXPECT_THAT(pass(1900ms), IsEmpty()) << "no retries any more";
  EXPECT_THAT(beat(), ElementsAre("reply")) << "it has taken note";
}

TEST_F(GatekeeperCore, ADaemonThatReadsNoAnswersStaysUntold) {
  beat();
  pass(2s);
  const Reply before = reply_;
  EXPECT_THAT(beat(), Contains("reply dead"));
  reply_ = before;  // the answer was lost
  EXPECT_THAT(beat(), ElementsAre("reply dead"));
  EXPECT_THAT(beat(), ElementsAre("reply"));
}

TEST_F(GatekeeperCore, ALaterDaemonIsNotToldOfAnOldDeath) {  // O4: its restart within the grace must stay unnoticed
  beat();
  pass(2s);
  beat();
  beat();
  reply_ = {};  // a new process
  EXPECT_THAT(beat(), ElementsAre("reply"));
}

TEST_F(GatekeeperCore, TimeInWhichItDidNotRunItselfDoesNotCount) {  // H12: a paused machine is no dead daemon
  beat();
  pass(1s);
  now_ += 60s;
  EXPECT_THAT(step(Tick{}), IsEmpty());
  EXPECT_THAT(pass(600ms), IsEmpty()) << "the daemon gets the rest of its grace";
  EXPECT_THAT(pass(500ms), Contains("clear"));
}

TEST_F(GatekeeperCore, GraceIsConfigurable) {
  config_.grace = 300ms;
  beat();
  EXPECT_THAT(pass(299ms), IsEmpty());
  EXPECT_THAT(pass(1ms), Contains("clear"));
}

TEST_F(GatekeeperCore, RandomWalkNeverClosesUnderALivingDaemonOrAMaster) {  // H12
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    core_.reset();
    reply_ = {};
    step(Tick{});
    TimePoint last_beat = now_;
    bool left_master = false;
    for (int i = 0; i < 300; ++i) {
      Words words;
      Event event = Tick{};
      const auto draw = random() % 8;
      if (draw == 0) {
        const auto state = static_cast<VrrpState>(random() % 5);
        words = beat(state);
        last_beat = now_;
        left_master = state != VrrpState::master && state != VrrpState::unknown;
      } else {
        if (draw == 1) event = KeepalivedSaid{static_cast<VrrpEvent>(random() % 6)};
        if (draw == 2) event = KeepalivedDead{};
        if (draw == 3) event = GateClosed{random() % 2 == 0};
        if (draw == 4) event = ReadinessCleared{random() % 2 == 0};
        if (draw == 5) event = KeepalivedQueried{static_cast<VrrpState>(random() % 5)};
        const auto* said = std::get_if<KeepalivedSaid>(&event);
        const auto* asked = std::get_if<KeepalivedQueried>(&event);
        left_master |= draw == 2 ||
                       (said && static_cast<int>(said->event) >= 1 && static_cast<int>(said->event) <= 3) ||
                       (asked && static_cast<int>(asked->state) >= 2);
        words = step(event);
      }
      if (now_ - last_beat < 2s) {
        ASSERT_THAT(words, Not(Contains("clear")));
        ASSERT_THAT(words, Not(Contains("close")));
      }
      if (!left_master) {
        ASSERT_THAT(words, Not(Contains("close")));
      }
      now_ += std::chrono::milliseconds(random() % 400);
    }
  }
}

TEST(GatekeeperProtocol, MessagesSurviveTheWire) {
  const Beat beat{7, 0xfedcba9876543210ULL, VrrpState::master, true};
  EXPECT_EQ(decode_beat(encode(beat)), beat);
  const Reply reply{8, 9, true, false};
  EXPECT_EQ(decode_reply(encode(reply)), reply);
  EXPECT_EQ(decode_reply(encode(beat)), std::nullopt);
  EXPECT_EQ(decode_beat(encode(reply)), std::nullopt);
}

TEST(GatekeeperProtocol, GarbageIsNoMessage) {  // X3
  std::mt19937 random(3);
  const auto good = encode(Beat{1, 2, VrrpState::backup, false});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(decode_beat(std::span(good).first(size)), std::nullopt);
  }
  for (const std::size_t at : {0U, 3U, 4U, 5U, 6U, 7U}) {
    auto bad = good;
    bad[at] = 0xff;
    EXPECT_EQ(decode_beat(bad), std::nullopt) << at;
  }
  for (int i = 0; i < 10'000; ++i) {
    std::vector<std::uint8_t> noise(random() % 64);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
    EXPECT_EQ(decode_beat(noise), std::nullopt);
    EXPECT_EQ(decode_reply(noise), std::nullopt);
  }
}

}  // namespace
}  // namespace distributor::gatekeeper
