// What the gatekeeper decides (H12): a daemon that is dead or hung for longer than a grace never leaves a stale node
// answering for VIPs; within the grace nothing moves. Pure: step(event, now) -> effects.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ha/gatekeeper/protocol.hpp"

namespace distributor::gatekeeper {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::nanoseconds;  // of a monotonic clock

struct CoreConfig {
  Duration grace = std::chrono::milliseconds(2000);  // without a beat
  Duration own_pause_min =
      std::chrono::milliseconds(500);  // the gatekeeper itself did not run for so long: that time does not count
  Duration retry_min =
      std::chrono::milliseconds(100);  // of a failed effect; doubles up to retry_max and goes on until success
  Duration retry_max = std::chrono::milliseconds(2000);
  Duration query_every = std::chrono::milliseconds(2000);  // while in charge and the gate may be open
  Duration silence_max =
      std::chrono::milliseconds(6000);  // a keepalived that leaves every question unanswered for so long counts as dead
  std::uint64_t episode_base = 0;  // random: a restarted gatekeeper's episodes are not taken for its predecessor's
};

// ---- events
struct Tick {};
struct BeatReceived {
  Beat beat;
};
struct KeepalivedSaid {
  keepalived::VrrpEvent event;
};
struct KeepalivedQueried {
  keepalived::VrrpState state;
};
struct KeepalivedSilent {};  // asked, and no answer came in time
struct KeepalivedDead {};
struct KeepalivedAlive {};
struct ReadinessCleared {
  bool ok = true;
};
struct GateClosed {
  bool ok = true;
};
using Event = std::variant<Tick, BeatReceived, KeepalivedSaid, KeepalivedQueried, KeepalivedSilent, KeepalivedDead,
                           KeepalivedAlive, ReadinessCleared, GateClosed>;

// ---- effects
enum class Severity : std::uint8_t { info, warning, error };
struct SendReply {
  Reply reply;
};
struct FollowFifo {
  bool on = true;
};  // read lines, or hold the read end only
// A line that the daemon read and had no time to pass on is lost, so a state once told is not believed for ever: ask.
// Answer with KeepalivedQueried or KeepalivedSilent; with neither where keepalived cannot be asked.
struct QueryKeepalived {};
struct ClearReadiness {};   // answer with ReadinessCleared before the next beat
struct CloseGate {};        // answer with GateClosed before the next beat
struct LogLine {
  Severity severity = Severity::info;
  std::string text;
};
using Effect = std::variant<SendReply, FollowFifo, QueryKeepalived, ClearReadiness, CloseGate, LogLine>;

class Core {
 public:
  Core(CoreConfig config, TimePoint now);
  std::vector<Effect> step(const Event& event, TimePoint now);
  TimePoint next_deadline() const;               // step(Tick{}) then at the latest; read the sockets first
  bool in_charge() const { return in_charge_; }  // the daemon is declared dead

 private:
  // An effect that is carried out until it succeeds.
  struct Errand {
    bool wanted = false;
    bool in_flight = false;
    TimePoint next{0};
    Duration wait{0};
  };
  void on(const Tick&) {}
  void on(const BeatReceived& event);
  void on(const KeepalivedSaid& event);
  void on(const KeepalivedQueried& event);
  void on(const KeepalivedSilent&);
  void on(const KeepalivedDead&);
  void on(const KeepalivedAlive&) {}
  void on(const ReadinessCleared& event) {
    settle(readiness_, event.ok, "readiness is cleared", "readiness is not cleared");
  }
  void on(const GateClosed& event);
  void take_charge();
  void learn(keepalived::VrrpState state, const char* how);
  void want_gate_closed(const std::string& why);
  bool due(Errand& errand) const;
  void settle(Errand& errand, bool ok, const char* success, const char* failure);
  void log(Severity severity, std::string text);

  CoreConfig config_;
  TimePoint now_;
  TimePoint last_beat_;
  TimePoint last_step_;
  bool in_charge_ = false;
  bool beat_seen_ = false;
  std::uint64_t episode_;
  bool unnoticed_ = false;  // the last declaration has not reached a daemon yet
  bool gate_closed_ = false;
  keepalived::VrrpState vrrp_ = keepalived::VrrpState::unknown;
  Errand readiness_, gate_;
  TimePoint query_next_{0};
  std::optional<TimePoint> silent_since_;  // of keepalived
  std::vector<Effect> effects_;
};

}  // namespace distributor::gatekeeper
