#include "node/daemon/daemon.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/array.hpp>

#include "api/http/server.hpp"
#include "ha/keepalived/guard.hpp"
#include "node/admin/admin_server.hpp"
#include "node/daemon/administration.hpp"
#include "node/daemon/api_backend.hpp"
#include "node/daemon/facts.hpp"
#include "node/daemon/metrics_text.hpp"
#include "node/daemon/monotonic.hpp"
#include "node/daemon/observers.hpp"
#include "node/daemon/part_settings.hpp"
#include "node/daemon/survey.hpp"
#include "node/daemon/switchover_shell.hpp"
#include "node/metrics/metrics_server.hpp"
#include "node/octavia/heartbeats.hpp"
#include "sync/link/link.hpp"

namespace distributor::node {
namespace {

constexpr auto kStopGrace = std::chrono::milliseconds(1000);
constexpr auto kHandOverAtStop = std::chrono::milliseconds(5000);  // longest delay of the end of the daemon by a switchover
constexpr auto kReadyAgain = std::chrono::seconds(60);

}  // namespace

struct Daemon::Impl {
  Impl(Config loaded, store::Store store, replica::DurableState durable)
      : config(std::move(loaded)),
        signals(loop, SIGTERM, SIGINT),
        reloads(loop, SIGHUP),
        clock(loop),
        forwarding(loop, config,
                   {[this]() -> const Registry& { return replica.core().applied(); },
                    [this](Seq seq) { replica.post(replica::Programmed{seq}); }, [this](bool open, bool confirmed) { gate_settled(open, confirmed); },
                    [this] { refresh_soon(); }}),
        replica(loop, std::move(store), replica_config(config), std::move(durable),
                {[this](std::string_view message) { return peers.send_replication(message); },
                 [this] {
                   if (link) link->reset("replication asked for a new beginning");
                 },
                 [this](const replica::Program& program) { forwarding.program(program.seq, program.touched, program.everything); },
                 [this] { refresh_soon(); }, [this] { introduce(); }}),
        role(loop, config,
             {[this] { takeovers.line_read(std::chrono::steady_clock::now(), role.status().gate == role::Gate::open); }, [this](bool open) { forwarding.set_gate(open); },
              [this] { forwarding.reconcile(); },
              [this](role::AnnounceReason reason) {
                if (reason == role::AnnounceReason::refresh) return forwarding.refresh_announcements();
                const auto count = forwarding.announce_all();
                takeovers.announced(std::chrono::steady_clock::now(), count);
              },
              [this](role::Ownership ownership, bool fresh) {
                told_ownership = ownership;
                if (fresh || ownership != role::Ownership::master) takeovers.owns(std::chrono::steady_clock::now(), ownership == role::Ownership::master);
                replica.post(replica::OwnershipChanged{to_replica(ownership), fresh});
                refresh_soon();
              }}),
        peers(
            loop, [this](std::string frame) { return link && link->send(frame) == link::SendResult::sent; },
            [this](std::string_view payload) { replica.on_frame(payload); },
            [this](const MacAddress& mac) { return forwarding.interface_present(mac); }),
        files(pair_files_settings(config),
              {[this](const std::string& certificate, const std::string& key, const std::string& client_ca) { return serve(certificate, key, client_ca); },
               [this](std::string_view frame) { return peers.send_document(frame); },
               [this] { return replica.core().status().term; },
               [this](const api::AgentConfig& agent) {
                 heartbeats.configure(beat_settings_of(config, &agent));
                 return heartbeats.settings().note;
               }}),
        switchover(loop, switchover_config(config), config.run_dir / "maintenance", switchover_hooks()),
        backend(config, replica, forwarding, role, switchover, takeovers, config.peer ? &peers : nullptr, files),
        heartbeats(loop, heartbeat_hooks()),
        survey(loop, config, replica, forwarding, role, backend),
        observers(survey, replica, config.peer ? &peers : nullptr),
        router(backend) {
    heartbeats.configure(beat_settings_of(config, config.octavia.agent ? &*config.octavia.agent : nullptr));
    peers.on_documents([this](std::string_view frame) { files.on_frame(frame); });
    peers.serve_handovers({[this](Seq seq, std::chrono::milliseconds limit, PeerChannel::HandoverAnswer answer) { take_over(seq, limit, std::move(answer)); },
                           [this] { role.post(role::OfferWithdrawn{}); }});
  }

  SwitchoverShell::Hooks switchover_hooks() {
    SwitchoverShell::Hooks hooks;
    hooks.clients = [this](switchover::Clients clients, switchover::Duration limit) { handle_clients(clients, limit); };
    hooks.ask_peer = [this](switchover::Duration limit, PeerChannel::HandoverAnswer answer) {
      const auto seq = replica.core().status().last;
      peers.ask_handover(seq, std::chrono::duration_cast<std::chrono::milliseconds>(limit), std::move(answer));
    };
    hooks.call_off = [this] { peers.cancel_handover(); };
    hooks.leave = [this](bool leave) { role.post(role::LeaveWanted{leave}); };
    return hooks;
  }

  void handle_clients(switchover::Clients clients, switchover::Duration limit) {
    const bool away = clients == switchover::Clients::sent_away;
    const auto writes = away ? replica::Writes::moved : clients == switchover::Clients::held ? replica::Writes::held : replica::Writes::open;
    replica.post(replica::HoldWrites{writes, limit});
    refresh_soon();
    if (!server || !config.keepalived) return;
    if (away) server->leave(config.keepalived->management_vip.text());
    if (clients == switchover::Clients::served) server->stay();
  }

  // The owner hands over: answer beside it, if everything is here, and say so once Open vSwitch has confirmed it.
  void take_over(Seq seq, std::chrono::milliseconds limit, PeerChannel::HandoverAnswer answer) {
    if (auto why_not = why_not_take_over(role.status(), replica.core().status(), seq)) return answer(std::move(why_not));
    handover_answer = std::move(answer);
    role.post(role::TakeOverOffered{limit});
    if (gate_confirmed == true && handover_answer) std::exchange(handover_answer, nullptr)(std::nullopt);
  }

  void gate_settled(bool open, bool confirmed) {
    if (open && confirmed) takeovers.gate_confirmed(std::chrono::steady_clock::now());
    gate_confirmed = confirmed ? std::optional(open) : std::nullopt;
    if (!open || !handover_answer) return;
    std::exchange(handover_answer, nullptr)(confirmed ? std::nullopt : std::optional<std::string>("its Open vSwitch did not confirm the gate"));
  }

  tl::expected<void, std::string> serve(const std::string& certificate, const std::string& key, const std::string& client_ca) {
    if (!server) return {};
    return server->swap_certificate(certificate, key, client_ca).map_error([](const api::ServerError& error) { return error.message; });
  }

  Heartbeats::Hooks heartbeat_hooks() {
    Heartbeats::Hooks hooks;
    hooks.keepalived_runs = [this] { return !config.keepalived || role.status().keepalived_alive; };
    hooks.node = [this] { return backend.beat(); };
    hooks.registry = [this]() -> const Registry& { return replica.core().applied(); };
    hooks.counters = [this](const LoadBalancer& lb, std::function<void(Heartbeats::PacketsAndBytes)> done) {
      forwarding.counters(lb, [done = std::move(done)](tl::expected<Forwarding::Counters, std::string> counted) {
        if (!counted) return done(std::nullopt);
        std::pair<std::uint64_t, std::uint64_t> sum{};
        for (const auto& [position, counter] : *counted) {
          sum.first += counter.packets;
          sum.second += counter.bytes;
        }
        done(sum);
      });
    };
    return hooks;
  }

  tl::expected<void, std::string> open_listeners() {
    if (config.peer) {
      auto made = link_config(*config.peer);
      if (!made) return tl::make_unexpected(made.error());
      auto opened = link::Link::create(loop, *made, link_callbacks());
      if (!opened) return tl::make_unexpected("link to the peer: " + opened.error().message);
      link = std::move(*opened);
    }
    auto served = api::Server::create(loop, api_config(config), router, [](const std::string& line) { spdlog::info("api: {}", line); });
    if (!served) return tl::make_unexpected("api: " + served.error().message);
    server = std::move(*served);
    auto local = AdminServer::create(loop, config.admin_socket, [this](const std::string& command, const boost::json::object& request, const AdminServer::Answer& answer) {
      if (observers.answers(command)) return observers.handle(command, request, answer);
      if (command == "switchover" || command == "switchover-and-wait") return hand_over(command == "switchover-and-wait", answer);
      if (command == "maintenance-on" || command == "maintenance-off") return maintain(command == "maintenance-on", answer);
      answer(administer(command, request, replica, backend));
    });
    if (!local) return tl::make_unexpected(local.error());
    admin = std::move(*local);
    if (config.metrics) {
      auto listening = MetricsServer::create(loop, *config.metrics, loopback_sources());
      if (!listening) return tl::make_unexpected(listening.error());
      metrics = std::move(*listening);
    }
    return {};
  }

  MetricsServer::Sources loopback_sources() {
    MetricsServer::Sources sources;
    sources.metrics = [this](MetricsServer::Answer answer) {
      survey.take([this, answer = std::move(answer)](const Overview& overview) {
        answer(metrics_text({config, replica, forwarding, role, switchover, takeovers, files, heartbeats.stats(), server->stats(), survey.ownership_changes()}, overview));
      });
    };
    sources.page = [this](MetricsServer::Answer answer) {
      survey.take([answer = std::move(answer)](const Overview& overview) { answer(overview_page(overview)); });
    };
    sources.json = [this](MetricsServer::Answer answer) {
      survey.take([answer = std::move(answer)](const Overview& overview) { answer(overview_json(overview)); });
    };
    return sources;
  }

  link::Callbacks link_callbacks() {
    link::Callbacks callbacks;
    callbacks.on_message = [this](std::string_view bytes) { peers.on_frame(bytes); };
    callbacks.on_peer_connected = [this] {
      spdlog::info("link: connected to {}", config.peer->node_id.text());
      replica.post(replica::PeerConnected{});
      files.on_connected();
    };
    callbacks.on_peer_disconnected = [this](const std::string& reason) {
      spdlog::warn("link: {} is gone: {}; connecting again", config.peer->node_id.text(), reason);
      peers.on_disconnected();
      files.on_disconnected();
      replica.post(replica::PeerDisconnected{});
    };
    callbacks.on_intruder = [](const std::string& reason) { spdlog::warn("link: refused a stranger: {}; only the peer's key is admitted", reason); };
    callbacks.on_trouble = [](const std::string& reason) { spdlog::warn("link: {}", reason); };
    return callbacks;
  }

  tl::expected<void, std::string> start() {
    peers.serve_digests([this] {
      const auto status = replica.core().status();
      return PeerChannel::PeerDigests{status.committed, status.state_digest, digests_of(replica.core().applied())};
    });
    forwarding.start();
    replica.start();
    guard_election(true);
    if (auto following = role.start(); !following) return following;
    switchover.start();
    server->start();
    wait_signal();
    await_reload();
    heartbeats.start();
    beat();
    ::sd_notify(0, "READY=1");
    spdlog::info("distributord {} is up: node {}, pair {}, {} load balancers, {}", DISTRIBUTOR_VERSION, config.node_id.text(), config.pair_id,
                 replica.core().applied().size(), config.peer ? "peer " + config.peer->node_id.text() : "standalone");
    return {};
  }

  // A guard that an earlier life left, with a MAC address that is not configured any more, would cut the peer off: it goes too.
  void guard_election(bool on) const {
    if (!config.keepalived) return;
    const auto& peer_mac = config.keepalived->peer_mac;
    const auto rules = on && peer_mac ? keepalived::guard_rules({config.keepalived->interface, peer_mac->text()}) : keepalived::guard_removal();
    const auto done = keepalived::run_nft(rules);
    if (!peer_mac) return;
    if (!done) return spdlog::error("keepalived.peer_mac: VRRP is not guarded: {}; a host on the management segment can forge the peer's adverts", done.error());
    if (on) spdlog::info("VRRP on {} is taken from {} only", config.keepalived->interface, peer_mac->text());
  }

  // The first one hands over and ends in order, a second one ends at once.
  void wait_signal() {
    signals.async_wait([this](boost::system::error_code error, int number) {
      if (error) return;
      if (std::exchange(ending, true)) {
        spdlog::warn("signal {} again: ending at once", number);
        return loop.stop();
      }
      spdlog::info("signal {}: stopping; the data path goes on as it is", number);
      ::sd_notify(0, "STOPPING=1");
      wait_signal();
      switchover.leave_for_good(kHandOverAtStop, [this] {
        guard_election(false);
        server->stop(kStopGrace, [this] { loop.stop(); });
      });
    });
  }

  // SIGHUP: files that were changed by hand.
  void await_reload() {
    reloads.async_wait([this](boost::system::error_code error, int) {
      if (error) return;
      files.reload();
      await_reload();
    });
  }

  // Twice a second: what depends on the passing of time alone, and systemd's watchdog.
  void beat() {
    ::sd_notify(0, "WATCHDOG=1");
    refresh();
    files.tick();
    clock.expires_after(std::chrono::milliseconds(500));
    clock.async_wait([this](boost::system::error_code error) {
      if (!error) beat();
    });
  }

  void refresh_soon() {
    if (refresh_pending) return;
    refresh_pending = true;
    boost::asio::post(loop, [this] {
      refresh_pending = false;
      refresh();
    });
  }

  void refresh() {
    const auto up_for = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
    const auto status = replica.core().status();
    const auto health = forwarding.health();
    survey.refresh();
    role.set_health(health_facts(status, health));
    role.set_sync(sync_facts(status, !config.peer, replica.core().applied().size(), up_for, config.replication.solo_after));
    takeovers.replica(std::chrono::steady_clock::now(), status.leads, status.leads && status.phase != replica::Phase::negotiating);
    const auto role_status = role.status();
    switchover.set_facts(switchover_facts(role_status, status, config.peer ? std::optional(config.peer->node_id) : std::nullopt),
                         role_status.readiness == keepalived::kReadinessReady);
    const auto own_hash = forwarding.hash() ? forwarding.hash()->text : std::string();
    if (auto risk = affinity_risk(own_hash, status); risk != told_risk) {
      risk.empty() ? spdlog::info("affinity: both Open vSwitches choose alike again") : spdlog::error("affinity is at risk: {}", risk);
      told_risk = std::move(risk);
    }
    if (auto unequal = unequal_ceilings(config.ceilings.text(), status); unequal != told_ceilings) {
      if (!unequal.empty()) spdlog::warn("limits: {}", unequal);
      told_ceilings = std::move(unequal);
    }
    const auto facts = node_facts(role.status(), health, own_hash, config.ceilings.text());
    if (facts == told_peer) return;
    told_peer = facts;
    replica.post(replica::LocalFactsChanged{facts});
  }

  // A core that began again knows nothing yet of what is outside.
  void introduce() {
    replica.post(replica::OwnershipChanged{to_replica(told_ownership), false});
    told_peer.reset();
    if (link && link->stats().connected) replica.post(replica::PeerConnected{});
    refresh_soon();
  }

  void hand_over(bool until_ready, const AdminServer::Answer& answer) {
    switchover.begin(false, [this, until_ready, answer](const tl::expected<switchover::Report, std::string>& result) {
      if (!result) return answer({{"ok", false}, {"message", "nothing was changed: " + result.error()}});
      auto said = switchover_json(*result);
      if (!until_ready) return answer(std::move(said));
      switchover.wait_ready(kReadyAgain, [answer, said = std::move(said), begun = std::chrono::steady_clock::now()](bool ready) mutable {
        said["redundant_again_ms"] = in_ms(std::chrono::steady_clock::now() - begun) + said["moved_ms"].as_double();
        if (!ready) said["ok"] = false;
        said["message"] = std::string(said["message"].as_string()) + (ready ? "; this node is ready again" : "; but this node is not ready again");
        answer(std::move(said));
      });
    });
  }

  boost::json::object switchover_json(const switchover::Report& report) const {
    const auto text = fmt::format("{} owns the VIPs; both nodes had every change after {:.1f} ms, it answered after {:.1f} ms, keepalived had moved after {:.1f} ms",
                                  config.peer->node_id.text(), in_ms(report.drained), in_ms(report.peer_open), in_ms(report.moved));
    return {{"ok", true},
            {"message", text},
            {"to", config.peer->node_id.text()},
            {"drained_ms", in_ms(report.drained)},
            {"peer_open_ms", in_ms(report.peer_open)},
            {"moved_ms", in_ms(report.moved)}};
  }

  void maintain(bool on, const AdminServer::Answer& answer) {
    if (!config.keepalived) return answer({{"ok", false}, {"message", "a standalone node has nobody to hand over to"}});
    if (auto set = switchover.set_maintenance(on); !set) return answer({{"ok", false}, {"message", set.error()}});
    if (!on) return answer({{"ok", true}, {"message", "maintenance is off: this node becomes ready again when it is in sync and healthy"}});
    const std::string is_on = "maintenance is on";
    if (!switchover.owner()) return answer({{"ok", true}, {"message", is_on + ": this node takes over only from a peer that is worse off"}});
    switchover.begin(false, [this, is_on, answer](const tl::expected<switchover::Report, std::string>& result) {
      if (!result) return answer({{"ok", false}, {"message", is_on + ", but this node still owns the VIPs: " + result.error() + "; it hands over as soon as the peer is ready"}});
      auto said = switchover_json(*result);
      said["message"] = is_on + ": " + std::string(said["message"].as_string());
      answer(std::move(said));
    });
  }

  Config config;
  boost::asio::io_context loop{1};
  boost::asio::signal_set signals;
  boost::asio::signal_set reloads;
  boost::asio::steady_timer clock;
  std::unique_ptr<link::Link> link;
  Forwarding forwarding;
  ReplicaShell replica;
  RoleShell role;
  PeerChannel peers;
  PairFiles files;
  SwitchoverShell switchover;
  TakeoverClock takeovers{[this](const TakeoverClock::Takeover& one) {
    spdlog::info("{}", one.text());
    survey.takeover_over(to_view(one));
  }};
  ApiBackend backend;
  Heartbeats heartbeats;
  Survey survey;
  Observers observers;
  api::Router router;
  std::unique_ptr<api::Server> server;
  std::unique_ptr<AdminServer> admin;
  std::unique_ptr<MetricsServer> metrics;
  std::optional<replica::NodeFacts> told_peer;
  role::Ownership told_ownership = role::Ownership::unknown;
  std::string told_risk;
  std::string told_ceilings;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  PeerChannel::HandoverAnswer handover_answer;  // the peer waits for our gate
  std::optional<bool> gate_confirmed;
  bool refresh_pending = false;
  bool ending = false;
};

tl::expected<std::unique_ptr<Daemon>, std::string> Daemon::create(Config config) {
  auto store = store::Store::open(config.store_file(), config.pair_id, config.node_id);
  if (!store) return tl::make_unexpected("store: " + store.error().message + "; " + store.error().fix);
  auto durable = store->load();
  if (!durable) return tl::make_unexpected("store: " + durable.error().message + "; " + durable.error().fix);
  std::error_code made;
  std::filesystem::create_directories(config.run_dir, made);
  if (made) return tl::make_unexpected("run_dir " + config.run_dir.string() + ": " + made.message());
  auto impl = std::make_unique<Impl>(std::move(config), std::move(*store), std::move(*durable));
  if (auto opened = impl->open_listeners(); !opened) return tl::make_unexpected(opened.error());
  if (auto started = impl->start(); !started) return tl::make_unexpected(started.error());
  return std::unique_ptr<Daemon>(new Daemon(std::move(impl)));
}

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Daemon::~Daemon() = default;

void Daemon::run() { impl_->loop.run(); }

}  // namespace distributor::node
