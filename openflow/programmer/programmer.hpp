// Keeps one bridge of Open vSwitch equal to what is desired, over one persistent OpenFlow 1.5 connection (DESIGN: Open
// vSwitch).
//
// Thread: everything, callbacks included, runs on the io_context's one thread; no member may be called from another.
// Callbacks are never called from inside the call that registered them, and never after the destructor. No call blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "openflow/programmer/target.hpp"
#include "openflow/wire/meter.hpp"
#include "openflow/wire/rule.hpp"
#include "openflow/wire/stats.hpp"

namespace boost::asio {
class io_context;
}

namespace distributor::programmer {

// Owner of a set of rules: a load balancer's ordinal, or kBaseKey for the rules that belong to the bridge itself.
using Key = std::uint64_t;
inline constexpr Key kBaseKey = ~Key{0};

inline constexpr std::size_t kWaitersMax = 4096;  // commits and queries that wait; one more fails with `overloaded`
inline constexpr std::size_t kQueuedBytesMax = 64U << 20U;  // unsent bytes; past it packet_out() refuses

struct Options {
  Target target;                          // e.g. the unix socket /var/run/openvswitch/br-dp.mgmt
  std::uint32_t echo_interval_ms = 1000;  // our own probe
  std::uint32_t reply_timeout_ms =
      5000;                           // no answer to a probe, bundle or query for so long: the connection is dropped
  std::uint32_t backoff_min_ms = 10;  // between connection attempts, doubling
  std::uint32_t backoff_max_ms = 1000;
  std::uint32_t absent_retry_max_ms =
      50;  // while nothing listens on the socket: a try costs nothing, a late one costs traffic (O5)
  std::uint32_t refused_retry_min_ms = 1000;  // rules that OVS refused are tried again after this, doubling
  std::uint32_t refused_retry_max_ms = 30000;
  // Meters that the rules use. All of them stand before any rule is sent, or, where the datapath has not so many, none
  // (Capabilities).
  std::vector<wire::Meter> meters;
  std::uint32_t repair_pause_ms = 20;             // between repairs of what others changed (O5)
  // Before the base rules are put right. The gate is one of them: the gatekeeper may have closed it because this process was
  // hung, and until it has caught up with what happened, what it wants is old (H12).
  std::uint32_t base_repair_delay_ms = 300;
  std::uint32_t read_back_pause_ms = 250;         // between read-backs, where they did not change single rules only
  std::uint32_t unwatched_read_back_ms = 1000;    // where Open vSwitch does not tell what others change
};

// What the datapath behind the bridge can do; found out at each connection, never configured.
struct Capabilities {
  bool nd_fields = true;          // rules may write ND fields; false on the kernel datapath (D3)
  bool watched = true;            // changes by others are told; else they are found by reading back each second (O5)
  std::uint32_t meters_max = 0;   // 0: no meters (D9)
  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

enum class ProgramErrorCode : std::uint8_t {
  refused,       // OVS refused a rule of the keys committed; all of them stand as before
  timed_out,     // not confirmed in time; it stays desired and is programmed as soon as possible
  disconnected,  // a query lost its connection. (Commits survive that: they wait for the next one)
  overloaded,    // kWaitersMax
  conflict,      // two keys want the same group id or flow
  protocol,      // OVS sent something that is not OpenFlow 1.5
};

struct ProgramError {
  ProgramErrorCode code = ProgramErrorCode::refused;
  std::string message;     // what was wanted, what OVS said
  std::optional<Key> key;  // whose rule, if one is to blame
};

struct ProgramReport {
  std::size_t flows_sent = 0;   // flow-mods, deletes included
  std::size_t groups_sent = 0;  // group-mods, deletes included
  double duration_ms = 0;       // from sending to OVS's barrier reply
};

// Buckets by id, for what stands; `group_id` of foreign groups is left out.
struct BucketCounters {
  std::uint32_t group_id = 0;
  std::uint32_t bucket_id = 0;
  wire::Counters counters;
};

struct FlowCounters {
  std::uint64_t cookie = 0;  // summed over all flows with this cookie
  wire::Counters counters;
};

struct CounterReport {
  std::vector<BucketCounters> buckets;
  std::vector<FlowCounters> flows;  // sorted by cookie
};

struct Statistics {
  std::uint64_t flows_sent = 0;
  std::uint64_t groups_sent = 0;
  std::uint64_t bundles_committed = 0;
  std::uint64_t bundles_refused = 0;
  std::uint64_t urgent_commits = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t packets_out_refused = 0;  // by OVS, e.g. for a port that is gone
  std::uint64_t connections = 0;          // established; reconnects = this - 1
  std::uint64_t reconciliations = 0;      // read-backs compared
  std::uint64_t repairs = 0;  // rules found missing, changed or foreign at a read-back after the first of the process
  std::uint64_t foreign_changes = 0;  // made by others, as Open vSwitch told
  std::size_t refused_keys = 0;  // now
  double last_programming_ms = 0;
};

// All optional. They may call any member of the programmer, but not destroy it.
struct Events {
  std::function<void(bool connected, const std::string& why)> on_connection;
  // At each connection, before anything is compared: set_desired() from in here is in the first synchronisation.
  std::function<void(const Capabilities&)> on_capabilities;
  std::function<void(const ProgramReport&)>
      on_synchronised;  // after (re)connection: read back, compared, difference programmed
  std::function<void(const ProgramError&)>
      on_refused;  // rules of one key were refused and are set aside until they change or are retried
  // Everything desired stands again, and no key is refused, after a commit had failed (refused, timed out) or the
  // connection was lost.
  std::function<void()> on_settled;
  std::function<void(const ProgramReport&)> on_programmed;  // something was sent, and the barrier behind it seen
  std::function<void(const ProgramReport&)> on_repaired;  // a later read-back found differences, and they are mended
  std::function<void(const wire::PortStatus&)> on_port_status;
  std::function<void(const wire::PacketIn&)> on_packet_in;
};

class Programmer {
 public:
  using CommitCallback = std::function<void(tl::expected<ProgramReport, ProgramError>)>;
  using CounterCallback = std::function<void(tl::expected<CounterReport, ProgramError>)>;
  using PortCallback = std::function<void(tl::expected<std::vector<wire::Port>, ProgramError>)>;

  Programmer(boost::asio::io_context& io, Options options, Events events = {});
  ~Programmer();
  Programmer(const Programmer&) = delete;
  Programmer& operator=(const Programmer&) = delete;

  // Connects and stays connected. Until start_programming() nothing is changed in OVS, whatever stands there: a node
  // that does not know yet what is desired must not wipe it (DESIGN: The guarantee). Reading and packet_out() work.
  void start();
  void start_programming();

  // Changes the desired state in memory; nothing is sent before a commit. An error leaves it as it was: `conflict` if
  // another key wants the same group id or the same (table, priority, match), or if `rules` names one twice.
  tl::expected<void, ProgramError> set_desired(Key key, wire::Rules rules);
  void remove(Key key);

  // Programs every key that changed since, as ONE atomic, ordered bundle with only the difference, then a barrier. The
  // cost does not depend on the keys that did not change. Commits that arrive while one is under way share the next
  // bundle. Without connection, or before start_programming(), they wait for the synchronisation that comes.
  void commit(CommitCallback done, std::uint32_t timeout_ms = 5000);

  // Programs one key past everything that is queued (the ARP/ND gate: a change of one rule is exactly one flow-mod and
  // a barrier). Only if a bundle with this very key is under way it waits for that one.
  void commit_urgent(Key key, CommitCallback done, std::uint32_t timeout_ms = 5000);

  // Reads everything back, compares and repairs (O5). Several calls share one. It is done by itself at every
  // connection.
  void reconcile(CommitCallback done = {});

  // Sends frames in order, without confirmation. False: not connected, or kQueuedBytesMax reached; nothing of the batch
  // was sent.
  bool packet_out(const std::vector<wire::PacketOut>& batch);

  // Buckets of groups; with `flows`, also every flow's counters (OVS then lists all rules: not for a tight loop).
  void query_counters(CounterCallback done, bool flows = false);
  void query_ports(PortCallback done);

  bool connected() const;   // hello and features exchanged
  bool programmed() const;  // connected, and OVS is known to hold exactly what is desired (refused keys aside)
  const Statistics& statistics() const;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::programmer
