// What one part of the daemon tells another about itself: pure translations between their vocabularies.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "ha/role/role.hpp"
#include "ha/switchover/switchover.hpp"
#include "node/daemon/forwarding_health.hpp"
#include "sync/replica/replica.hpp"

namespace distributor::node {

// Replication's status as the role machine needs it. `up_for` = since the daemon started; a peer that was not heard for solo_after
// by then counts as away.
role::SyncFacts sync_facts(const replica::Status& status, bool standalone, std::size_t load_balancers, std::chrono::milliseconds up_for,
                           std::chrono::milliseconds solo_after);

role::HealthFacts health_facts(const replica::Status& status, const ForwardingHealth& health);

// What the peer is told with each heartbeat.
replica::NodeFacts node_facts(const role::Status& role, const ForwardingHealth& health, std::string hash_fingerprint,
                              std::string ceilings = {});

// Why clients may move at a takeover: the two Open vSwitches choose with different hashes. Empty: they choose alike, or one
// of them is not known.
std::string affinity_risk(const std::string& own_fingerprint, const replica::Status& status);

// What a planned switchover goes by on the side that gives (H7).
switchover::Facts switchover_facts(const role::Status& role, const replica::Status& status, const std::optional<NodeId>& peer);

// And on the side that takes: why this node can't answer beside the owner, which has everything up to seq. Nothing: it can.
std::optional<std::string> why_not_take_over(const role::Status& role, const replica::Status& status, Seq seq);

// How the peer's [limits] differ from this node's own. Empty: they do not, or are not known (L6).
std::string unequal_ceilings(const std::string& own, const replica::Status& status);

// Why what this node shows of load balancers may be older than what the pair has answered to clients, and what to do. Empty: it leads, or
// follows in sync a leader that it hears, and is behind by what is under way at most (H3).
std::string why_stale(const role::Status& role, const replica::Status& status, bool has_peer);

replica::Ownership to_replica(role::Ownership ownership);

}  // namespace distributor::node
