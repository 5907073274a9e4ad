// Two role machines and keepalived's rule: the peer takes over if, and only if, it is better off (H6). A table.
#include "tests/unit/ha/role_fixture.hpp"

namespace distributor::role {
namespace {

enum class Trouble : std::uint8_t { none, not_in_sync, not_entitled, no_ovs, ovs_lags, store, link, leaving, away };

const char* name_of(Trouble trouble) {
  static constexpr const char* kNames[] = {"none", "not in sync", "not entitled", "no Open vSwitch", "Open vSwitch lags", "store", "link", "leaving", "away"};
  return kNames[static_cast<std::size_t>(trouble)];
}

// What its readiness file says after the hysteresis; base priorities are equal.
class Node {
 public:
  Node(bool owner, Trouble own, Trouble others) : machine_(config(), now_) {
    SyncFacts sync;
    sync.evaluated = sync.entitled = sync.in_sync = sync.has_history = sync.peer_alive = true;
    sync.leads = owner;
    sync.peer_links_up = 3;
    sync.peer_ready = true;
    HealthFacts health{true, true, true, 3, 3};
    machine_.step(Tick{}, now_);
    machine_.step(KeepalivedAlive{}, now_);
    machine_.step(HealthChanged{health}, now_);
    machine_.step(SyncChanged{sync}, now_);
    machine_.step(KeepalivedSaid{owner ? VrrpEvent::master : VrrpEvent::backup}, now_);
    pass(3s);
    switch (own) {
      case Trouble::not_in_sync:
        sync.in_sync = sync.leads;  // only a follower can be behind
        break;
      case Trouble::not_entitled:
        sync.entitled = sync.leads = sync.in_sync = false;
        break;
      case Trouble::no_ovs:
        health.ovs_connected = health.ovs_programmed = false;
        break;
      case Trouble::ovs_lags:
        health.ovs_programmed = false;
        break;
      case Trouble::store:
        health.store_ok = false;
        break;
      case Trouble::link:
        health.links_up = 2;
        break;
      case Trouble::leaving:
        machine_.step(LeaveWanted{true}, now_);
        break;
      case Trouble::none:
      case Trouble::away:
        break;
    }
    if (others == Trouble::link) sync.peer_links_up = 2;
    if (others == Trouble::away) sync.peer_alive = sync.peer_ready = false;
    if (others != Trouble::none) sync.peer_ready = false;
    machine_.step(HealthChanged{health}, now_);
    machine_.step(SyncChanged{sync}, now_);
    pass(5s);
  }
  int priority() const { return keepalived::kBasePriority + machine_.status().readiness.value_or(0); }

 private:
  static Config config() {
    Config config;
    config.readiness_found = 150;
    return config;
  }
  void pass(Duration time) {
    for (const auto end = now_ + time; now_ < end;) {
      now_ = std::min(end, machine_.next_deadline());
      machine_.step(Tick{}, now_);
    }
  }
  TimePoint now_ = 1000s;
  RoleMachine machine_;
};

struct Case {
  Trouble owner, standby;
  bool moves;
};

TEST(RolePair, ThePeerTakesOverIfAndOnlyIfItIsBetterOff) {  // H6
  using enum Trouble;
  const std::vector<Case> cases = {
      {none, none, false},
      // a trouble of the owner, and a standby that is well
      {not_entitled, none, true}, {no_ovs, none, true}, {ovs_lags, none, true}, {store, none, true}, {link, none, true}, {leaving, none, true},
      // a trouble of the standby: an owner that is well stays
      {none, not_in_sync, false}, {none, not_entitled, false}, {none, no_ovs, false}, {none, ovs_lags, false}, {none, store, false}, {none, link, false},
      {none, leaving, false},
      // the standby is no better off: nothing moves
      {no_ovs, no_ovs, false}, {no_ovs, not_in_sync, false}, {store, no_ovs, false}, {link, link, false}, {link, no_ovs, false}, {ovs_lags, store, false},
      {leaving, not_in_sync, false}, {leaving, leaving, false},
      // one that is in maintenance is better than one that can't serve at all
      {no_ovs, leaving, true}, {store, leaving, true},
      // nobody is there: whatever it has, it serves
      {none, away, false}, {no_ovs, away, false}, {link, away, false}, {leaving, away, false},
  };
  for (const auto& one : cases) {
    const Node owner(true, one.owner, one.standby), standby(false, one.standby, one.owner);
    const int against = one.standby == away ? -1 : standby.priority();
    EXPECT_EQ(against > owner.priority(), one.moves)
        << "owner: " << name_of(one.owner) << " (" << owner.priority() << "), standby: " << name_of(one.standby) << " (" << against << ")";
  }
}

}  // namespace
}  // namespace distributor::role
