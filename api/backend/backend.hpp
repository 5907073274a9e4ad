// What the REST API needs of the daemon. node/ implements it and hands it in. All calls, and all callbacks, are on the
// one event-loop thread. A callback is called at most once, maybe before the call returns; dropping it uncalled answers
// the client 503.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/errors/api_error.hpp"
#include "sync/registry/registry.hpp"

namespace distributor::api {

enum class Durability : std::uint8_t { local, pair };  // on this node's disk, or on both (DESIGN: The guarantee)

struct ChangeOutcome {
  Durability durability = Durability::local;
  bool changed = false;            // false: it already stood so
  std::vector<NodeId> programmed;  // nodes whose Open vSwitch has it
  Registry::Pointer after;         // null: the load balancer is gone
};

struct BucketCounters {
  Position position;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

enum class IpProtocol : std::uint8_t { icmp = 1, tcp = 6, udp = 17, icmp6 = 58, sctp = 132 };

// A client as the affinity sees it. The port counts only for Affinity::source_ip_and_port.
struct ClientFlow {
  IpAddress client;
  std::uint16_t port = 0;
  IpProtocol protocol = IpProtocol::tcp;
};

// What became of a file that Octavia sent (P2).
struct StoredOutcome {
  bool changed = false;         // false: it already stood so
  std::vector<NodeId> held_by;  // nodes that have it on disk and use it
  std::string note;             // why a node lacks it, or what waits for a restart; empty: nothing to say
};

struct WriteAccess {
  bool allowed = false;
  std::string reason;            // if not: one line, e.g. "this node is the standby"
  std::optional<NodeId> leader;  // who takes changes, if known
};

// One node of the pair, as this node knows it.
struct MemberView {
  NodeId node;
  std::string version;
  std::string role;  // of keepalived: "MASTER", "BACKUP", "FAULT", "unknown", or "standalone"
  bool leads = false;
  bool ready = false;
  bool gate_open = false;
  bool ovs_programmed = false;
  std::uint32_t vip_links_up = 0;
  std::uint32_t vip_links_wanted = 0;
  Term term;
  Seq last;        // newest log entry
  Seq committed;   // newest applied entry (of the peer: newest durable one)
  Seq programmed;  // newest entry that Open vSwitch has
  Digest state_digest;
  std::string hash_fingerprint;  // of its Open vSwitch; empty = not known
};

inline constexpr std::size_t kDroppedListedMax = 200;  // of lost changes, in one answer

// A change that was acknowledged `local` and lost at a reunion (H8).
struct DroppedView {
  Term term;
  Seq seq;
  std::string request_id;
  std::string change;  // e.g. "register"
  std::optional<LoadBalancerId> lb;
  std::string reason;
};

// A planned switchover that was asked for (H7). Times are since the beginning.
struct SwitchoverView {
  bool completed = false;  // false: it is past the point of no return, and this answer had to go before the address does
  std::string reason;      // why it was called off; for PairView only
  NodeId to;
  double drained_ms = 0;    // both nodes had every change
  double peer_open_ms = 0;  // the other node answers for the VIPs too
  double moved_ms = 0;      // keepalived has moved
};

// The last time that this node took the VIPs over: stages since keepalived's line was read; absent: it did not come to that.
struct TakeoverView {
  std::uint64_t number = 0;
  std::size_t announcements = 0;
  bool planned = false;  // the gate was open already
  std::optional<double> gate_ms, announced_ms, term_ms, writes_ms;
};

struct PairView {
  std::string pair_id;
  bool standalone = false;  // no peer is configured (H9)
  std::string phase;        // of replication: "waiting", "following", "leading", "solo", ...
  bool entitled = false;    // may own the VIPs
  std::string why_not;      // if not entitled
  bool diverged = false;
  Seq pair_floor;  // newest entry that may have been acknowledged as durable on both nodes
  MemberView self;
  bool peer_connected = false;
  bool peer_alive = false;
  std::optional<MemberView> peer;  // absent: never heard of
  bool affinity_at_risk = false;   // the two Open vSwitches hash differently
  std::string affinity_reason;
  bool maintenance = false;  // this node was told to stay away from ownership
  std::optional<TakeoverView> last_takeover;
  std::optional<SwitchoverView> last_switchover;  // that this node gave
  std::vector<DroppedView>
      dropped;  // newest last; the answer lists at most the first kDroppedListedMax of them, and their number
  std::string dropped_mark;  // of those that the answer lists
};

struct NamedNumber {
  std::string name;  // snake_case with its unit
  std::uint64_t value = 0;
};
struct NamedText {
  std::string name;
  std::string text;
};

// As Octavia's amphora agent tells of its own machine. 0: not known.
struct MachineView {
  struct Network {
    std::string name;
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_bytes = 0;
  };
  std::uint64_t cpu_total = 0;  // in ticks since the machine started
  std::uint64_t cpu_user = 0;
  std::uint64_t cpu_system = 0;
  std::uint64_t cpu_soft_irq = 0;
  std::uint64_t memory_total_kib = 0;
  std::uint64_t memory_free_kib = 0;
  std::uint64_t memory_buffers_kib = 0;
  std::uint64_t memory_cached_kib = 0;
  std::uint64_t memory_swap_used_kib = 0;
  std::uint64_t memory_shared_kib = 0;
  std::uint64_t memory_slab_kib = 0;
  std::uint64_t disk_used_bytes = 0;
  std::uint64_t disk_available_bytes = 0;
  std::vector<Network> networks;
};

// The certificate that is served (P2).
struct CertificateView {
  std::string subject;
  std::string serial;
  std::string not_after;  // "2026-11-27T05:35:18Z"
  std::int64_t seconds_left = 0;
  bool peer_has_it = false;  // or there is no peer
};

// What this node's configuration allows (L6).
struct LimitsView {
  bool dedicated = false;
  std::uint64_t load_balancers_max = 0;
  std::uint64_t slots_max = 0;
  std::string unequal;  // how the peer's differ; empty = they do not, or are not known
};

struct NodeView {
  NodeId node_id;
  std::string distributor_id;  // one for both nodes: the name in the certificate
  std::string hostname;
  std::string version;              // of distributord
  std::vector<NamedText> versions;  // of the parts: {"openvswitch", "3.1.0"}, {"keepalived", "2.2.7"}, ...
  std::string role;                 // as MemberView::role
  std::string phase;                // as PairView::phase
  std::uint64_t uptime_s = 0;
  std::array<double, 3> load_average{};  // 1, 5, 15 minutes
  bool standalone = false;               // no peer is configured
  bool owns = false;                     // answers for the VIPs
  MachineView machine;
  std::optional<CertificateView> certificate;  // absent: it could not be read
  std::vector<NamedNumber> counters;
  LimitsView limits = {};
};

class Backend {
 public:
  virtual ~Backend() = default;

  using ChangeDone = std::function<void(tl::expected<ChangeOutcome, ApiError>)>;
  using ProbeDone = std::function<void(tl::expected<void, ApiError>)>;
  using CountersDone = std::function<void(tl::expected<std::vector<BucketCounters>, ApiError>)>;

  // Makes a change durable and programs it. request_id: empty, or 1..limits::kRequestIdBytesMax printable characters.
  virtual void submit(Command command, std::string request_id, ChangeDone done) = 0;
  // Are the interfaces that PLUG names there, on each node that answers? If not: ErrorCode::interface_not_found.
  // Changes nothing (P4).
  virtual void probe_interfaces(const PlugCommand& plug, ProbeDone done) = 0;

  virtual const Registry& registry()
      const = 0;  // applied state; the reference holds until the next return to the event loop
  // Why that may be older than what the pair has answered, as one line for whoever reads it. Empty: this node leads, or follows in sync.
  virtual std::string stale() const = 0;
  virtual NodeId node_id() const = 0;
  virtual std::vector<NodeId> members()
      const = 0;  // both nodes of the pair, or this one: who needs an interface per load balancer
  virtual WriteAccess writable() const = 0;

  // PUT /1.0/certificate and /1.0/config: checks, writes, uses, hands to the peer; all or nothing on this node (P2).
  using StoreDone = std::function<void(tl::expected<StoredOutcome, ApiError>)>;
  virtual void put_certificate(std::string pem, StoreDone done) = 0;
  virtual void put_config(std::string ini, StoreDone done) = 0;

  // Packets and bytes of every bucket since it was made, on this node (P9).
  virtual void counters(const LoadBalancerId& lb, CountersDone done) = 0;
  // Which position this client maps to (A5). Nothing: every position is vacant, or no VIP is of the client's address
  // family.
  virtual std::optional<Position> where(const LoadBalancer& lb, const ClientFlow& flow) const = 0;

  // Hands ownership to the peer. `asked_at`: this host's address that the request came to; if that one moves too, the answer comes
  // before it does. Refused: ErrorCode::switchover_refused or not_active, and nothing has changed.
  using SwitchoverDone = std::function<void(tl::expected<SwitchoverView, ApiError>)>;
  virtual void switchover(const std::string& asked_at, SwitchoverDone done) = 0;

  virtual PairView pair() const = 0;
  virtual NodeView info() const = 0;
};

}  // namespace distributor::api
