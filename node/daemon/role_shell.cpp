#include "node/daemon/role_shell.hpp"

#include <spdlog/spdlog.h>

#include <chrono>

#include "ha/keepalived/config.hpp"
#include "ha/keepalived/readiness.hpp"
#include "node/daemon/management_address.hpp"
#include "node/daemon/monotonic.hpp"
#include "node/daemon/overloaded.hpp"

namespace distributor::node {
namespace {

constexpr const char* kInstance = "MGMT";

role::Config role_config(const Config& config) {
  role::Config result;
  result.standalone = !config.keepalived;
  if (config.keepalived) result.readiness_found = keepalived::read_readiness(config.readiness_file().string());
  result.announce_rounds = config.announce.rounds;
  result.announce_interval = config.announce.interval;
  result.announce_refresh = config.announce.refresh;
  result.start_grace = config.replication.solo_after + std::chrono::seconds(2);
  return result;
}

}  // namespace

RoleShell::RoleShell(boost::asio::io_context& loop, const Config& config, Hooks hooks)
    : loop_(loop), timer_(loop), config_(config), hooks_(std::move(hooks)), machine_(role_config(config), monotonic_now()) {}

tl::expected<void, std::string> RoleShell::start() {
  if (config_.keepalived) {
    if (auto followed = follow_keepalived(); !followed) return followed;
    gatekeeper_ = std::make_unique<gatekeeper::GatekeeperClient>(
        loop_, gatekeeper::GatekeeperClient::Config{config_.gatekeeper.socket.string()},
        gatekeeper::ClientCallbacks{
            [this](const gatekeeper::Reply&) {
              hooks_.gate_may_differ();
              post(role::DeclaredDead{});
            },
            [](bool connected) {
              if (connected) {
                spdlog::info("gatekeeper: connected");
              } else {
                spdlog::warn("gatekeeper: not there; start distributor-gatekeeper, without it a hung daemon would go on answering for its VIPs");
              }
            }});
  }
  post(role::Tick{});
  return {};
}

tl::expected<void, std::string> RoleShell::follow_keepalived() {
  const auto signal = keepalived::json_dump_signal("keepalived", std::chrono::seconds(5));  // a busy machine at boot
  if (!signal) return tl::make_unexpected("keepalived: " + signal.error());
  keepalived::StateQuery::Config query;
  query.instance_name = kInstance;
  query.pid_file = config_.keepalived->pid_file.string();
  query.dump_path = (config_.keepalived->json_dir / "keepalived.json").string();
  query.signal_number = *signal;
  query_ = std::make_unique<keepalived::StateQuery>(loop_, query);

  keepalived::FifoReader::Config fifo;
  fifo.path = config_.fifo().string();
  keepalived::FifoCallbacks callbacks;
  callbacks.on_line = [this](const keepalived::FifoLine& line) {
    if (line.instance != kInstance) return;
    if (line.event == keepalived::VrrpEvent::master) hooks_.master_line();
    post(role::KeepalivedSaid{line.event});
  };
  callbacks.on_garbage = [this] { post(role::KeepalivedLineLost{}); };
  callbacks.on_dead = [this] { post(role::KeepalivedDead{}); };
  callbacks.on_alive = [this] { post(role::KeepalivedAlive{}); };
  auto reader = keepalived::FifoReader::create(loop_, fifo, callbacks);
  if (!reader) return tl::make_unexpected(reader.error());
  fifo_ = std::move(*reader);
  return {};
}

void RoleShell::post(role::Event event) {
  queue_.push_back(std::move(event));
  if (!draining_) drain();
}

void RoleShell::set_sync(const role::SyncFacts& facts) {
  if (sync_ == facts) return;
  sync_ = facts;
  post(role::SyncChanged{facts});
}

void RoleShell::set_health(const role::HealthFacts& facts) {
  if (health_ == facts) return;
  health_ = facts;
  post(role::HealthChanged{facts});
}

void RoleShell::drain() {
  draining_ = true;
  while (!queue_.empty()) {
    const auto event = std::move(queue_.front());
    queue_.pop_front();
    for (const auto& effect : machine_.step(event, monotonic_now())) perform(effect);
  }
  draining_ = false;
  const auto now = machine_.status();
  if (gatekeeper_) gatekeeper_->set_state(now.vrrp, now.gate == role::Gate::open);
  arm_timer();
}

void RoleShell::perform(const role::Effect& effect) {
  std::visit(Overloaded{
                 [this](const role::SetReadiness& set) {
                   if (!config_.keepalived) return;
                   if (auto written = keepalived::write_readiness(config_.readiness_file().string(), set.value); !written) {
                     spdlog::error("readiness file: {}", written.error());
                     queue_.emplace_back(role::ReadinessWriteFailed{});
                   }
                 },
                 [this](const role::OpenGate&) { hooks_.set_gate(true); },
                 [this](const role::CloseGate&) { hooks_.set_gate(false); },
                 [this](const role::Announce& announce) { hooks_.announce(announce.reason); },
                 [this](const role::OwnershipChanged& change) { hooks_.ownership_changed(change.ownership, change.fresh_edge); },
                 [this](const role::DeleteManagementAddress&) {
                   const auto& vrrp = *config_.keepalived;
                   // After a pause of this process the news of its death may be older than its successor.
                   if (keepalived::is_running(vrrp.pid_file.string())) return spdlog::info("keepalived runs again: the management address is left to it");
                   const auto gone = delete_address(vrrp.interface, vrrp.management_vip, vrrp.management_prefix);
                   if (!gone) {
                     spdlog::error("management address {} on {}: {}; remove it by hand, the peer holds it", vrrp.management_vip.text(), vrrp.interface, gone.error());
                   } else if (*gone) {
                     spdlog::warn("management address {} taken off {}: keepalived died with it and the peer holds it", vrrp.management_vip.text(), vrrp.interface);
                   }
                 },
                 [this](const role::QueryKeepalived&) { query_keepalived(); },
                 [](const role::LogLine& line) {
                   const auto level = line.severity == role::Severity::info      ? spdlog::level::info
                                      : line.severity == role::Severity::warning ? spdlog::level::warn
                                                                                 : spdlog::level::err;
                   spdlog::log(level, "role: {}", line.text);
                 },
             },
             effect);
}

void RoleShell::query_keepalived() {
  query_->ask([this](const tl::expected<keepalived::VrrpState, std::string>& state) {
    if (state) {
      post(role::KeepalivedQueried{*state});
    } else {
      spdlog::debug("keepalived: {}", state.error());
      post(role::KeepalivedQueryFailed{});
    }
  });
}

void RoleShell::arm_timer() {
  const auto deadline = machine_.next_deadline();
  if (deadline == role::TimePoint::max()) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(time_point_of(deadline));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) post(role::Tick{});
  });
}

}  // namespace distributor::node
