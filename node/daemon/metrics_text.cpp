#include "node/daemon/metrics_text.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <limits>

#include "node/daemon/api_backend.hpp"
#include "node/pem/pem.hpp"

namespace distributor::node {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  using Labels = std::vector<ClientMetric::Label>;

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
  // One of several series of a name; the first call of a name decides its place.
  void labelled(const char* name, const char* help, MetricType type, Labels labels, double value) {
    auto& family = family_of(name, help, type);
    auto& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  }
  void times(const char* name, const char* help, Labels labels, const api::TimeHistogram& times) {
    auto& metric = family_of(name, help, MetricType::Histogram).metric.emplace_back();
    metric.label = std::move(labels);
    metric.histogram.sample_count = times.count;
    metric.histogram.sample_sum = times.sum_s;
    for (std::size_t i = 0; i < times.at_most.size(); ++i) metric.histogram.bucket.push_back({times.at_most[i], api::TimeHistogram::kBoundsSeconds[i]});
    metric.histogram.bucket.push_back({times.count, std::numeric_limits<double>::infinity()});
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  MetricFamily& family_of(const char* name, const char* help, MetricType type) {
    const auto full = std::string("distributor_") + name;
    if (families_.empty() || families_.back().name != full) {
      const auto found = std::find_if(families_.begin(), families_.end(), [&](const auto& family) { return family.name == full; });
      if (found != families_.end()) return *found;
      families_.push_back(MetricFamily{full, help, type, {}});
    }
    return families_.back();
  }
  ClientMetric& add(const char* name, const char* help, MetricType type) { return family_of(name, help, type).metric.emplace_back(); }
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
  families.labelled("changes_total", "Changes answered, by where they were durable then", MetricType::Counter, {{"durability", "pair"}}, static_cast<double>(stats.changes_pair));
  families.labelled("changes_total", "", MetricType::Counter, {{"durability", "local"}}, static_cast<double>(stats.changes_local));
  families.counter("changes_refused_total", "Changes refused by the rules, or for want of a leader, a peer or a disk", stats.changes_refused);
  families.gauge("last_change_durable_on_pair", "1 if the last change answered was durable on both nodes; 1 before the first", stats.last_change_pair);
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
  families.times("ovs_programming_seconds", "Time of a change of the bridge, from the first message to its barrier's answer", {}, forwarding.programming_times());
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
  families.gauge("readiness", "Last value told to keepalived: 0, 50 or 150; -254 while ownership is given up at once", static_cast<double>(status.readiness.value_or(0)));
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
  static constexpr std::array<const char*, 5> kClasses{"1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 1; i < kClasses.size(); ++i) {
    families.labelled("api_answers_total", "Answers, by class of status", MetricType::Counter, {{"class", kClasses[i]}}, static_cast<double>(api.answers[i]));
  }
  families.times("api_answer_seconds", "Time from a request's last byte to its answer", {{"kind", "read"}}, api.reads);
  families.times("api_answer_seconds", "", {{"kind", "change"}}, api.changes);
}

void add_expiry(Families& families, const char* which, const std::filesystem::path& file) {
  const auto found = read_certificates(file);
  if (!found) return;  // absent, so that an alert on absence can tell it from an expired one
  const auto first = std::min_element(found->begin(), found->end(), [](const auto& a, const auto& b) { return a.not_after < b.not_after; });
  families.labelled("certificate_expiry_timestamp_seconds", "When the first certificate of the file ends, as Unix time", MetricType::Gauge, {{"certificate", which}},
                    static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(first->not_after.time_since_epoch()).count()));
}

// Whole load balancers in the order of their ids, as long as their series fit: a bound of cardinality, not a sample.
void add_traffic(Families& families, const Overview& overview, std::size_t series_max) {
  std::size_t series = 0, left_out = 0;
  for (const auto& lb : overview.balancers) {
    const auto wanted = 2 + 2 * lb.buckets.size() + 2;
    if (series + wanted > series_max) {
      ++left_out;
      continue;
    }
    series += wanted;
    const auto id = lb.id.text();
    families.labelled("load_balancer_amphorae", "Amphorae that hold a position", MetricType::Gauge, {{"lb_id", id}}, static_cast<double>(lb.buckets.size()));
    families.labelled("load_balancer_carried", "1 if this node has the interface and rules of the load balancer", MetricType::Gauge, {{"lb_id", id}}, lb.carried ? 1 : 0);
    if (overview.counters_missing) continue;
    families.labelled("load_balancer_packets_total", "Packets forwarded by this node", MetricType::Counter, {{"lb_id", id}}, static_cast<double>(lb.packets));
    families.labelled("load_balancer_bytes_total", "Bytes forwarded by this node", MetricType::Counter, {{"lb_id", id}}, static_cast<double>(lb.bytes));
    for (const auto& bucket : lb.buckets) {
      const auto position = std::to_string(bucket.position.value);
      families.labelled("bucket_packets_total", "Packets forwarded by this node to the amphora at a position", MetricType::Counter, {{"lb_id", id}, {"position", position}},
                        static_cast<double>(bucket.packets));
      families.labelled("bucket_bytes_total", "Bytes forwarded by this node to the amphora at a position", MetricType::Counter, {{"lb_id", id}, {"position", position}},
                        static_cast<double>(bucket.bytes));
    }
  }
  families.gauge("load_balancers_left_out", "Load balancers without series of their own, because of metrics.series_max", static_cast<double>(left_out));
}

void add_overview(Families& families, const MetricSources& from, const Overview& overview) {
  families.state("role", "1 for the present role by keepalived", "role", overview.pair.self.role);
  families.counter("role_changes_total", "Times this node began or ceased to answer for the VIPs", from.ownership_changes);
  families.gauge("ready", "1 if this node may own the VIPs", overview.pair.self.ready);
  families.gauge("standalone", "1 if no peer is configured", overview.pair.standalone);
  families.gauge("replication_lag_entries", "Changes that the follower's disk does not have yet", static_cast<double>(overview.lag_entries));
  families.gauge("replication_lag_seconds", "For how long the follower's disk has lacked something", overview.lag_s);
  families.gauge("affinity_at_risk", "1 if the two Open vSwitches choose with different hashes", overview.pair.affinity_at_risk);
  families.gauge("ovs_counters_known", "1 if Open vSwitch told packets and bytes in time", !overview.counters_missing);
  add_expiry(families, "server", from.config.api.certificate);
  add_expiry(families, "client_ca", from.config.api.client_ca);
  add_traffic(families, overview, from.config.metrics_series_max);
}

void add_octavia(Families& families, const PairFiles& files, const Heartbeats::Stats& heartbeats) {
  const bool lacks = files.document(DocumentKind::certificate).peer_lacks() || files.document(DocumentKind::agent_config).peer_lacks();
  families.gauge("peer_lacks_files", "1 if the peer has not confirmed the newest certificate and agent configuration", lacks);
  families.counter("heartbeats_sent_total", "Heartbeats sent", heartbeats.sent);
  families.counter("heartbeats_failed_total", "Heartbeats that the kernel refused to send", heartbeats.failed);
  families.counter("heartbeats_suppressed_total", "Heartbeats not sent because keepalived did not run", heartbeats.suppressed);
}

}  // namespace

std::string metrics_text(const MetricSources& from, const Overview& overview) {
  Families families;
  families.state("build_info", "1, labelled with the version", "version", DISTRIBUTOR_VERSION);
  add_role(families, from.role);
  add_ownership(families, from.switchover, from.takeovers);
  add_replication(families, from.replica);
  add_forwarding(families, from.forwarding);
  add_api(families, from.api);
  add_octavia(families, from.files, from.heartbeats);
  add_overview(families, from, overview);
  return families.text();
}

}  // namespace distributor::node
