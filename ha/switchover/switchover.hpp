// Planned switchover, the side that gives ownership away (H7): step(event, now) -> effects. Pure. One thread.
//
// Order: new changes wait (held) -> those in flight finish on both nodes (drained) -> the peer opens its gate, announces and says so ->
// clients of the API are sent away, readiness drops, keepalived moves -> BACKUP here and the peer answers for the VIPs. Up to the
// peer's word nothing has changed and everything can be called off.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace distributor::switchover {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::nanoseconds;  // of a monotonic clock; only differences count

// The sum is how long a change may be held: far below the 60 s of Octavia's client.
struct Config {
  Duration drain_max = std::chrono::seconds(3);
  Duration answer_max = std::chrono::seconds(1);
  Duration move_max = std::chrono::seconds(5);  // above keepalived's own time at the slowest profile
};

struct Facts {
  bool owner = false;        // keepalived says MASTER, the gate is open, changes are taken
  bool backup = false;       // keepalived says BACKUP
  bool drained = false;      // nothing in flight, and the peer has everything
  bool peer_alive = false;
  bool peer_ready = false;   // its readiness, as it says
  bool peer_owns = false;    // it says that it is MASTER with its gate open
  std::string not_owner;     // one line, if not owner
  std::string peer_missing;  // one line, if the peer is not alive or not ready
  friend bool operator==(const Facts&, const Facts&) = default;
};

// ---- events
struct Tick {};
struct Begin {};  // send FactsChanged after it also if nothing has changed: what counts is drained while changes are held
struct FactsChanged {
  Facts facts;
};
struct PeerAnswered {
  bool gate_open = false;
  std::string reason;  // if not
};
using Event = std::variant<Tick, Begin, FactsChanged, PeerAnswered>;

// ---- effects
enum class Clients : std::uint8_t { served, held, sent_away };

struct HandleClients {
  Clients clients = Clients::served;
  Duration limit{0};  // after it they are served again, whatever becomes of this machine
};
struct AskPeer {
  Duration limit{0};  // the peer keeps its gate open so long without ownership, at most
};                    // answer with PeerAnswered
struct CallOff {};    // tell the peer to close its gate again
struct Leave {
  bool leave = true;
};  // readiness
struct Report {
  bool completed = false;
  std::string reason;  // if not
  Duration drained{0}, peer_open{0}, moved{0};  // since the beginning
};
struct Finished {
  Report report;
};
struct Refused {
  std::string reason;
};  // of Begin; nothing has begun
struct Moving {
  Report so_far;
};  // the point of no return: an answer by the management address has to be sent now
using Effect = std::variant<HandleClients, AskPeer, CallOff, Leave, Finished, Refused, Moving>;

enum class Stage : std::uint8_t { idle, draining, asking, moving };

class Switchover {
 public:
  explicit Switchover(Config config) : config_(config) {}

  std::vector<Effect> step(const Event& event, TimePoint now);
  TimePoint next_deadline() const;  // call step(Tick{}) then; max() = never
  Stage stage() const { return stage_; }
  std::string why_not() const;  // why Begin would be refused now; empty: it would not

 private:
  void on(const Tick&) {}
  void on(const Begin&);
  void on(const FactsChanged& event) { facts_ = event.facts; }
  void on(const PeerAnswered& event);
  void advance();
  void enter(Stage stage, Duration time);
  void move();
  void complete();
  void abort(const std::string& why);

  Config config_;
  Facts facts_;
  Stage stage_ = Stage::idle;
  TimePoint now_{0};
  TimePoint begun_{0};
  TimePoint deadline_{0};
  Report report_;
  std::vector<Effect> effects_;
};

}  // namespace distributor::switchover
