// The role machine of one node: from keepalived's state, the pair's history and the node's health to readiness, ARP/ND
// gate and announcements (H4-H9, H12, H13). Pure: step(event, now) -> effects, to be carried out in their order. One
// thread.
//
// Takeover order: open the gate, announce, then OwnershipChanged (the replica raises its term and opens writes).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ha/keepalived/vrrp.hpp"

namespace distributor::role {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::nanoseconds;  // of a monotonic clock; only differences count

struct Config {
  bool standalone = false;             // no keepalived, no peer (H9): always owner
  std::optional<int> readiness_found;  // what the readiness file held at start; it stays so until the first evaluation
  Duration start_grace =
      std::chrono::seconds(4);  // longest wait for the first evaluation; above the replica's solo_after
  Duration ready_again_after =
      std::chrono::seconds(1);  // hysteresis of a node that does not own; an owner is ready again at once
  Duration ready_again_max = std::chrono::seconds(30);  // each further loss within flap_window doubles the wait, up to this
  Duration flap_window = std::chrono::seconds(60);
  Duration programmed_lag_max =
      std::chrono::seconds(1);  // OVS may lag behind a change so long without loss of readiness
  Duration links_settle =
      std::chrono::seconds(1);  // a lack of VIP links against the peer counts only once it lasted so long; ...
  Duration link_lost_settle = std::chrono::milliseconds(250);  // ... of one that was up: the peer may be about to tell the same
  Duration negotiating_max =
      std::chrono::seconds(2);  // readiness stays as it is while histories are compared, so long at most
  Duration announce_interval = std::chrono::milliseconds(500);
  int announce_rounds = 4;                              // at a takeover, in all
  Duration announce_refresh = std::chrono::seconds(5);  // while owner; 0 = never
  Duration query_retry = std::chrono::seconds(1);       // while keepalived runs and its state is unknown
  Duration audit_every =
      std::chrono::seconds(10);  // ask keepalived, and write readiness again, although nothing seems lost; 0 = never
  Duration yield_max = std::chrono::milliseconds(100);  // longest that an owner stays in FAULT to hand over at once
};

// What the replica knows. Send it whenever it may have changed; equal facts cost nothing.
struct SyncFacts {
  bool evaluated = false;    // the peer was heard and compared, or was silent for solo_after
  bool negotiating = false;  // histories are being compared right now (keeps readiness as it is for a while)
  bool entitled = false;     // replica::Status::entitled
  std::string why_not;       // one line, if not entitled
  bool leads = false;
  bool in_sync = false;      // leader; or follower that is durable up to the leader
  bool has_history = false;  // ever in sync, or initialised alone, or holds any load balancer
  bool peer_alive = false;
  bool peer_vrrp_master = false;
  bool peer_gate_open = false;
  bool peer_ready = false;
  std::uint32_t peer_links_up = 0;
  friend bool operator==(const SyncFacts&, const SyncFacts&) = default;
};

struct HealthFacts {
  bool store_ok = false;
  bool ovs_connected = false;   // and its rules were read back and made right once since the connection came up
  bool ovs_programmed = false;  // up to everything applied
  std::uint32_t links_up = 0;   // VIP interfaces of this node that are there and up
  std::uint32_t links_wanted = 0;
  friend bool operator==(const HealthFacts&, const HealthFacts&) = default;
};

// ---- events
struct Tick {};
struct KeepalivedSaid {
  keepalived::VrrpEvent event;
};  // a FIFO line
struct KeepalivedQueried {
  keepalived::VrrpState state;
};  // answer to QueryKeepalived
struct KeepalivedQueryFailed {};
struct KeepalivedLineLost {};  // garbage on the FIFO
struct KeepalivedDead {};
struct KeepalivedAlive {};
struct SyncChanged {
  SyncFacts facts;
};
struct HealthChanged {
  HealthFacts facts;
};
struct LeaveWanted {
  bool leave = true;
};  // readiness 50: hand over, but still better than nobody
struct TakeOverOffered {
  Duration limit{0};
};  // planned switchover: the owner asks to answer beside it; without ownership the gate closes again after `limit`
struct OfferWithdrawn {};
struct DeclaredDead {
};  // the gatekeeper had taken over: it cleared readiness, read FIFO lines, may have closed the gate
struct ReadinessWriteFailed {};  // SetReadiness could not be carried out: comes again
using Event =
    std::variant<Tick, KeepalivedSaid, KeepalivedQueried, KeepalivedQueryFailed, KeepalivedLineLost, KeepalivedDead,
                 KeepalivedAlive, SyncChanged, HealthChanged, LeaveWanted, TakeOverOffered, OfferWithdrawn, DeclaredDead,
                 ReadinessWriteFailed>;

// ---- effects
enum class Ownership : std::uint8_t { unknown, backup, master, fault };
enum class AnnounceReason : std::uint8_t { takeover, repeat, refresh, healed };
enum class Severity : std::uint8_t { info, warning, error };

struct SetReadiness {
  int value = 0;
  std::string reason;
};                   // 0, 50 or 150; -254 for a moment (kReadinessYield)
struct OpenGate {};  // desired state; until the first of these two: leave the gate as found
struct CloseGate {};
struct Announce {
  AnnounceReason reason = AnnounceReason::takeover;
};  // every VIP
struct OwnershipChanged {
  Ownership ownership = Ownership::unknown;
  bool fresh_edge = true;
};                                  // for the replica
struct DeleteManagementAddress {};  // a dead keepalived left it here, the peer holds it
struct QueryKeepalived {};          // answer with KeepalivedQueried or KeepalivedQueryFailed
struct LogLine {
  Severity severity = Severity::info;
  std::string text;
};
using Effect = std::variant<SetReadiness, OpenGate, CloseGate, Announce, OwnershipChanged, DeleteManagementAddress,
                            QueryKeepalived, LogLine>;

enum class Gate : std::uint8_t { as_found, open, closed };

struct Status {
  keepalived::VrrpState vrrp = keepalived::VrrpState::unknown;  // last known
  bool vrrp_known = false;                                      // and it holds now: keepalived runs and has told it
  bool keepalived_alive = false;
  Gate gate = Gate::as_found;
  bool owner = false;            // answers for the VIPs
  std::optional<int> readiness;  // as last set; absent: file as found
  std::string readiness_reason;
  std::uint64_t takeovers = 0;
  std::uint64_t readiness_losses = 0;   // ill health or history, not a handing over; rising = flapping
  std::uint64_t ownership_changes = 0;  // MASTER gained or lost, as keepalived told
  Duration ready_again_after{0};        // the wait that holds now
};

class RoleMachine {
 public:
  RoleMachine(Config config, TimePoint now);
  ~RoleMachine();
  RoleMachine(RoleMachine&&) noexcept;
  RoleMachine& operator=(RoleMachine&&) noexcept;

  std::vector<Effect> step(const Event& event, TimePoint now);  // step(Tick{}) once after construction
  TimePoint next_deadline() const;                              // call step(Tick{}) then at the latest; max() = never
  Status status() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace distributor::role
