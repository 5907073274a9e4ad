// What a node must find again after a crash, and the atomic steps by which it changes. The store keeps it, the core
// decides it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sync/registry/load_balancer.hpp"

namespace distributor::replica {

// digest = SHA-256 over previous, term, seq, request id and command: equal digests at a seq mean equal histories up to
// it.
struct LogEntry {
  Term term;
  Seq seq;
  Digest previous;
  std::string request_id;  // empty if the client sent none
  std::string command;     // codec.hpp bytes
  Digest digest;
  friend bool operator==(const LogEntry&, const LogEntry&) = default;
};

// A point of the history.
struct LogPoint {
  Term term;  // term of the entry at seq
  Seq seq;
  Digest digest;
  friend bool operator==(const LogPoint&, const LogPoint&) = default;
};

// What a node knows, at the worst, of `pair` answers that rest on its disk and the peer's (docs/replication.md, "Who leads").
// Written ahead of every such answer.
struct Pairing {
  Term term;                    // of the leader under which it was written last
  LogPoint ceiling;             // no entry beyond it was answered `pair` so far: an upper bound, while pair_floor is a lower one
  // Leader: the process of the peer that may have acknowledged up to it, and so knows what never arrived. 0: no process knows that, as on a follower.
  std::uint64_t peer_boot = 0;
  friend bool operator==(const Pairing&, const Pairing&) = default;
};

// A node that led on without its peer, in the very process that had acknowledged the peer's entries: it had all of them.
struct Survivor {
  std::uint64_t boot = 0;  // of that process
  Term term;               // in which it led on; says nothing of pairings of that term or later
  friend bool operator==(const Survivor&, const Survivor&) = default;
};

struct Meta {
  std::string pair_id;       // set once; a store of another pair is refused
  NodeId node_id;            // set once; a copied disk is recognised by it
  Term term;                 // highest term seen or used; persisted before use
  bool ever_synced = false;  // was once initialised with, or in sync with, the pair: else it never leads by itself
  LogPoint base;             // load balancers below are the state at this point; the log holds what follows
  LogPoint pair_floor;       // highest entry that is known to be durable on both nodes: never cut
  Pairing pairing;
  Survivor survivor;
  friend bool operator==(const Meta&, const Meta&) = default;
};

// A change that was acknowledged `local` and lost at a reunion; kept until an operator acknowledges it.
struct DroppedChange {
  Term term;
  Seq seq;
  std::string request_id;
  std::string command;
  std::string reason;
  friend bool operator==(const DroppedChange&, const DroppedChange&) = default;
};

struct DurableState {
  Meta meta;
  std::vector<LoadBalancer> base;  // state at meta.base
  std::vector<LogEntry> log;       // seq base+1, base+2, ... without holes
  std::vector<DroppedChange> dropped;
};

// One transaction: all of it is durable (fsync) or none. Applied in the order of the members.
struct PersistBatch {
  std::optional<Meta> meta;
  std::optional<Seq> truncate_after;  // cut log entries with a greater seq
  std::optional<std::vector<LoadBalancer>>
      install_base;                       // snapshot: replaces base state and empties the log (append brings back what stays); meta.base says the point
  std::vector<LoadBalancer> base_upsert;  // checkpoint: moves the base forward (meta.base), ...
  std::vector<LoadBalancerId> base_erase;
  std::optional<Seq> prune_through;  // ... and drops the log entries up to it
  std::vector<LogEntry> append;
  bool forget_dropped = false;  // empties the list (an operator acknowledged it, or the leader took it over) before ...
  std::vector<DroppedChange> dropped;  // ... these are added to it
};

}  // namespace distributor::replica
