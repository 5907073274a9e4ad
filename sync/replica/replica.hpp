// The replication core of one node: who leads, what is durable where, when a change may be answered (H1-H3, H8, H12,
// H13). Pure: step(event, now) -> effects. No sockets, clock, disk, threads or randomness; the shell in node/ carries
// effects out in their order and feeds the results back. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sync/registry/ceilings.hpp"
#include "sync/registry/limits.hpp"
#include "sync/registry/registry.hpp"
#include "sync/replica/durable_state.hpp"
#include "sync/replica/message.hpp"

namespace distributor::replica {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::nanoseconds;  // of a monotonic clock; only differences count

enum class SoloPolicy : std::uint8_t { automatic, strict };

struct Config {
  NodeId node_id;
  std::optional<NodeId> peer_id;  // absent: standalone (H9): every change is acknowledged local
  std::string pair_id;
  std::uint64_t boot_id = 0;  // random, of this process; frames of another boot are dropped
  SoloPolicy solo_policy = SoloPolicy::automatic;
  Duration solo_after = std::chrono::seconds(2);  // silence of the peer before changes are acknowledged local
  Duration heartbeat_every = std::chrono::milliseconds(200);
  Duration programmed_wait = std::chrono::seconds(3);   // longest wait for OVS before the answer says where it holds
  Duration request_timeout = std::chrono::seconds(20);  // a change that can't be made durable by then is answered 503
  std::size_t in_flight_max = 64;                       // window of entries, and of waiting requests x4
  std::size_t log_keep_max = 10'000;                    // bound of the log while the peer is away
  std::size_t checkpoint_every = 512;
  std::size_t request_ids_remembered = limits::kRequestIdsRemembered;  // so many changes back; the log holds that much (H2)
  // Of what is sent: bytes and entries of a message, chunks of a snapshot without a credit. Brought into 1 .. what message.hpp allows.
  std::size_t message_bytes_max = kBatchBytesMax;
  std::size_t message_entries_max = kEntriesPerMessageMax;
  std::uint64_t snapshot_window = kSnapshotWindow;
  Ceilings ceilings = {};  // of new changes, judged by this node while it leads (L6)
};

using RequestHandle = std::uint64_t;  // names a waiting client; chosen by the shell
using PersistToken = std::uint64_t;

enum class Ownership : std::uint8_t { unknown, backup, master, fault };  // what keepalived says of this node

// ---- events
struct Tick {};
struct PeerConnected {};
struct PeerDisconnected {};
struct PeerMessage {
  Message message;
};
struct PersistDone {
  PersistToken token = 0;
};
struct PersistFailed {
  PersistToken token = 0;
  std::string error;
};
struct OwnershipChanged {
  Ownership ownership = Ownership::unknown;
  bool fresh_edge = true;
};  // fresh_edge: a transition was seen, not read at start
struct Submit {
  RequestHandle handle = 0;
  Command command;
  std::string request_id;
};
struct Programmed {
  Seq seq;
};  // local OVS has everything up to seq, barrier seen
struct LocalFactsChanged {
  NodeFacts facts;
};                    // sent to the peer with each heartbeat
// Planned switchover (H7): what becomes of the changes that clients send from now on.
enum class Writes : std::uint8_t {
  open,
  held,   // they wait; what is in flight goes on
  moved,  // they are refused so that the client asks the peer
};
struct HoldWrites {
  Writes writes = Writes::open;
  Duration limit{0};  // after it they are open again without being told
};
struct InitAlone {};  // operator: this empty node is the pair now
struct AcknowledgeDropped {
  std::string mark;  // of what the operator has seen: that is forgotten, and nothing if the list begins otherwise by now
};
struct Resync {};  // operator: this follower asks for the leader's whole state; elsewhere nothing happens
using Event = std::variant<Tick, PeerConnected, PeerDisconnected, PeerMessage, PersistDone, PersistFailed,
                           OwnershipChanged, Submit, Programmed, LocalFactsChanged, HoldWrites, InitAlone,
                           AcknowledgeDropped, Resync>;

// ---- effects
enum class Durability : std::uint8_t { local, pair };
enum class RefusalCode : std::uint8_t {
  not_leader,
  no_peer_strict,
  timed_out,
  too_many_waiting,
  store_failed,
  moved,  // the peer leads now, or is about to: the client should ask there; the outcome is unknown
  registry
};

struct ChangeAccepted {
  Durability durability = Durability::local;
  bool changed = false;
  Seq seq;
  bool programmed_here = false;
  bool programmed_on_peer = false;
  Registry::Pointer after;  // null: the load balancer is gone
};
struct ChangeRefused {
  RefusalCode code = RefusalCode::not_leader;
  RegistryError registry;  // for code registry
  std::string message;
};

struct SendMessage {
  Message message;
};
struct Persist {
  PersistToken token = 0;
  PersistBatch batch;
};  // answer with PersistDone/PersistFailed
struct Reply {
  RequestHandle handle = 0;
  std::variant<ChangeAccepted, ChangeRefused> result;
};
struct Program {
  Seq seq;
  std::vector<LoadBalancerId> touched;
  bool everything = false;
};                    // bring OVS to applied(); then Programmed{seq}
struct ResetLink {};  // close and say hello again
enum class Severity : std::uint8_t { info, warning, error };
struct LogLine {
  Severity severity = Severity::info;
  std::string text;
};
using Effect = std::variant<SendMessage, Persist, Reply, Program, ResetLink, LogLine>;

// ---- what the core says of itself, for readiness, status and metrics
enum class Phase : std::uint8_t {
  waiting,      // no leader known: never synced and alone (waits for the peer or for `init --alone`), or just started
  negotiating,  // peer heard, histories being compared
  catching_up,  // follower that lacks entries or a snapshot
  following,    // follower, durable up to the leader
  leading,      // leader, peer in sync
  solo,         // leader, peer away: changes are `local`
  holding,      // leader-to-be or leader while the peer has just fallen silent: changes wait
  fenced,       // deposed while still VRRP master: waits for BACKUP
  failed,       // the store is broken
};

struct PeerView {
  bool connected = false;
  bool alive = false;  // heard within solo_after
  Term term;
  Seq last;
  Seq durable;
  Seq programmed;
  Digest state_digest;
  bool leads = false;
  NodeFacts facts;
};

struct Status {
  Phase phase = Phase::waiting;
  Term term;
  Seq last;       // newest entry in the local log
  Seq committed;  // newest applied entry
  Seq programmed;
  Seq pair_floor;
  Digest state_digest;
  bool leads = false;     // its term is on disk: changes go through
  bool takes_changes = false;  // leads, or is about to: a change that comes now waits for that moment
  Writes writes = Writes::open;
  bool drained = false;   // leads, nothing in flight, and the peer has everything on disk and in its Open vSwitch
  bool entitled = false;  // history allows this node to own: leader, or in-sync follower, or alone with a history
  std::string why_not;    // if not entitled: one line for the operator
  bool ever_synced = false;  // has a history of the pair: was in sync with it, or was told to begin alone
  bool diverged = false;
  std::size_t waiting_requests = 0;
  std::size_t dropped = 0;
  PeerView peer;
};

// Names the first `count` (or all) of these lost changes: COUNT-DIGEST; nothing if there are none.
std::string mark_of(const std::vector<DroppedChange>& dropped, std::size_t count);
// Of how many, the first ones, this is the mark; 0 if the list begins otherwise.
std::size_t marked_by(const std::string& mark, const std::vector<DroppedChange>& dropped);

class Replica {
 public:
  // `durable` is what the store holds; everything in its log counts as applied (an acknowledged change is never taken
  // back by a restart).
  Replica(Config config, DurableState durable, TimePoint now);
  ~Replica();
  Replica(Replica&&) noexcept;
  Replica& operator=(Replica&&) noexcept;

  std::vector<Effect> step(const Event& event, TimePoint now);
  TimePoint next_deadline() const;  // call step(Tick{}) then at the latest

  const Registry& applied() const;  // committed state: what OVS and readers see
  Status status() const;
  const std::vector<DroppedChange>& dropped() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace distributor::replica
