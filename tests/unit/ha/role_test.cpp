#include "ha/role/role.hpp"

#include "tests/unit/ha/role_fixture.hpp"

namespace distributor::role {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_F(RoleTest, TakeoverIsGateThenAnnouncementsThenTerm) {  // H4, H5, D5
  start(VrrpEvent::backup, follower());
  EXPECT_EQ(status().gate, Gate::closed);
  EXPECT_THAT(said(VrrpEvent::master), ElementsAre("open", "announce", "master fresh"));
  EXPECT_TRUE(status().owner);
  EXPECT_EQ(status().takeovers, 1U);
  EXPECT_THAT(said(VrrpEvent::backup), ElementsAre("close", "backup fresh"));
  EXPECT_FALSE(status().owner);
}

TEST_F(RoleTest, FaultClosesTheGate) {  // H5
  start(VrrpEvent::master, leader());
  EXPECT_THAT(said(VrrpEvent::fault), ElementsAre("close", "fault fresh"));
}

TEST_F(RoleTest, PriorityLinesChangeNothing) {
  start(VrrpEvent::master, leader());
  EXPECT_THAT(said(VrrpEvent::priority_changed), IsEmpty());
  EXPECT_THAT(said(VrrpEvent::master), IsEmpty()) << "the same state once more";
}

TEST_F(RoleTest, AnnouncementsAreRepeatedAndRefreshed) {  // D5
  config_.announce_rounds = 3;
  config_.announce_interval = 500ms;
  config_.announce_refresh = 5s;
  start(VrrpEvent::backup, follower());
  EXPECT_THAT(said(VrrpEvent::master), Contains("announce"));
  EXPECT_THAT(pass(499ms), IsEmpty());
  EXPECT_THAT(pass(1s), ElementsAre("repeat", "repeat"));
  EXPECT_THAT(pass(3s), IsEmpty());
  EXPECT_THAT(pass(10s), ElementsAre("refresh", "refresh"));
  said(VrrpEvent::backup);
  EXPECT_THAT(pass(60s), IsEmpty()) << "a backup announces nothing";
}

TEST_F(RoleTest, AnnouncesAgainWhenAPartitionHeals) {  // H8
  start(VrrpEvent::master, alone());
  EXPECT_THAT(step(SyncChanged{leader()}), ElementsAre("healed"));
  SyncFacts rival = leader();
  rival.peer_vrrp_master = rival.peer_gate_open = true;
  EXPECT_THAT(step(SyncChanged{rival}), IsEmpty());
  EXPECT_THAT(step(SyncChanged{leader()}), ElementsAre("healed")) << "the other master gave way";
  EXPECT_THAT(said(VrrpEvent::rx_lower_priority), ElementsAre("healed"));
  said(VrrpEvent::backup);
  EXPECT_THAT(said(VrrpEvent::rx_lower_priority), IsEmpty());
}

// ---- start

TEST_F(RoleTest, RestartWithinTheGraceChangesNothing) {  // O4, H12
  config_.readiness_found = 150;
  EXPECT_THAT(step(Tick{}), IsEmpty());
  EXPECT_THAT(step(KeepalivedAlive{}), ElementsAre("query"));
  EXPECT_THAT(step(HealthChanged{{true, false, false, 0, 3}}), IsEmpty())
      << "OVS is not connected yet: readiness stays";
  SyncFacts negotiating = alone();
  negotiating.evaluated = negotiating.entitled = negotiating.leads = false;
  EXPECT_THAT(step(SyncChanged{negotiating}), IsEmpty());
  // The state was asked for, no transition was seen: the gate is what it was, and no term is raised.
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::master}), ElementsAre("open", "announce", "master read"));
  EXPECT_THAT(pass(500ms), IsEmpty());
  step(HealthChanged{healthy()});
  EXPECT_THAT(step(SyncChanged{leader()}), IsEmpty());
  EXPECT_EQ(status().readiness, 150);
  EXPECT_EQ(status().gate, Gate::open);
}

TEST_F(RoleTest, GateIsLeftAsFoundUntilTheStateIsKnown) {  // O4
  step(Tick{});
  step(HealthChanged{healthy()});
  EXPECT_THAT(step(SyncChanged{leader()}), Not(Contains("close")));
  EXPECT_EQ(status().gate, Gate::as_found);
  step(KeepalivedAlive{});
  EXPECT_EQ(status().gate, Gate::as_found);
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::backup}), ElementsAre("close", "backup read", "ready 0"));
  EXPECT_THAT(pass(2s), ElementsAre("ready 150"));
}

TEST_F(RoleTest, ATransitionThatWaitedInTheFifoIsFresh) {  // H5: the term must be raised for it
  step(Tick{});
  step(KeepalivedAlive{});
  step(HealthChanged{healthy()});
  step(SyncChanged{alone()});
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::master}), Contains("master read"));
  EXPECT_THAT(said(VrrpEvent::master), ElementsAre("announce", "master fresh"));
  EXPECT_THAT(said(VrrpEvent::master), IsEmpty());
}

TEST_F(RoleTest, ALineWithoutAStateThatWaitedInTheFifoDoesNotKeepItFromAsking) {  // H5: a standby that was told to end and comes back
  step(Tick{});
  EXPECT_THAT(said(VrrpEvent::priority_changed), ElementsAre("query"));
  EXPECT_THAT(step(KeepalivedAlive{}), IsEmpty()) << "asked already";
  EXPECT_THAT(step(KeepalivedQueried{VrrpState::backup}), Contains("close"));
}

TEST_F(RoleTest, NothingToGoByAtTheEndOfTheGraceIsNotReady) {  // H6
  config_.readiness_found = 150;
  step(Tick{});
  EXPECT_THAT(pass(3999ms), IsEmpty());
  EXPECT_THAT(pass(1ms), ElementsAre("ready 0"));
}

TEST_F(RoleTest, NeverSyncedAndEmptyDoesNotAnswer) {  // H13
  step(Tick{});
  step(KeepalivedAlive{});
  step(HealthChanged{healthy()});
  SyncFacts empty = alone();
  empty.entitled = empty.leads = empty.has_history = false;
  empty.why_not = "never in sync";
  step(SyncChanged{empty});
  EXPECT_THAT(said(VrrpEvent::master), ElementsAre("close", "master fresh", "ready 0"));
  EXPECT_EQ(status().readiness_reason, "never in sync");
  EXPECT_THAT(step(SyncChanged{alone()}), ElementsAre("open", "announce", "ready 150")) << "it was told to begin alone";
}

// ---- readiness

struct ReadinessCase {
  const char* description;
  VrrpEvent state;
  SyncFacts sync;
  HealthFacts health;
  int value;
  const char* reason;
};

TEST_F(RoleTest, ReadinessTable) {  // H6, H13
  const auto change = [](auto facts, auto set) {
    set(facts);
    return facts;
  };
  const std::vector<ReadinessCase> cases = {
      {"leader", VrrpEvent::master, leader(), healthy(), 150, "leader"},
      {"follower in sync", VrrpEvent::backup, follower(), healthy(), 150, "in sync"},
      {"alone", VrrpEvent::master, alone(), healthy(), 150, ""},
      {"leader whose store fails", VrrpEvent::master, leader(), change(healthy(), [](auto& h) { h.store_ok = false; }),
       0, "store"},
      {"leader without OVS", VrrpEvent::master, leader(), change(healthy(), [](auto& h) { h.ovs_connected = false; }),
       0, "Open vSwitch"},
      {"alone without OVS", VrrpEvent::master, alone(), change(healthy(), [](auto& h) { h.ovs_connected = false; }), 0,
       "Open vSwitch"},
      {"OVS that stays behind", VrrpEvent::backup, follower(),
       change(healthy(), [](auto& h) { h.ovs_programmed = false; }), 0, "lags"},
      {"follower that lacks entries", VrrpEvent::backup, change(follower(), [](auto& s) { s.in_sync = false; }),
       healthy(), 0, "not in sync"},
      {"not entitled", VrrpEvent::backup,
       change(follower(),
              [](auto& s) {
                s.entitled = false;
                s.why_not = "lacks entries committed by the pair";
              }),
       healthy(), 0, "lacks entries"},
      {"fenced master", VrrpEvent::master, change(leader(), [](auto& s) { s.entitled = s.leads = s.in_sync = false; }),
       healthy(), 0, "not entitled"},
      {"follower with a link less than the leader", VrrpEvent::backup, follower(),
       change(healthy(), [](auto& h) { h.links_up = 2; }), 0, "2 of 3"},
      {"follower with as many links as the leader that lacks one", VrrpEvent::backup,
       change(follower(), [](auto& s) { s.peer_links_up = 2; }), change(healthy(), [](auto& h) { h.links_up = 2; }),
       150, ""},
      {"leader with a link less than a ready peer", VrrpEvent::master, leader(),
       change(healthy(), [](auto& h) { h.links_up = 2; }), 0, "2 of 3"},
      {"leader with a link less than a peer that is not ready", VrrpEvent::master,
       change(leader(), [](auto& s) { s.peer_ready = false; }), change(healthy(), [](auto& h) { h.links_up = 2; }), 150,
       ""},
      {"leader that lacks a link like the peer", VrrpEvent::master,
       change(leader(), [](auto& s) { s.peer_links_up = 2; }), change(healthy(), [](auto& h) { h.links_up = 2; }), 150,
       ""},
      {"alone without any link", VrrpEvent::master, alone(), change(healthy(), [](auto& h) { h.links_up = 0; }), 150,
       ""},
  };
  for (const ReadinessCase& c : cases) {
    machine_.reset();
    start(c.state, c.state == VrrpEvent::master ? leader() : follower());
    step(SyncChanged{c.sync});
    step(HealthChanged{c.health});
    pass(5s);
    EXPECT_EQ(status().readiness, c.value) << c.description;
    EXPECT_THAT(status().readiness_reason, HasSubstr(c.reason)) << c.description;
  }
}

TEST_F(RoleTest, LosingReadinessIsImmediateAndRegainingItTakesAWhile) {  // H6
  start(VrrpEvent::backup, follower());
  SyncFacts behind = follower();
  behind.in_sync = false;
  EXPECT_THAT(step(SyncChanged{behind}), ElementsAre("ready 0"));
  EXPECT_THAT(step(SyncChanged{follower()}), IsEmpty());
  EXPECT_THAT(pass(999ms), IsEmpty());
  step(SyncChanged{behind});
  EXPECT_THAT(step(SyncChanged{follower()}), IsEmpty()) << "the wait begins anew";
  EXPECT_THAT(pass(999ms), IsEmpty());
  EXPECT_THAT(pass(1ms), ElementsAre("ready 150"));
}

TEST_F(RoleTest, ANodeThatFlapsIsTrustedLaterEachTime) {  // H6
  start(VrrpEvent::backup, follower());
  SyncFacts behind = follower();
  behind.in_sync = false;
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    step(SyncChanged{behind});
    EXPECT_EQ(status().readiness, 0);
    step(SyncChanged{follower()});
    pass(wait - 1ms);
    EXPECT_EQ(status().readiness, 0) << wait.count();
    pass(1ms);
    EXPECT_EQ(status().readiness, 150) << wait.count();
  }
  EXPECT_EQ(status().readiness_losses, 7U);
  pass(60s);  // quiet for so long: trusted as at the beginning
  step(SyncChanged{behind});
  step(SyncChanged{follower()});
  EXPECT_EQ(status().ready_again_after, Duration(1s));
}

TEST_F(RoleTest, OwnershipChangesAreCounted) {
  start(VrrpEvent::backup, follower());
  said(VrrpEvent::master);
  said(VrrpEvent::master);
  said(VrrpEvent::backup);
  said(VrrpEvent::fault);
  EXPECT_EQ(status().ownership_changes, 2U);
}

TEST_F(RoleTest, AnOwnerIsReadyAgainAtOnce) {  // H6: else its follower would be first after a blip that hit both
  start(VrrpEvent::master, leader());
  EXPECT_THAT(step(HealthChanged{{false, true, true, 3, 3}}), ElementsAre("ready 0"));
  EXPECT_THAT(step(HealthChanged{healthy()}), ElementsAre("ready 150"));
}

TEST_F(RoleTest, AStreamOfChangesDoesNotCostReadiness) {  // H3: OVS is always a little behind
  start(VrrpEvent::backup, follower());
  HealthFacts behind = healthy();
  behind.ovs_programmed = false;
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(step(HealthChanged{behind}), IsEmpty());
    EXPECT_THAT(pass(900ms), IsEmpty());
    EXPECT_THAT(step(HealthChanged{healthy()}), IsEmpty());
  }
  step(HealthChanged{behind});
  EXPECT_THAT(pass(1s), ElementsAre("ready 0"));
}

TEST_F(RoleTest, AnInterfacePluggedOnOneNodeFirstMovesNothing) {  // P3, H6
  start(VrrpEvent::master, leader());
  SyncFacts ahead = leader();
  ahead.peer_links_up = 4;
  EXPECT_THAT(step(SyncChanged{ahead}), IsEmpty());
  EXPECT_THAT(pass(900ms), IsEmpty());
  EXPECT_THAT(step(HealthChanged{{true, true, true, 4, 4}}), IsEmpty());
  EXPECT_THAT(pass(10s), IsEmpty());
}

TEST_F(RoleTest, ComparingHistoriesKeepsReadinessForAWhileOnly) {  // H13
  start(VrrpEvent::master, leader());
  SyncFacts negotiating = leader();
  negotiating.negotiating = true;
  negotiating.entitled = negotiating.leads = negotiating.in_sync = false;
  EXPECT_THAT(step(SyncChanged{negotiating}), IsEmpty());
  EXPECT_THAT(pass(1999ms), IsEmpty());
  EXPECT_THAT(pass(1ms), ElementsAre("ready 0"));
  machine_.reset();
  start(VrrpEvent::master, leader());
  step(SyncChanged{negotiating});
  EXPECT_THAT(step(HealthChanged{{false, true, true, 3, 3}}), ElementsAre("ready 0")) << "ill health counts at once";
}

TEST_F(RoleTest, LeavingIsLessThanReadyAndMoreThanNothing) {  // H7
  start(VrrpEvent::master, leader());
  EXPECT_THAT(step(LeaveWanted{true}), ElementsAre("ready 50"));
  said(VrrpEvent::backup);
  EXPECT_THAT(step(LeaveWanted{false}), IsEmpty());
  EXPECT_THAT(pass(1s), ElementsAre("ready 150"));
}

// ---- planned switchover, the side that takes

TEST_F(RoleTest, AnswersBesideTheOwnerThatHandsOver) {  // H7
  start(VrrpEvent::backup, follower());
  EXPECT_THAT(step(TakeOverOffered{6s}), ElementsAre("open", "announce"));
  EXPECT_EQ(status().takeovers, 0U) << "it does not own yet";
  EXPECT_THAT(step(TakeOverOffered{6s}), IsEmpty());
  EXPECT_THAT(said(VrrpEvent::master), ElementsAre("announce", "master fresh"));
  EXPECT_THAT(pass(60s), IsEmpty());
  EXPECT_EQ(status().takeovers, 1U);
  EXPECT_THAT(said(VrrpEvent::backup), ElementsAre("close", "backup fresh")) << "the offer is used up";
}

TEST_F(RoleTest, AnOfferThatComesToNothingClosesTheGateAgain) {  // H7
  start(VrrpEvent::backup, follower());
  step(TakeOverOffered{6s});
  EXPECT_THAT(pass(5999ms), IsEmpty());
  EXPECT_THAT(pass(1ms), ElementsAre("close"));
  EXPECT_THAT(step(TakeOverOffered{6s}), ElementsAre("open", "announce"));
  EXPECT_THAT(step(OfferWithdrawn{}), ElementsAre("close"));
  step(TakeOverOffered{6s});
  EXPECT_THAT(said(VrrpEvent::fault), ElementsAre("close", "fault fresh")) << "a node in FAULT answers for nothing";
}

TEST_F(RoleTest, AFailedReadinessWriteIsTriedAgain) {
  start(VrrpEvent::master, leader());
  EXPECT_THAT(step(HealthChanged{{false, true, true, 3, 3}}), ElementsAre("ready 0"));
  EXPECT_THAT(step(ReadinessWriteFailed{}), IsEmpty());
  EXPECT_THAT(pass(1s), ElementsAre("ready 0"));
  EXPECT_THAT(pass(10s), IsEmpty());
}

TEST_F(RoleTest, WithoutItsPathAnOwnerYieldsToAReadyPeerAtOnce) {  // H6
  start(VrrpEvent::master, leader());
  HealthFacts blind = healthy();
  blind.ovs_connected = blind.ovs_programmed = false;
  EXPECT_THAT(step(HealthChanged{blind}), ElementsAre("ready -254"));
  EXPECT_THAT(pass(20ms), IsEmpty());
  EXPECT_THAT(said(VrrpEvent::fault), ElementsAre("close", "fault fresh", "ready 0"));
  EXPECT_THAT(said(VrrpEvent::backup), ElementsAre("backup fresh"));
  EXPECT_EQ(status().readiness_losses, 1U);
  // The peer was not there after all: this node owns again with what it has, and does not yield a second time.
  EXPECT_THAT(said(VrrpEvent::master), ElementsAre("open", "announce", "master fresh"));
  EXPECT_THAT(step(HealthChanged{blind}), IsEmpty());
  EXPECT_THAT(pass(10s), IsEmpty());
}

TEST_F(RoleTest, YieldingEndsByItself) {  // H6: no node stays in FAULT
  start(VrrpEvent::master, leader());
  HealthFacts blind = healthy();
  blind.ovs_connected = false;
  EXPECT_THAT(step(HealthChanged{blind}), ElementsAre("ready -254"));
  EXPECT_THAT(step(HealthChanged{healthy()}), IsEmpty()) << "begun, it is carried through";
  EXPECT_THAT(pass(99ms), IsEmpty());
  EXPECT_THAT(pass(1ms), ElementsAre("ready 0", "ready 150")) << "keepalived said nothing, and the path is back";
}

TEST_F(RoleTest, YieldsOnlyWhereThatHelps) {  // H6
  HealthFacts blind = healthy(), full = healthy();
  blind.ovs_connected = false;
  full.store_ok = false;
  SyncFacts unready = leader();
  unready.peer_ready = false;
  struct Case {
    const char* description;
    VrrpEvent state;
    SyncFacts sync;
    HealthFacts health;
  };
  for (const Case& one : {Case{"a standby owns nothing", VrrpEvent::backup, follower(), blind},
                          Case{"nobody is there", VrrpEvent::master, alone(), blind},
                          Case{"the peer could not serve", VrrpEvent::master, unready, blind},
                          Case{"it forwards on: a lower priority moves ownership without a gap", VrrpEvent::master, leader(), full}}) {
    machine_.reset();
    start(one.state, one.sync);
    EXPECT_THAT(step(HealthChanged{one.health}), ElementsAre("ready 0")) << one.description;
  }
}

TEST_F(RoleTest, WithFewerLinksThanAReadyPeerAnOwnerYields) {  // H6
  start(VrrpEvent::master, leader());
  HealthFacts health = healthy();
  health.links_up = 2;
  EXPECT_THAT(step(HealthChanged{health}), IsEmpty());
  EXPECT_THAT(pass(249ms), IsEmpty()) << "a switch that dies takes the peer's link too";
  EXPECT_THAT(pass(1ms), ElementsAre("ready -254"));
}

TEST_F(RoleTest, ADaemonThatEndedWhileItYieldedDoesNotStayInFault) {  // H6, O4
  config_.readiness_found = -254;
  EXPECT_THAT(step(Tick{}), ElementsAre("ready 0"));
  EXPECT_THAT(step(Tick{}), IsEmpty());
}

// Nobody tells it that the file was cleared: the gatekeeper that did so was restarted meanwhile, and keepalived too.
TEST_F(RoleTest, APauseWithoutKeepalivedWritesReadinessAgainToo) {  // H6, H12
  start(VrrpEvent::backup, follower());
  step(KeepalivedDead{});
  now_ += 10s;
  step(KeepalivedAlive{});
  said(VrrpEvent::backup);
  EXPECT_THAT(pass(1s), Contains("ready 150"));
}

TEST_F(RoleTest, ReadinessIsWrittenAgainNowAndThen) {  // H6: somebody may have changed the file
  config_.audit_every = 10s;
  start(VrrpEvent::backup, follower());
  const auto losses = status().readiness_losses;
  Words written;
  for (const auto& text : pass(21s)) {
    if (text.starts_with("ready")) written.push_back(text);
  }
  EXPECT_THAT(written, ElementsAre("ready 150", "ready 150"));
  EXPECT_EQ(status().readiness_losses, losses);
}

}  // namespace
}  // namespace distributor::role
