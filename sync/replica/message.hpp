// What the two nodes say to each other (docs/replication.md has the table). Values only; message_codec.hpp turns them
// into bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sync/replica/durable_state.hpp"

namespace distributor::replica {

inline constexpr std::uint32_t kProtocolMin = 1;
inline constexpr std::uint32_t kProtocolMax = 1;

inline constexpr std::size_t kMessageBytesMax = 1U << 20U;  // of one encoded message; longer ones are refused
inline constexpr std::size_t kBatchBytesMax =
    256U << 10U;  // payload of one Append, SnapshotChunk or Orphans: a sender stops there
inline constexpr std::size_t kEntriesPerMessageMax = 1024;
inline constexpr std::size_t kLocatorPointsMax = 64;
inline constexpr std::size_t kCommandBytesMax = 128U << 10U;  // of one encoded command or load balancer
inline constexpr std::uint64_t kSnapshotWindow = 4;           // chunks that may be under way without a credit

// Facts of a node that its peer needs for roles and reports. Opaque to replication, but for ovs_programmed.
struct NodeFacts {
  bool vrrp_master = false;
  bool gate_open = false;
  bool ready = false;           // its readiness file says so
  bool ovs_programmed = false;  // false if OVS is away or refuses, not while a change is on its way: the leader does
                                // not wait for such a peer
  std::uint32_t vip_links_up = 0;
  std::uint32_t vip_links_wanted = 0;
  std::string hash_fingerprint;  // of the running OVS, empty = not known
  std::string version;
  std::string ceilings = {};  // Ceilings::text(); empty = not known
  friend bool operator==(const NodeFacts&, const NodeFacts&) = default;
};

// What a node found when it compared the other's Hello with its own history.
struct HelloAnswer {
  std::uint64_t number = 0;     // of the Hello that is answered
  bool contains_floor = false;    // its pair_floor is in my history
  bool contains_ceiling = false;  // so is all that this node may have helped to answer `pair`
  friend bool operator==(const HelloAnswer&, const HelloAnswer&) = default;
};

// Opens and answers a comparison of histories. The content of a (boot, number) never changes, only `answer` is added:
// both nodes decide from the same two Hellos, so they decide alike.
struct Hello {
  std::uint64_t number = 0;  // counts up within a boot
  std::string pair_id;
  NodeId node_id;
  std::uint32_t protocol_min = kProtocolMin;
  std::uint32_t protocol_max = kProtocolMax;
  Term term;
  bool ever_synced = false;
  bool leads = false;
  bool vrrp_master = false;
  LogPoint last;
  LogPoint base;
  LogPoint pair_floor;
  Pairing pairing;
  std::vector<LogPoint> locator;  // newest first, thinning out: finds the last common entry
  NodeFacts facts;
  std::optional<HelloAnswer> answer;
  friend bool operator==(const Hello&, const Hello&) = default;
};

// ---- leader to follower
struct Append {
  LogPoint previous;              // the entry before the first one: must be in the follower's log
  std::vector<LogEntry> entries;  // may be empty: only compares
  LogPoint last;                  // the leader's newest
  Seq committed;
  friend bool operator==(const Append&, const Append&) = default;
};
struct Commit {
  Seq committed;
  friend bool operator==(const Commit&, const Commit&) = default;
};

// ---- follower to leader
struct Ack {
  LogPoint durable;     // equal to the leader's log up to here, and on disk, in this term
  bool synced = false;  // it has the durable record of having been in sync: only then may `pair` rest on it
  Seq programmed;
  std::uint64_t snapshot = 0;  // id of the leader's last one that is on its disk: what it said before says nothing of what it has since
  friend bool operator==(const Ack&, const Ack&) = default;
};
enum class NackReason : std::uint8_t { gap = 1, mismatch = 2, diverged = 3, resync = 4 };
struct Nack {
  NackReason reason = NackReason::gap;
  std::vector<LogPoint> locator;
  friend bool operator==(const Nack&, const Nack&) = default;
};
struct ProgrammedAck {
  Seq programmed;
  friend bool operator==(const ProgrammedAck&, const ProgrammedAck&) = default;
};

// ---- both ways
struct Heartbeat {
  bool leads = false;
  LogPoint last;
  Seq committed;
  Digest state_digest;  // of the state at committed
  Seq programmed;
  LogPoint durable;     // follower: as in Ack
  bool synced = false;  // follower: as in Ack
  std::uint64_t snapshot = 0;  // follower: as in Ack
  NodeFacts facts;
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};
// Your message was of a lower term: you are deposed. The header says the present term.
struct Stale {
  friend bool operator==(const Stale&, const Stale&) = default;
};

// ---- snapshot, leader to follower; credits come back
struct SnapshotBegin {
  std::uint64_t id = 0;
  LogPoint point;
  std::uint32_t load_balancers = 0;
  Digest state_digest;
  friend bool operator==(const SnapshotBegin&, const SnapshotBegin&) = default;
};
struct SnapshotChunk {
  std::uint64_t id = 0;
  std::uint64_t index = 0;                  // 0, 1, 2, ...
  std::vector<std::string> load_balancers;  // codec.hpp bytes
  bool last = false;
  friend bool operator==(const SnapshotChunk&, const SnapshotChunk&) = default;
};
struct SnapshotCredit {
  std::uint64_t id = 0;
  std::uint64_t next_index = 0;  // all before it arrived; up to kSnapshotWindow more are welcome
  friend bool operator==(const SnapshotCredit&, const SnapshotCredit&) = default;
};

// ---- reunion, follower to leader: what it had done alone and cut off its log
struct Orphans {
  std::uint64_t batch = 0;
  LogPoint common;                     // last common entry
  bool propose = false;                // false: only for the leader's list
  std::vector<DroppedChange> changes;  // in their order
  friend bool operator==(const Orphans&, const Orphans&) = default;
};
// The leader has proposed them again or has them in its durable list.
struct OrphansTaken {
  std::uint64_t batch = 0;
  friend bool operator==(const OrphansTaken&, const OrphansTaken&) = default;
};

struct Header {
  NodeId sender;
  std::uint64_t sender_boot = 0;
  std::uint64_t receiver_boot = 0;  // 0 = not known yet (Hello only)
  Term term;                        // of the sender, persisted
  friend bool operator==(const Header&, const Header&) = default;
};

using Body = std::variant<Hello, Append, Commit, Ack, Nack, ProgrammedAck, Heartbeat, Stale, SnapshotBegin,
                          SnapshotChunk, SnapshotCredit, Orphans, OrphansTaken>;

struct Message {
  Header header;
  Body body;
  friend bool operator==(const Message&, const Message&) = default;
};

}  // namespace distributor::replica
