#include "node/daemon/facts.hpp"

namespace distributor::node {

using replica::Phase;

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

role::HealthFacts health_facts(const replica::Status& status, const Forwarding::Health& health) {
  role::HealthFacts facts;
  facts.store_ok = status.phase != Phase::failed;
  facts.ovs_connected = health.synchronised;
  facts.ovs_programmed = health.programmed && status.programmed >= status.committed;
  facts.links_up = health.links_up;
  facts.links_wanted = health.links_wanted;
  return facts;
}

replica::NodeFacts node_facts(const role::Status& role, const Forwarding::Health& health) {
  replica::NodeFacts facts;
  facts.vrrp_master = role.vrrp == keepalived::VrrpState::master && role.keepalived_alive;
  facts.gate_open = role.gate == role::Gate::open;
  facts.ready = role.readiness.value_or(0) == 150;
  facts.ovs_programmed = health.synchronised;
  facts.vip_links_up = health.links_up;
  facts.vip_links_wanted = health.links_wanted;
  facts.version = DISTRIBUTOR_VERSION;
  return facts;
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
