#include "node/daemon/api_backend.hpp"

#include "node/daemon/facts.hpp"
#include "node/daemon/machine.hpp"
#include "node/daemon/monotonic.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "sync/registry/codec.hpp"

namespace distributor::node {
namespace {

api::ApiError to_api_error(const replica::ChangeRefused& refused) {
  switch (refused.code) {
    case replica::RefusalCode::registry:
      return api::from_registry(refused.registry);
    case replica::RefusalCode::not_leader:
      return {api::ErrorCode::not_active, "", refused.message, ""};
    case replica::RefusalCode::moved:
      return {api::ErrorCode::moved, "", refused.message, ""};
    case replica::RefusalCode::no_peer_strict:
      return {api::ErrorCode::peer_absent, "", refused.message, ""};
    case replica::RefusalCode::timed_out:
      return {api::ErrorCode::not_durable_in_time, "", refused.message, ""};
    case replica::RefusalCode::too_many_waiting:
      return {api::ErrorCode::too_busy, "", refused.message, ""};
    case replica::RefusalCode::store_failed:
      return {api::ErrorCode::store_failed, "", refused.message, ""};
  }
  return {api::ErrorCode::internal, "", refused.message, ""};
}

std::string change_name(const Command& command) {
  static constexpr const char* kNames[] = {"plug", "unplug", "register", "unregister", "replace"};
  return kNames[command.index()];
}

api::DroppedView to_view(const replica::DroppedChange& dropped) {
  api::DroppedView view;
  view.term = dropped.term;
  view.seq = dropped.seq;
  view.request_id = dropped.request_id;
  view.reason = dropped.reason;
  if (const auto command = decode_command(dropped.command)) {
    view.change = change_name(*command);
    view.lb = load_balancer_of(*command);
  } else {
    view.change = "unreadable";
  }
  return view;
}

placement::Protocol to_placement(api::IpProtocol protocol) {
  switch (protocol) {
    case api::IpProtocol::tcp:
      return placement::Protocol::tcp;
    case api::IpProtocol::udp:
      return placement::Protocol::udp;
    case api::IpProtocol::sctp:
      return placement::Protocol::sctp;
    default:
      return placement::Protocol::other;
  }
}

}  // namespace

api::TakeoverView to_view(const TakeoverClock::Takeover& takeover) {
  const auto ms = [](const std::optional<TakeoverClock::Duration>& time) {
    return time ? std::optional(in_ms(*time)) : std::nullopt;
  };
  return {takeover.number, takeover.announcements, takeover.gate_was_open, ms(takeover.gate), ms(takeover.announced), ms(takeover.term), ms(takeover.writes)};
}

ApiBackend::ApiBackend(const Config& config, ReplicaShell& replica, Forwarding& forwarding, RoleShell& role, SwitchoverShell& switchover,
                       const TakeoverClock& takeovers, PeerChannel* peers, PairFiles& files)
    : config_(config), replica_(replica), forwarding_(forwarding), role_(role), switchover_(switchover), takeovers_(takeovers), peers_(peers), files_(files) {}

void ApiBackend::submit(Command command, std::string request_id, ChangeDone done) {
  const auto access = writable();
  if (!access.allowed) {
    done(tl::make_unexpected(api::ApiError{api::ErrorCode::not_active, "", access.reason, ""}));
    return;
  }
  replica_.submit(std::move(command), std::move(request_id), [this, done = std::move(done)](auto result) {
    if (const auto* refused = std::get_if<replica::ChangeRefused>(&result)) return done(tl::make_unexpected(to_api_error(*refused)));
    const auto& accepted = std::get<replica::ChangeAccepted>(result);
    api::ChangeOutcome outcome;
    outcome.durability = accepted.durability == replica::Durability::pair ? api::Durability::pair : api::Durability::local;
    outcome.changed = accepted.changed;
    if (accepted.programmed_here) outcome.programmed.push_back(config_.node_id);
    if (accepted.programmed_on_peer && config_.peer) outcome.programmed.push_back(config_.peer->node_id);
    outcome.after = accepted.after;
    done(std::move(outcome));
  });
}

void ApiBackend::probe_interfaces(const PlugCommand& plug, ProbeDone done) {
  std::vector<MacAddress> on_peer;
  std::vector<NodeId> known = members();
  for (const auto& interface : plug.nodes) {
    if (std::find(known.begin(), known.end(), interface.node) == known.end()) {
      std::string names;
      for (const auto& node : known) names += (names.empty() ? "" : ", ") + node.text();
      return done(tl::make_unexpected(api::ApiError{api::ErrorCode::invalid_field, "nodes",
                                                    "no node of this pair is called " + interface.node.text(), "name one of: " + names}));
    }
    if (interface.node != config_.node_id) {
      on_peer.push_back(interface.mac);
    } else if (!forwarding_.interface_present(interface.mac)) {
      return done(tl::make_unexpected(api::ApiError{api::ErrorCode::interface_not_found, "mac_address",
                                                    "no interface with MAC " + interface.mac.text() + " on " + interface.node.text(), ""}));
    }
  }
  if (on_peer.empty() || peers_ == nullptr) return done({});
  peers_->probe(on_peer, [on_peer, done = std::move(done), peer = config_.peer->node_id](std::optional<std::vector<bool>> present) {
    // A peer that is away does not block a PLUG: it attaches the interface when it comes back.
    for (std::size_t i = 0; present && i < on_peer.size(); ++i) {
      if ((*present)[i]) continue;
      return done(tl::make_unexpected(api::ApiError{api::ErrorCode::interface_not_found, "nodes",
                                                    "no interface with MAC " + on_peer[i].text() + " on " + peer.text(), ""}));
    }
    done({});
  });
}

const Registry& ApiBackend::registry() const { return replica_.core().applied(); }

std::string ApiBackend::stale() const { return why_stale(role_.status(), replica_.core().status(), config_.peer.has_value()); }

NodeId ApiBackend::node_id() const { return config_.node_id; }

std::vector<NodeId> ApiBackend::members() const {
  std::vector<NodeId> nodes{config_.node_id};
  if (config_.peer) nodes.push_back(config_.peer->node_id);
  return nodes;
}

api::WriteAccess ApiBackend::writable() const {
  const auto status = replica_.core().status();
  api::WriteAccess access;
  access.allowed = status.takes_changes;
  if (access.allowed) {
    access.leader = config_.node_id;
    return access;
  }
  access.reason = fmt::format("{} does not take changes now: it is {}", config_.node_id.text(), phase_name(status.phase));
  if (!status.why_not.empty()) access.reason += " (" + status.why_not + ")";
  if (status.peer.leads && config_.peer) access.leader = config_.peer->node_id;
  return access;
}

void ApiBackend::counters(const LoadBalancerId& lb, CountersDone done) {
  const auto found = registry().find(lb);
  if (found == nullptr) return done(std::vector<api::BucketCounters>{});
  forwarding_.counters(*found, [done = std::move(done)](tl::expected<Forwarding::Counters, std::string> counted) {
    if (!counted) return done(tl::make_unexpected(api::ApiError{api::ErrorCode::internal, "", "Open vSwitch did not answer: " + counted.error(), ""}));
    std::vector<api::BucketCounters> result;
    for (const auto& [position, counter] : *counted) result.push_back({position, counter.packets, counter.bytes});
    done(std::move(result));
  });
}

std::optional<Position> ApiBackend::where(const LoadBalancer& lb, const api::ClientFlow& flow) const {
  const auto& hash = forwarding_.hash();
  if (hash && !hash->variant) return std::nullopt;  // nobody here can compute what Open vSwitch does
  const auto& algorithms = hash && hash->variant == placement::HashVariant::crc32c ? crc_algorithms_ : algorithms_;
  const auto* algorithm = algorithms.find(placement::kDefaultAlgorithm);
  const bool served = std::any_of(lb.vips.begin(), lb.vips.end(), [&](const Vip& vip) { return vip.address.family() == flow.client.family(); });
  if (algorithm == nullptr || !served) return std::nullopt;
  return algorithm->where(lb, {flow.client, flow.port, to_placement(flow.protocol)});
}

std::string ApiBackend::phase_name(replica::Phase phase) {
  static constexpr const char* kNames[] = {"waiting", "negotiating", "catching up", "following", "leading", "solo", "holding", "fenced", "failed"};
  return kNames[static_cast<std::size_t>(phase)];
}

std::string ApiBackend::role_name(const role::Status& status, bool standalone) {
  if (standalone) return "standalone";
  switch (status.vrrp) {
    case keepalived::VrrpState::master:
      return "MASTER";
    case keepalived::VrrpState::backup:
      return "BACKUP";
    case keepalived::VrrpState::fault:
      return "FAULT";
    default:
      return "unknown";
  }
}

api::MemberView ApiBackend::self_view(const replica::Status& status) const {
  const auto role_status = role_.status();
  const auto health = forwarding_.health();
  api::MemberView view;
  view.node = config_.node_id;
  view.version = DISTRIBUTOR_VERSION;
  view.role = role_name(role_status, !config_.keepalived);
  view.leads = status.leads;
  view.ready = !config_.keepalived || role_status.readiness == keepalived::kReadinessReady;
  view.gate_open = role_status.gate == role::Gate::open;
  view.ovs_programmed = health.programmed;
  view.vip_links_up = health.links_up;
  view.vip_links_wanted = health.links_wanted;
  view.term = status.term;
  view.last = status.last;
  view.committed = status.committed;
  view.programmed = status.programmed;
  view.state_digest = status.state_digest;
  if (forwarding_.hash()) view.hash_fingerprint = forwarding_.hash()->text;
  return view;
}

api::MemberView ApiBackend::peer_view(const replica::Status& status) const {
  const auto& peer = status.peer;
  api::MemberView view;
  view.node = config_.peer->node_id;
  view.version = peer.facts.version;
  view.role = !peer.alive ? "unknown" : peer.facts.vrrp_master ? "MASTER" : "BACKUP";
  view.leads = peer.leads;
  view.ready = peer.facts.ready;
  view.gate_open = peer.facts.gate_open;
  view.ovs_programmed = peer.facts.ovs_programmed;
  view.vip_links_up = peer.facts.vip_links_up;
  view.vip_links_wanted = peer.facts.vip_links_wanted;
  view.term = peer.term;
  view.last = peer.last;
  view.committed = peer.durable;
  view.programmed = peer.programmed;
  view.state_digest = peer.state_digest;
  view.hash_fingerprint = peer.facts.hash_fingerprint;
  return view;
}

api::SwitchoverView ApiBackend::switchover_view(const switchover::Report& report) const {
  api::SwitchoverView view;
  view.completed = report.completed;
  view.reason = report.reason;
  if (config_.peer) view.to = config_.peer->node_id;
  view.drained_ms = in_ms(report.drained);
  view.peer_open_ms = in_ms(report.peer_open);
  view.moved_ms = in_ms(report.moved);
  return view;
}

void ApiBackend::switchover(const std::string& asked_at, SwitchoverDone done) {
  const bool moves_too = config_.keepalived && config_.keepalived->management_vip.text() == asked_at;
  switchover_.begin(moves_too, [this, done = std::move(done)](const tl::expected<switchover::Report, std::string>& result) {
    if (!result) return done(tl::make_unexpected(api::ApiError{api::ErrorCode::switchover_refused, "", result.error(), ""}));
    done(switchover_view(*result));
  });
}

api::PairView ApiBackend::pair() const {
  const auto status = replica_.core().status();
  api::PairView view;
  view.pair_id = config_.pair_id;
  view.standalone = !config_.peer;
  view.phase = phase_name(status.phase);
  view.entitled = status.entitled;
  view.why_not = status.why_not;
  view.diverged = status.diverged;
  view.pair_floor = status.pair_floor;
  view.self = self_view(status);
  if (config_.peer) {
    view.peer_connected = status.peer.connected;
    view.peer_alive = status.peer.alive;
    if (status.peer.last.value > 0 || status.peer.alive) view.peer = peer_view(status);
  }
  view.maintenance = switchover_.maintenance();
  if (takeovers_.last()) view.last_takeover = to_view(*takeovers_.last());
  if (switchover_.last()) view.last_switchover = switchover_view(*switchover_.last());
  view.affinity_reason = affinity_risk(view.self.hash_fingerprint, status);
  view.affinity_at_risk = !view.affinity_reason.empty();
  for (const auto& dropped : replica_.core().dropped()) view.dropped.push_back(to_view(dropped));
  view.dropped_mark = replica::mark_of(replica_.core().dropped(), api::kDroppedListedMax);
  return view;
}

api::NodeView ApiBackend::info() const {
  api::NodeView view;
  view.node_id = config_.node_id;
  view.distributor_id = config_.pair_id;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0) view.hostname = name.data();
  view.version = DISTRIBUTOR_VERSION;
  if (const auto ovs = forwarding_.ovs_version(); !ovs.empty()) view.versions.push_back({"openvswitch", ovs});
  view.role = role_name(role_.status(), !config_.keepalived);
  view.phase = phase_name(replica_.core().status().phase);
  view.limits = {config_.ceilings.dedicated, config_.ceilings.load_balancers(), config_.ceilings.slots_max,
                 unequal_ceilings(config_.ceilings.text(), replica_.core().status())};
  view.uptime_s = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_).count());
  view.standalone = !config_.peer;
  view.owns = role_.status().gate == role::Gate::open;
  view.machine = describe_machine();
  if (const auto& facts = files_.certificate()) {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(facts->not_after - std::chrono::system_clock::now());
    view.certificate = api::CertificateView{facts->subject, facts->serial, api::utc_text(facts->not_after), left.count(),
                                            !files_.document(DocumentKind::certificate).peer_lacks()};
  }
  if (::getloadavg(view.load_average.data(), 3) != 3) view.load_average = {};
  const auto& programmed = forwarding_.programmer_statistics();
  view.counters = {
      {"load_balancers", registry().size()},
      {"takeovers_total", role_.status().takeovers},
      {"announcements_total", forwarding_.announcements_sent()},
      {"flow_changes_total", programmed.flows_sent},
      {"group_changes_total", programmed.groups_sent},
      {"bundles_total", programmed.bundles_committed},
      {"ovs_reconnects_total", programmed.connections},
      {"log_persists_total", replica_.stats().persists},
  };
  return view;
}

api::BeatNode ApiBackend::beat() const {
  const auto status = replica_.core().status();
  const auto self = self_view(status);
  api::BeatNode beat;
  beat.distributor_id = config_.pair_id;
  beat.node_id = config_.node_id.text();
  beat.version = self.version;
  beat.role = self.role;
  beat.phase = phase_name(status.phase);
  beat.leads = self.leads;
  beat.entitled = status.entitled;
  beat.in_sync = !config_.peer || (status.peer.alive && (status.phase == replica::Phase::leading || status.phase == replica::Phase::following));
  beat.peer_alive = status.peer.alive;
  beat.gate_open = self.gate_open;
  beat.ovs_programmed = self.ovs_programmed;
  beat.vip_links_up = self.vip_links_up;
  beat.vip_links_wanted = self.vip_links_wanted;
  beat.term = self.term.value;
  beat.committed_seq = self.committed.value;
  beat.state_digest = self.state_digest.hex();
  if (const auto& facts = files_.certificate()) beat.certificate_expires = std::chrono::system_clock::to_time_t(facts->not_after);
  return beat;
}

}  // namespace distributor::node
