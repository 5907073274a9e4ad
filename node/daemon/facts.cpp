#include "node/daemon/facts.hpp"

namespace distributor::node {

using replica::Phase;

namespace {

// Of a node that is no leader.
std::string why_behind(const replica::Status& status) {
  if (status.takes_changes) return "it was made the owner a moment ago and does not lead yet";
  if (!status.why_not.empty()) return status.why_not;
  if (status.phase == Phase::negotiating) return "it compares histories with the other node";
  return status.peer.alive ? "the other node does not lead" : "it does not hear the other node, which may take changes alone";
}

}  // namespace

role::SyncFacts sync_facts(const replica::Status& status, bool standalone, std::size_t load_balancers, std::chrono::milliseconds up_for,
                           std::chrono::milliseconds solo_after) {
  role::SyncFacts facts;
  const bool waited_long_enough = !status.peer.alive && up_for >= solo_after;
  facts.negotiating = status.phase == Phase::negotiating;
  facts.evaluated = standalone || (status.phase != Phase::negotiating && status.phase != Phase::waiting) ||
                    (status.phase == Phase::waiting && (waited_long_enough || status.entitled));
  facts.entitled = status.entitled;
  facts.why_not = status.why_not;
  facts.leads = status.leads;
  facts.in_sync = status.leads || status.phase == Phase::following || status.phase == Phase::leading || status.phase == Phase::solo ||
                  status.phase == Phase::holding;
  facts.has_history = status.entitled || status.last.value > 0 || load_balancers > 0;
  facts.peer_alive = status.peer.alive;
  if (status.peer.alive) {
    facts.peer_vrrp_master = status.peer.facts.vrrp_master;
    facts.peer_gate_open = status.peer.facts.gate_open;
    facts.peer_ready = status.peer.facts.ready;
    facts.peer_links_up = status.peer.facts.vip_links_up;
  }
  return facts;
}

role::HealthFacts health_facts(const replica::Status& status, const ForwardingHealth& health) {
  role::HealthFacts facts;
  facts.store_ok = status.phase != Phase::failed;
  facts.ovs_connected = health.synchronised;
  facts.ovs_programmed = health.programmed && status.programmed >= status.committed;
  facts.links_up = health.links_up;
  facts.links_wanted = health.links_wanted;
  return facts;
}

replica::NodeFacts node_facts(const role::Status& role, const ForwardingHealth& health, std::string hash_fingerprint, std::string ceilings) {
  replica::NodeFacts facts;
  facts.vrrp_master = role.vrrp == keepalived::VrrpState::master && role.keepalived_alive;
  facts.gate_open = role.gate == role::Gate::open;
  facts.ready = role.readiness.value_or(0) == 150;
  facts.ovs_programmed = health.synchronised;
  facts.vip_links_up = health.links_up;
  facts.vip_links_wanted = health.links_wanted;
  facts.version = DISTRIBUTOR_VERSION;
  facts.hash_fingerprint = std::move(hash_fingerprint);
  facts.ceilings = std::move(ceilings);
  return facts;
}

std::string affinity_risk(const std::string& own_fingerprint, const replica::Status& status) {
  const auto& peer = status.peer.facts.hash_fingerprint;
  if (own_fingerprint.empty() || peer.empty() || own_fingerprint == peer) return {};
  return "Open vSwitch here chooses with " + own_fingerprint + ", the peer's with " + peer +
         ": clients move when ownership does; install the same build of Open vSwitch on both nodes";
}

switchover::Facts switchover_facts(const role::Status& role, const replica::Status& status, const std::optional<NodeId>& peer) {
  using keepalived::VrrpState;
  switchover::Facts facts;
  facts.backup = role.vrrp_known && role.vrrp == VrrpState::backup;
  facts.owner = role.vrrp_known && role.vrrp == VrrpState::master && role.gate == role::Gate::open && status.leads;
  facts.drained = status.drained;
  facts.peer_alive = status.peer.alive;
  facts.peer_ready = status.peer.alive && status.peer.facts.ready;
  facts.peer_owns = status.peer.alive && status.peer.facts.vrrp_master && status.peer.facts.gate_open;
  if (!peer) {
    facts.not_owner = "no peer is configured: there is nobody to hand over to";
  } else if (!facts.owner) {
    facts.not_owner = facts.backup ? "this node does not own the VIPs: ask " + peer->text()
                                   : "this node is not the settled owner of the VIPs; see `distributorctl status`";
  }
  const auto name = peer ? peer->text() : "the peer";
  facts.peer_missing = facts.peer_alive ? name + " is not ready to own; `distributorctl status` there says why" : name + " is away";
  return facts;
}

std::optional<std::string> why_not_take_over(const role::Status& role, const replica::Status& status, Seq seq) {
  if (!role.vrrp_known || role.vrrp != keepalived::VrrpState::backup) return "keepalived does not say BACKUP there";
  if (role.readiness != keepalived::kReadinessReady) return "it is not ready: " + role.readiness_reason;
  if (status.phase != Phase::following) return std::string("it is not in sync");
  if (status.last < seq || status.programmed < seq) return "it has not everything up to change " + std::to_string(seq.value) + " yet";
  return std::nullopt;
}

std::string unequal_ceilings(const std::string& own, const replica::Status& status) {
  const auto& peer = status.peer.facts.ceilings;
  if (peer.empty() || own == peer) return {};
  return "this node has \"" + own + "\", the peer \"" + peer + "\": the node that leads decides; give both the same [limits]";
}

std::string why_stale(const role::Status& role, const replica::Status& status, bool has_peer) {
  const bool follows = status.phase == Phase::following && status.peer.leads && status.peer.alive;
  if (follows) return {};
  std::string why;
  if (!status.leads) {
    why = why_behind(status);
  } else if (has_peer && !status.peer.alive && !(role.vrrp_known && role.vrrp == keepalived::VrrpState::master)) {
    // Deposed by keepalived alone: the link that would tell of the new leader is cut. For the same reason BACKUP takes no change.
    why = "keepalived does not have it as the owner, and it does not hear the other node, which may lead now";
  }
  return why.empty() ? why : "this node may show what is old: " + why + "; read again at the management address";
}

replica::Ownership to_replica(role::Ownership ownership) {
  switch (ownership) {
    case role::Ownership::master:
      return replica::Ownership::master;
    case role::Ownership::backup:
      return replica::Ownership::backup;
    case role::Ownership::fault:
      return replica::Ownership::fault;
    case role::Ownership::unknown:
      break;
  }
  return replica::Ownership::unknown;
}

}  // namespace distributor::node
