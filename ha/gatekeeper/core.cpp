#include "ha/gatekeeper/core.hpp"

#include <algorithm>
#include <utility>

namespace distributor::gatekeeper {
namespace {

using keepalived::VrrpEvent;
using keepalived::VrrpState;

constexpr Duration kTickEvery = std::chrono::milliseconds(250);

bool has_left_master(VrrpState state) {
  return state == VrrpState::backup || state == VrrpState::fault || state == VrrpState::stopped;
}

std::string in_ms(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + " ms";
}

}  // namespace

Core::Core(CoreConfig config, TimePoint now)
    : config_(config), now_(now), last_beat_(now), last_step_(now), episode_(config.episode_base) {}

std::vector<Effect> Core::step(const Event& event, TimePoint now) {
  // While this process was paused itself, perhaps with its whole machine, no daemon could have been heard.
  const Duration paused = now - last_step_ - kTickEvery;
  if (paused > config_.own_pause_min) last_beat_ += paused;
  now_ = last_step_ = now;
  effects_.clear();
  std::visit([&](const auto& concrete) { on(concrete); }, event);
  if (!in_charge_ && now_ - last_beat_ >= config_.grace) take_charge();
  if (in_charge_) {
    if (query_next_ <= now_ && !gate_.wanted && !gate_closed_) {
      query_next_ = now_ + config_.query_every;
      effects_.emplace_back(QueryKeepalived{});
    }
    if (due(readiness_)) effects_.emplace_back(ClearReadiness{});
    if (due(gate_)) effects_.emplace_back(CloseGate{});
  }
  return std::exchange(effects_, {});
}

TimePoint Core::next_deadline() const {
  TimePoint next = now_ + kTickEvery;
  if (!in_charge_) return std::min(next, last_beat_ + config_.grace);
  for (const Errand* errand : {&readiness_, &gate_}) {
    if (errand->wanted && !errand->in_flight) next = std::min(next, errand->next);
  }
  if (!gate_.wanted && !gate_closed_) next = std::min(next, std::max(query_next_, now_));
  return next;
}

void Core::on(const BeatReceived& event) {
  if (in_charge_) {
    log(Severity::info, "the daemon beats again after " + in_ms(now_ - last_beat_) + ": it is in charge");
    in_charge_ = false;
    readiness_ = gate_ = Errand{};
    effects_.emplace_back(FollowFifo{false});
  }
  if (!beat_seen_) log(Severity::info, "the daemon beats");
  beat_seen_ = true;
  last_beat_ = now_;
  vrrp_ = event.beat.vrrp;
  if (event.beat.episode_seen == episode_) unnoticed_ = false;
  effects_.emplace_back(SendReply{Reply{event.beat.seq, episode_, unnoticed_, unnoticed_ && gate_closed_}});
}

void Core::on(const KeepalivedSaid& event) {
  switch (event.event) {
    case VrrpEvent::master:
      return learn(VrrpState::master, "says");
    case VrrpEvent::backup:
      return learn(VrrpState::backup, "says");
    case VrrpEvent::fault:
      return learn(VrrpState::fault, "says");
    case VrrpEvent::stop:
      return learn(VrrpState::stopped, "says");
    case VrrpEvent::rx_lower_priority:
    case VrrpEvent::priority_changed:
      return;
  }
}

// An answer may be older than the last line. Taking it all the same errs to the safe side only: a node that was not
// MASTER a moment ago may have missed changes, and one that is said to be MASTER changes nothing.
void Core::on(const KeepalivedQueried& event) {
  learn(event.state, "answers");
}

// Its adverts have stopped as well, most likely: the peer owns by now.
void Core::on(const KeepalivedSilent&) {
  if (!in_charge_) return;
  if (!silent_since_) silent_since_ = now_;
  if (now_ - *silent_since_ >= config_.silence_max) {
    want_gate_closed("keepalived has answered nothing for " + in_ms(now_ - *silent_since_));
  }
}

void Core::on(const KeepalivedDead&) {
  if (!in_charge_) return;
  vrrp_ = VrrpState::stopped;
  want_gate_closed("keepalived is dead");
}

void Core::learn(VrrpState state, const char* how) {
  if (!in_charge_) return;
  silent_since_.reset();
  vrrp_ = state;
  // Once it has left MASTER the registry here may be stale: that stays so if it becomes MASTER again before the gate is
  // closed.
  if (has_left_master(state)) want_gate_closed(std::string("keepalived ") + how + " that this node is not MASTER");
}

void Core::take_charge() {
  in_charge_ = true;
  ++episode_;
  unnoticed_ = true;
  gate_closed_ = false;
  log(Severity::error, beat_seen_
                           ? "the daemon has been silent for " + in_ms(now_ - last_beat_) +
                                 ", declared dead: readiness is cleared; the gate closes when the peer owns"
                           : "no daemon since the start: readiness is cleared; the gate closes when the peer owns");
  effects_.emplace_back(FollowFifo{true});
  readiness_ = Errand{true, false, now_, Duration(0)};
  gate_ = Errand{};
  query_next_ = now_;
  silent_since_.reset();
  if (has_left_master(vrrp_)) want_gate_closed("the daemon's last word was that this node is not MASTER");
}

void Core::want_gate_closed(const std::string& why) {
  if (gate_.wanted || gate_closed_) return;
  log(Severity::warning, why + ": the gate is to be closed");
  gate_ = Errand{true, false, now_, Duration(0)};
}

void Core::on(const GateClosed& event) {
  if (!in_charge_ || !gate_.wanted) return;
  gate_closed_ = event.ok;
  settle(gate_, event.ok, "the gate is closed", "the gate is not closed");
}

bool Core::due(Errand& errand) const {
  if (!errand.wanted || errand.in_flight || errand.next > now_) return false;
  errand.in_flight = true;
  return true;
}

void Core::settle(Errand& errand, bool ok, const char* success, const char* failure) {
  if (!errand.wanted) return;  // the daemon is back
  errand.in_flight = false;
  if (ok) {
    errand.wanted = false;
    return log(Severity::info, success);
  }
  if (errand.wait == Duration(0)) log(Severity::error, std::string(failure) + ", it is tried until it succeeds");
  errand.wait = std::clamp(errand.wait * 2, config_.retry_min, config_.retry_max);
  errand.next = now_ + errand.wait;
}

void Core::log(Severity severity, std::string text) {
  effects_.emplace_back(LogLine{severity, std::move(text)});
}

}  // namespace distributor::gatekeeper
