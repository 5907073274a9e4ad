// Role machine when keepalived dies, is silent or loses lines, when the gatekeeper was in charge, and what must always
// hold.
#include <random>

#include "tests/unit/ha/role_fixture.hpp"

namespace distributor::role {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

SyncFacts peer_owning(SyncFacts facts) {
  facts.peer_vrrp_master = facts.peer_gate_open = true;
  return facts;
}

TEST_F(RoleTest, KeepalivedDiesAndThePeerOwns) {  // H5
  start(VrrpEvent::master, leader());
  EXPECT_THAT(step(KeepalivedDead{}), IsEmpty()) << "the peer has not said yet that it owns";
  EXPECT_THAT(step(SyncChanged{peer_owning(leader())}), ElementsAre("close", "delete address", "fault fresh"));
  EXPECT_THAT(step(SyncChanged{alone()}), IsEmpty()) << "the peer falls silent later: still closed";
  EXPECT_EQ(status().gate, Gate::closed);
  EXPECT_THAT(step(KeepalivedAlive{}), ElementsAre("query"));
  EXPECT_THAT(said(VrrpEvent::backup), ElementsAre("backup fresh"));
  EXPECT_THAT(said(VrrpEvent::master), ElementsAre("open", "announce", "master fresh"));
}

TEST_F(RoleTest, KeepalivedDiesAndThePeerIsSilent) {  // H5: go on serving
  start(VrrpEvent::master, alone());
  EXPECT_THAT(step(KeepalivedDead{}), IsEmpty());
  EXPECT_THAT(pass(60s), IsEmpty());
  EXPECT_EQ(status().gate, Gate::open);
  EXPECT_THAT(step(KeepalivedAlive{}), ElementsAre("query"));
  EXPECT_EQ(status().gate, Gate::open);
}

TEST_F(RoleTest, PeerThatIsMasterButDoesNotAnswerYetIsNoOwner) {
  start(VrrpEvent::master, leader());
  step(KeepalivedDead{});
  SyncFacts half = leader();
  half.peer_vrrp_master = true;
  EXPECT_THAT(step(SyncChanged{half}), IsEmpty());
  EXPECT_EQ(status().gate, Gate::open);
}

TEST_F(RoleTest, StopIsTakenLikeADeath) {  // H5
  start(VrrpEvent::master, leader());
  EXPECT_THAT(said(VrrpEvent::stop), IsEmpty());
  EXPECT_THAT(step(SyncChanged{peer_owning(leader())}), ElementsAre("close", "delete address", "fault fresh"));
  EXPECT_THAT(step(KeepalivedDead{}), IsEmpty()) << "once is enough";
}

TEST_F(RoleTest, ABackupWhoseKeepalivedDiesStaysClosed) {
  start(VrrpEvent::backup, follower());
  EXPECT_THAT(step(KeepalivedDead{}), Not(Contains("open")));
  EXPECT_THAT(step(SyncChanged{alone()}), IsEmpty());
  EXPECT_EQ(status().gate, Gate::closed);
}

TEST_F(RoleTest, AnUnansweredQuestionIsAskedAgain) {
  step(Tick{});
  EXPECT_THAT(step(KeepalivedAlive{}), ElementsAre("query"));
  EXPECT_THAT(pass(5s), Not(Contains("query"))) << "one question at a time";
  EXPECT_THAT(step(KeepalivedQueryFailed{}), IsEmpty());
  EXPECT_THAT(pass(1s), ElementsAre("query"));
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::unknown}), IsEmpty()) << "keepalived is just starting";
  EXPECT_THAT(pass(1s), ElementsAre("query"));
}

TEST_F(RoleTest, AnAnswerOlderThanALineIsDropped) {
  start(VrrpEvent::backup, follower());
  EXPECT_THAT(step(KeepalivedLineLost{}), ElementsAre("query"));
  said(VrrpEvent::master);
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::backup}), IsEmpty());
  EXPECT_EQ(status().gate, Gate::open);
}

TEST_F(RoleTest, ALostLineIsMadeUpForByAsking) {  // H5
  config_.audit_every = 10s;
  start(VrrpEvent::backup, follower());
  EXPECT_THAT(pass(10s), Contains("query"));
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::master}), ElementsAre("open", "announce", "master read"));
  EXPECT_THAT(pass(10s), Contains("query"));
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::master}), IsEmpty());
}

TEST_F(RoleTest, DeclaredDeadLooksAtEverythingAnew) {  // H12
  start(VrrpEvent::master, leader());
  EXPECT_THAT(step(DeclaredDead{}), ElementsAre("ready 0", "query"));
  EXPECT_EQ(status().gate, Gate::as_found);
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::backup}), ElementsAre("close", "backup read"));
  EXPECT_THAT(pass(1s), ElementsAre("ready 150"));
}

TEST_F(RoleTest, DeclaredDeadButStillMasterOpensAgain) {  // H12
  start(VrrpEvent::master, alone());
  step(DeclaredDead{});
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::master}), ElementsAre("open", "announce", "ready 150"));
}

TEST_F(RoleTest, AfterItStoodStillItAsksBeforeItAnnounces) {  // H12: the peer may own since
  config_.announce_refresh = 5s;
  start(VrrpEvent::master, leader());
  now_ += 60s;
  EXPECT_THAT(step(Tick{}), ElementsAre("query")) << "the refresh is due, but who owns?";
  EXPECT_THAT(step(SyncChanged{alone()}), Not(Contains("refresh")));
  EXPECT_THAT(step(SyncChanged{leader()}), Not(Contains("healed")));
  EXPECT_THAT(said(VrrpEvent::backup), ElementsAre("close", "backup fresh"));
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::backup}), IsEmpty());
}

TEST_F(RoleTest, AfterItStoodStillAndStillOwnsItGoesOn) {
  config_.announce_refresh = 5s;
  start(VrrpEvent::master, leader());
  now_ += 60s;
  EXPECT_THAT(step(Tick{}), ElementsAre("query"));
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::master}), ElementsAre("refresh"));
}

TEST_F(RoleTest, StandaloneAlwaysOwns) {  // H9
  config_.standalone = true;
  EXPECT_THAT(step(Tick{}), ElementsAre("open", "announce", "master fresh"));
  EXPECT_THAT(step(HealthChanged{}), IsEmpty());
  EXPECT_THAT(pass(60s), IsEmpty());
  EXPECT_TRUE(status().owner);
}

// Random events; the test keeps its own idea of keepalived's state and of the gate.
class Walk : public RoleTest {
 protected:
  enum class Told { nothing, owner, other };

  Event draw() {
    const auto any = [this] { return random_() % 2 == 0; };
    switch (random_() % 14) {
      case 0:
        return Tick{};
      case 1:
        return KeepalivedSaid{VrrpEvent::master};
      case 2:
        return KeepalivedSaid{VrrpEvent::backup};
      case 3:
        return KeepalivedSaid{static_cast<VrrpEvent>(random_() % 6)};
      case 4:
        return KeepalivedDead{};
      case 5:
        return KeepalivedAlive{};
      case 6:
        return DeclaredDead{};
      case 7:
        return LeaveWanted{any()};
      case 8:
        return KeepalivedLineLost{};
      case 9:
        return ReadinessWriteFailed{};
      case 10:
        return HealthChanged{{any(), any(), any(), static_cast<std::uint32_t>(random_() % 4), 3}};
      default: {
        SyncFacts facts;
        for (bool* flag :
             {&facts.evaluated, &facts.negotiating, &facts.entitled, &facts.leads, &facts.in_sync, &facts.has_history,
              &facts.peer_alive, &facts.peer_vrrp_master, &facts.peer_gate_open, &facts.peer_ready}) {
          *flag = any();
        }
        facts.peer_links_up = static_cast<std::uint32_t>(random_() % 4);
        sync_ = facts;
        return SyncChanged{facts};
      }
    }
  }

  void follow(const Event& event) {
    if (const auto* said = std::get_if<KeepalivedSaid>(&event)) {
      if (said->event == VrrpEvent::master) told_ = Told::owner;
      if (said->event == VrrpEvent::backup || said->event == VrrpEvent::fault) told_ = Told::other;
      if (said->event == VrrpEvent::stop) told_ = Told::nothing;
    } else if (std::holds_alternative<KeepalivedDead>(event)) {
      told_ = Told::nothing;
    } else if (std::holds_alternative<DeclaredDead>(event)) {
      told_ = Told::nothing;
      gate_ = Gate::as_found;
    }
  }

  void check(const Words& words, int seed) {
    const auto at = [&](const char* word) { return std::find(words.begin(), words.end(), word) - words.begin(); };
    for (const std::string& text : words) {
      if (text == "open") gate_ = Gate::open;
      if (text == "close") gate_ = Gate::closed;
      if (text == "announce" || text == "repeat" || text == "refresh" || text == "healed") {
        EXPECT_EQ(gate_, Gate::open) << "announced behind a closed gate, seed " << seed;
      }
    }
    const bool peer_owns = sync_.peer_alive && sync_.peer_vrrp_master && sync_.peer_gate_open;
    if (gate_ == Gate::open) {
      EXPECT_NE(told_, Told::other) << "seed " << seed;
      if (told_ == Told::nothing && down_) {
        EXPECT_FALSE(peer_owns) << "keepalived is down, the peer owns, and the gate is open; seed " << seed;
      }
      if (told_ == Told::owner) {
        EXPECT_TRUE(sync_.has_history) << "seed " << seed;
      }
    }
    if (at("open") < std::ssize(words) && at("master fresh") < std::ssize(words)) {
      EXPECT_LT(at("open"), at("announce"));
      EXPECT_LT(at("announce"), at("master fresh"));
    }
    EXPECT_EQ(status().gate, gate_) << "seed " << seed;
  }

  std::mt19937 random_;
  SyncFacts sync_;
  Told told_ = Told::nothing;
  bool down_ = false;
  Gate gate_ = Gate::as_found;
};

TEST_F(Walk, OpenGateMeansOwnerOrNobodyElseKnownToOwn) {  // H5, H12
  config_.announce_refresh = 5s;
  config_.announce_rounds = 3;
  for (int seed = 0; seed < 300; ++seed) {
    machine_.reset();
    random_.seed(static_cast<unsigned>(seed));
    sync_ = {};
    told_ = Told::nothing;
    down_ = false;
    gate_ = Gate::as_found;
    for (int i = 0; i < 300 && !HasFailure(); ++i) {
      const Event event = draw();
      follow(event);
      const auto* said = std::get_if<KeepalivedSaid>(&event);
      if (std::holds_alternative<KeepalivedDead>(event) || (said && said->event == VrrpEvent::stop)) down_ = true;
      if (told_ != Told::nothing) down_ = false;
      Words words = step(event);
      check(words, seed);
      if (std::find(words.begin(), words.end(), "query") != words.end()) step(KeepalivedQueryFailed{});
      now_ += std::chrono::milliseconds(random_() % 700);
    }
  }
}

}  // namespace
}  // namespace distributor::role
