#include "node/daemon/metrics_text.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "node/daemon/api_backend.hpp"
#include "node/daemon/facts.hpp"

namespace distributor::node {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  void gauge(const char* name, const char* help, double value) { add(name, help, MetricType::Gauge).gauge.value = value; }
  void gauge(const char* name, const char* help, bool value) { gauge(name, help, value ? 1.0 : 0.0); }
  void counter(const char* name, const char* help, std::uint64_t value) {
    add(name, help, MetricType::Counter).counter.value = static_cast<double>(value);
  }
  void state(const char* name, const char* help, const char* label, const std::string& value) {
    auto& metric = add(name, help, MetricType::Gauge);
    metric.label.push_back({label, value});
    metric.gauge.value = 1;
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  ClientMetric& add(const char* name, const char* help, MetricType type) {
    families_.push_back(MetricFamily{std::string("distributor_") + name, help, type, {ClientMetric{}}});
    return families_.back().metric.front();
  }
  std::vector<MetricFamily> families_;
};

void add_replication(Families& families, const ReplicaShell& replica) {
  const auto status = replica.core().status();
  const auto& stats = replica.stats();
  families.state("replication_phase", "1 for the present phase of replication", "phase", ApiBackend::phase_name(status.phase));
  families.gauge("replication_leads", "1 if this node takes changes", status.leads);
  families.gauge("replication_entitled", "1 if this node's history allows it to own the VIPs", status.entitled);
  families.gauge("replication_diverged", "1 if the nodes held different states at the same place of their history", status.diverged);
  families.gauge("replication_term", "Present term", static_cast<double>(status.term.value));
  families.gauge("replication_last_seq", "Newest entry of the log", static_cast<double>(status.last.value));
  families.gauge("replication_committed_seq", "Newest applied entry", static_cast<double>(status.committed.value));
  families.gauge("replication_programmed_seq", "Newest entry that Open vSwitch has", static_cast<double>(status.programmed.value));
  families.gauge("replication_peer_durable_seq", "Newest entry on the peer's disk", static_cast<double>(status.peer.durable.value));
  families.gauge("replication_peer_alive", "1 if the peer was heard of within solo_after", status.peer.alive);
  families.gauge("replication_waiting_requests", "Changes that wait to be durable", static_cast<double>(status.waiting_requests));
  families.gauge("replication_dropped_changes", "Changes lost at a reunion and not yet acknowledged by an operator", static_cast<double>(status.dropped));
  families.counter("store_persists_total", "Transactions written to disk", stats.persists);
  families.counter("store_persist_failures_total", "Transactions that the disk refused", stats.persist_failures);
  families.gauge("store_persist_last_seconds", "Time of the last transaction, fsync included", stats.persist_last_ms / 1000.0);
  families.counter("replication_messages_sent_total", "Messages handed to the link", stats.messages_sent);
  families.counter("replication_messages_unsent_total", "Messages that found no peer", stats.messages_unsent);
  families.counter("replication_messages_refused_total", "Messages of the peer that could not be read", stats.messages_refused);
  families.gauge("load_balancers", "Load balancers configured", static_cast<double>(replica.core().applied().size()));
}

void add_forwarding(Families& families, const Forwarding& forwarding) {
  const auto health = forwarding.health();
  const auto& stats = forwarding.programmer_statistics();
  families.gauge("ovs_synchronised", "1 if connected to the bridge and its rules were compared since", health.synchronised);
  families.gauge("ovs_programmed", "1 if the bridge holds exactly what the registry says", health.programmed);
  families.gauge("vip_links_up", "VIP interfaces of this node that are there and have carrier", static_cast<double>(health.links_up));
  families.gauge("vip_links_wanted", "VIP interfaces that this node should have", static_cast<double>(health.links_wanted));
  families.counter("ovs_flow_changes_total", "Flow-mods sent", stats.flows_sent);
  families.counter("ovs_group_changes_total", "Group-mods sent", stats.groups_sent);
  families.counter("ovs_bundles_committed_total", "Bundles committed", stats.bundles_committed);
  families.counter("ovs_bundles_refused_total", "Bundles that Open vSwitch refused", stats.bundles_refused);
  families.counter("ovs_connections_total", "OpenFlow connections made", stats.connections);
  families.counter("ovs_foreign_changes_total", "Changes of the bridge's rules by others, as Open vSwitch told", stats.foreign_changes);
  families.counter("ovs_repairs_total", "Rules found missing, changed or foreign", stats.repairs);
  families.gauge("ovs_refused_load_balancers", "Load balancers whose rules Open vSwitch refuses", static_cast<double>(stats.refused_keys));
  families.gauge("ovs_programming_last_seconds", "Time of the last bundle, barrier included", stats.last_programming_ms / 1000.0);
  families.counter("neighbour_solicitations_answered_total", "Solicitations that the daemon answered because the datapath cannot", forwarding.solicitations_answered());
  if (forwarding.hash()) families.state("ovs_hash_info", "Hash that Open vSwitch chooses buckets with", "hash", forwarding.hash()->text);
  families.counter("announcements_sent_total", "Gratuitous ARP and unsolicited NA frames sent", forwarding.announcements_sent());
}

void add_role(Families& families, const RoleShell& role) {
  const auto status = role.status();
  families.gauge("owner", "1 if this node answers for the VIPs", status.owner);
  families.gauge("gate_open", "1 if the ARP/ND gate is open", status.gate == role::Gate::open);
  families.gauge("vrrp_master", "1 if keepalived says MASTER", status.vrrp == keepalived::VrrpState::master);
  families.gauge("keepalived_alive", "1 if keepalived runs", status.keepalived_alive);
  families.gauge("readiness", "Last value told to keepalived: 0, 50 or 150", static_cast<double>(status.readiness.value_or(0)));
  families.counter("takeovers_total", "Times this node took the VIPs over", status.takeovers);
  families.counter("ownership_changes_total", "Times that keepalived made this node MASTER or took that away", status.ownership_changes);
  families.counter("readiness_losses_total", "Times that ill health or history took this node's readiness away; rising = flapping", status.readiness_losses);
  families.gauge("gatekeeper_connected", "1 if the gatekeeper watches this daemon", role.gatekeeper_connected());
}

void add_ownership(Families& families, const SwitchoverShell& switchover, const TakeoverClock& takeovers) {
  families.gauge("maintenance", "1 if this node was told to stay away from ownership", switchover.maintenance());
  families.counter("switchovers_total", "Planned switchovers that this node gave", switchover.completed());
  families.counter("switchovers_called_off_total", "Planned switchovers that were begun here and called off", switchover.called_off());
  if (!takeovers.last()) return;
  const auto& last = *takeovers.last();
  const auto stage = [&](const char* name, const char* help, const std::optional<TakeoverClock::Duration>& time) {
    if (time) families.gauge(name, help, std::chrono::duration<double>(*time).count());
  };
  stage("takeover_last_gate_seconds", "From keepalived's line to the gate's barrier, at the last takeover; 0 if it was open already", last.gate);
  stage("takeover_last_announced_seconds", "From keepalived's line to the last announcement sent", last.announced);
  stage("takeover_last_term_seconds", "From keepalived's line to the new term on disk", last.term);
  stage("takeover_last_writes_seconds", "From keepalived's line to changes being taken", last.writes);
}

void add_api(Families& families, const api::ServerStats& api) {
  families.counter("api_connections_total", "TLS connections accepted", api.connections_accepted);
  families.counter("api_connections_refused_total", "Connections over the bound of one address", api.connections_refused);
  families.counter("api_handshakes_failed_total", "TLS handshakes refused", api.handshakes_failed);
  families.counter("api_requests_total", "Requests read", api.requests);
  families.counter("api_requests_malformed_total", "Requests that were no HTTP", api.requests_malformed);
  families.counter("api_timeouts_total", "Connections closed for slowness", api.timeouts);
  families.gauge("api_connections_open", "TLS connections open now", static_cast<double>(api.connections_open));
}

void add_octavia(Families& families, const PairFiles& files, const Heartbeats::Stats& heartbeats) {
  if (const auto& facts = files.certificate()) {
    families.gauge("certificate_expiry_timestamp_seconds", "When the served certificate ends, in seconds since 1970",
                   static_cast<double>(std::chrono::system_clock::to_time_t(facts->not_after)));
  }
  const bool lacks = files.document(DocumentKind::certificate).peer_lacks() || files.document(DocumentKind::agent_config).peer_lacks();
  families.gauge("peer_lacks_files", "1 if the peer has not confirmed the newest certificate and agent configuration", lacks);
  families.counter("heartbeats_sent_total", "Heartbeats sent", heartbeats.sent);
  families.counter("heartbeats_failed_total", "Heartbeats that the kernel refused to send", heartbeats.failed);
  families.counter("heartbeats_suppressed_total", "Heartbeats not sent because keepalived did not run", heartbeats.suppressed);
}

}  // namespace

std::string metrics_text(const ReplicaShell& replica, const Forwarding& forwarding, const RoleShell& role, const SwitchoverShell& switchover,
                         const TakeoverClock& takeovers, const api::ServerStats& api, const PairFiles& files, const Heartbeats::Stats& heartbeats) {
  Families families;
  families.state("build_info", "1, labelled with the version", "version", DISTRIBUTOR_VERSION);
  add_role(families, role);
  add_ownership(families, switchover, takeovers);
  add_replication(families, replica);
  add_forwarding(families, forwarding);
  add_api(families, api);
  add_octavia(families, files, heartbeats);
  const std::string own_hash = forwarding.hash() ? forwarding.hash()->text : "";
  families.gauge("affinity_at_risk", "1 if the two Open vSwitches choose with different hashes", !affinity_risk(own_hash, replica.core().status()).empty());
  return families.text();
}

}  // namespace distributor::node
