#include "ha/role/detail/readiness_holder.hpp"

#include <algorithm>

#include "ha/keepalived/vrrp.hpp"

namespace distributor::role::detail {

using keepalived::kReadinessNone;
using keepalived::kReadinessReady;
using keepalived::kReadinessYield;

void ReadinessHolder::take_as_found(std::vector<Effect>& effects) {
  if (config_.readiness_found.value_or(kReadinessNone) >= kReadinessNone) return;
  config_.readiness_found = kReadinessNone;  // the daemon ended while it yielded: keepalived must not stay in FAULT
  effects.push_back(SetReadiness{kReadinessNone, "found yielding at start"});
}

void ReadinessHolder::begin() {
  value_ = config_.readiness_found;
  reason_ = "as found at start";
}

void ReadinessHolder::declared_dead(TimePoint now, std::vector<Effect>& effects) {
  yield_until_.reset();
  set(kReadinessNone, "declared dead by the gatekeeper", now, effects);
}

void ReadinessHolder::write_again_at(TimePoint time) {
  if (value_) rewrite_at_ = time;
}

void ReadinessHolder::follow(const Judgement& verdict, const Surroundings& around, TimePoint now, TimePoint& deadline,
                             std::vector<Effect>& effects) {
  if (yield_until_) {
    if (around.master && now < *yield_until_) {
      deadline = std::min(deadline, *yield_until_);
      return;
    }
    yield_until_.reset();
    set(kReadinessNone, reason_, now, effects);
  }
  if (verdict.hold) return better_since_.reset();
  const int stands = value_.value_or(kReadinessNone);
  if (verdict.value <= stands || around.master) {
    better_since_.reset();
    if (verdict.value == stands && value_) return keep(verdict, now, deadline, effects);
    // Once for each loss, and only to a peer that says it is ready. If it is not after all, this node owns again after keepalived's own time-out,
    // and then keeps what it owns.
    const bool yields = verdict.no_path && around.master && around.peer_ready && value_ == kReadinessReady;
    if (!yields) return set(verdict.value, verdict.reason, now, effects);
    set(kReadinessYield, verdict.reason, now, effects);
    yield_until_ = now + config_.yield_max;
    deadline = std::min(deadline, *yield_until_);
    return;
  }
  if (!value_) set(kReadinessNone, "not ready for long enough yet", now, effects);
  if (!better_since_) better_since_ = now;
  if (now - *better_since_ >= ready_again_after_) {
    better_since_.reset();
    return set(verdict.value, verdict.reason, now, effects);
  }
  deadline = std::min(deadline, *better_since_ + ready_again_after_);
}

// The file is written again now and then: a gatekeeper that does not remember it may have cleared it, or somebody else.
void ReadinessHolder::keep(const Judgement& verdict, TimePoint now, TimePoint& deadline, std::vector<Effect>& effects) {
  reason_ = verdict.reason;
  if (!rewrite_at_ && config_.audit_every > Duration(0)) rewrite_at_ = now + config_.audit_every;
  if (!rewrite_at_) return;
  if (*rewrite_at_ <= now) {
    rewrite_at_.reset();
    effects.push_back(SetReadiness{verdict.value, verdict.reason});
    return;
  }
  deadline = std::min(deadline, *rewrite_at_);
}

// No flapping: a node that loses its readiness again and again is trusted later each time (H6).
void ReadinessHolder::count_loss(TimePoint now) {
  ++losses_;
  const bool again = lost_at_ && now - *lost_at_ < config_.flap_window;
  ready_again_after_ = again ? std::min(config_.ready_again_max, 2 * ready_again_after_) : config_.ready_again_after;
  lost_at_ = now;
}

void ReadinessHolder::set(int value, const std::string& reason, TimePoint now, std::vector<Effect>& effects) {
  if (value <= kReadinessNone && value_.value_or(kReadinessNone) == kReadinessReady) count_loss(now);
  value_ = value;
  reason_ = reason;
  rewrite_at_.reset();
  effects.push_back(SetReadiness{value, reason});
  effects.push_back(LogLine{value <= kReadinessNone ? Severity::warning : Severity::info,
                            "readiness " + std::to_string(value) + ": " + reason +
                                (value == kReadinessYield ? "; the peer is to take over at once" : "")});
}

}  // namespace distributor::role::detail
