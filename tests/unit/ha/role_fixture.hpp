// A role machine under a clock of its own, with its effects as words.
#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <vector>

#include "ha/role/role.hpp"

namespace distributor::role {

using namespace std::chrono_literals;
using keepalived::VrrpEvent;
using keepalived::VrrpState;

inline std::string word(const Effect& effect) {
  struct Visitor {
    std::string operator()(const SetReadiness& e) const { return "ready " + std::to_string(e.value); }
    std::string operator()(const OpenGate&) const { return "open"; }
    std::string operator()(const CloseGate&) const { return "close"; }
    std::string operator()(const Announce& e) const {
      switch (e.reason) {
        case AnnounceReason::takeover:
          return "announce";
        case AnnounceReason::repeat:
          return "repeat";
        case AnnounceReason::refresh:
          return "refresh";
        case AnnounceReason::healed:
          return "healed";
      }
      return "?";
    }
    std::string operator()(const OwnershipChanged& e) const {
      const char* names[] = {"unknown", "backup", "master", "fault"};
      return std::string(names[static_cast<int>(e.ownership)]) + (e.fresh_edge ? " fresh" : " read");
    }
    std::string operator()(const DeleteManagementAddress&) const { return "delete address"; }
    std::string operator()(const QueryKeepalived&) const { return "query"; }
    std::string operator()(const LogLine&) const { return ""; }
  };
  return std::visit(Visitor{}, effect);
}

using Words = std::vector<std::string>;

class RoleTest : public testing::Test {
 protected:
  RoleTest() {
    config_.announce_refresh = Duration(0);  // tests of announcements turn these on
    config_.announce_rounds = 1;
    config_.audit_every = Duration(0);
  }

  static SyncFacts leader() {
    SyncFacts facts;
    facts.evaluated = facts.entitled = facts.leads = facts.in_sync = facts.has_history = facts.peer_alive = true;
    facts.peer_ready = true;
    facts.peer_links_up = 3;
    return facts;
  }
  static SyncFacts follower() {
    SyncFacts facts = leader();
    facts.leads = false;
    facts.peer_vrrp_master = facts.peer_gate_open = true;
    return facts;
  }
  static SyncFacts alone() {
    SyncFacts facts = leader();
    facts.peer_alive = facts.peer_ready = false;
    facts.peer_links_up = 0;
    return facts;
  }
  static HealthFacts healthy() { return {true, true, true, 3, 3}; }

  Words step(const Event& event) {
    if (!machine_) machine_.emplace(config_, now_);
    Words words;
    for (const Effect& effect : machine_->step(event, now_)) {
      if (auto text = word(effect); !text.empty()) words.push_back(std::move(text));
    }
    return words;
  }
  Words said(VrrpEvent event) { return step(KeepalivedSaid{event}); }

  // Lets time pass, stepping at each deadline.
  Words pass(Duration time) {
    const TimePoint end = now_ + time;
    Words words;
    while (machine_->next_deadline() <= end) {
      now_ = std::max(now_, machine_->next_deadline());
      for (auto& text : step(Tick{})) words.push_back(std::move(text));
    }
    now_ = end;
    return words;
  }

  // Up to a ready node in the given VRRP state.
  void start(VrrpEvent state, const SyncFacts& sync) {
    config_.readiness_found = 150;
    step(Tick{});
    step(KeepalivedAlive{});
    step(HealthChanged{healthy()});
    step(SyncChanged{sync});
    step(KeepalivedSaid{state});
    step(KeepalivedQueried{state == VrrpEvent::master ? VrrpState::master : VrrpState::backup});
    EXPECT_EQ(status().readiness, 150);
  }
  Status status() const { return machine_->status(); }

  Config config_;
  TimePoint now_ = 1000s;
  std::optional<RoleMachine> machine_;
};

}  // namespace distributor::role
