#include "node/daemon/switchover_shell.hpp"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "node/daemon/monotonic.hpp"
#include "node/daemon/overloaded.hpp"

namespace distributor::node {
namespace {

constexpr auto kMaintenanceRetry = std::chrono::seconds(5);  // after a handing over that was called off

}  // namespace

SwitchoverShell::SwitchoverShell(boost::asio::io_context& loop, switchover::Config config, std::filesystem::path flag, Hooks hooks)
    : loop_(loop),
      timer_(loop),
      retry_timer_(loop),
      ready_timer_(loop),
      stop_timer_(loop),
      flag_(std::move(flag)),
      hooks_(std::move(hooks)),
      machine_(config) {}

void SwitchoverShell::start() {
  std::error_code ignored;
  maintenance_ = std::filesystem::exists(flag_, ignored);
  if (maintenance_) spdlog::warn("maintenance is on ({}): this node stays away from ownership; `distributorctl maintenance off` ends it", flag_.string());
  apply_leave();
}

void SwitchoverShell::set_facts(const switchover::Facts& facts, bool ready) {
  ready_ = ready;
  if (ready_ && !waiting_ready_.empty()) {
    ready_timer_.cancel();
    for (auto& done : std::exchange(waiting_ready_, {})) done(true);
  }
  if (facts == facts_) return;
  facts_ = facts;
  step(switchover::FactsChanged{facts});
  apply_leave();
  maintain();
}

void SwitchoverShell::begin(bool before_the_address_moves, Done done) {
  if (auto reason = machine_.why_not(); !reason.empty()) return done(tl::make_unexpected(std::move(reason)));
  waiting_.push_back({before_the_address_moves, std::move(done)});
  step(switchover::Begin{});
}

void SwitchoverShell::wait_ready(std::chrono::seconds limit, std::function<void(bool)> done) {
  if (ready_) return done(true);
  waiting_ready_.push_back(std::move(done));
  ready_timer_.expires_after(limit);
  ready_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    for (auto& one : std::exchange(waiting_ready_, {})) one(false);
  });
}

void SwitchoverShell::step(const switchover::Event& event) {
  queue_.push_back(event);
  if (std::exchange(stepping_, true)) return;
  while (!queue_.empty()) {
    const auto next = std::move(queue_.front());
    queue_.pop_front();
    for (const auto& effect : machine_.step(next, monotonic_now())) perform(effect);
  }
  stepping_ = false;
  arm_timer();
}

void SwitchoverShell::perform(const switchover::Effect& effect) {
  std::visit(Overloaded{
                 [this](const switchover::HandleClients& handle) {
                   if (handle.clients == switchover::Clients::held) facts_.drained = false;  // the next facts are news to the machine
                   hooks_.clients(handle.clients, handle.limit);
                 },
                 [this](const switchover::AskPeer& ask) {
                   hooks_.ask_peer(ask.limit, [this, question = ++question_](const std::optional<std::string>& why_not) {
                     if (question == question_) step(switchover::PeerAnswered{!why_not, why_not.value_or("")});
                   });
                 },
                 [this](const switchover::CallOff&) {
                   ++question_;
                   hooks_.call_off();
                 },
                 [this](const switchover::Leave& leave) {
                   handing_over_ = leave.leave;
                   apply_leave();
                 },
                 [this](const switchover::Moving& moving) { tell(moving.so_far, true); },
                 [this](const switchover::Refused& refused) { tell(tl::make_unexpected(refused.reason), false); },
                 [this](const switchover::Finished& finished) {
                   const auto& report = finished.report;
                   last_ = report;
                   if (report.completed) {
                     ++completed_;
                     spdlog::info("switchover: done; both nodes had every change after {:.1f} ms, the peer answered for the VIPs after {:.1f} ms, keepalived had "
                                  "moved after {:.1f} ms",
                                  in_ms(report.drained), in_ms(report.peer_open), in_ms(report.moved));
                     return tell(report, false);
                   }
                   ++called_off_;
                   spdlog::warn("switchover: called off: {}", report.reason);
                   tell(tl::make_unexpected(report.reason), false);
                 },
             },
             effect);
}

void SwitchoverShell::tell(const tl::expected<switchover::Report, std::string>& result, bool only_early) {
  std::vector<Waiting> later;
  for (auto& one : std::exchange(waiting_, {})) {
    if (only_early && !one.before_the_address_moves) {
      later.push_back(std::move(one));
    } else {
      one.done(result);
    }
  }
  waiting_.insert(waiting_.end(), std::make_move_iterator(later.begin()), std::make_move_iterator(later.end()));
}

// An owner in maintenance keeps its readiness until it has handed over in order: else keepalived would move by itself.
void SwitchoverShell::apply_leave() {
  const bool leave = handing_over_ || ending_ || (maintenance_ && !facts_.owner);
  if (leave == leave_told_) return;
  leave_told_ = leave;
  hooks_.leave(leave);
}

tl::expected<void, std::string> SwitchoverShell::set_maintenance(bool on) {
  std::error_code error;
  if (on) {
    std::ofstream file(flag_);
    if (!file.flush()) return tl::make_unexpected("the maintenance flag " + flag_.string() + " cannot be written: " + std::strerror(errno));
  } else {
    std::filesystem::remove(flag_, error);
    if (error) return tl::make_unexpected("the maintenance flag " + flag_.string() + " cannot be removed: " + error.message());
  }
  if (on != maintenance_) spdlog::warn("maintenance is {} now", on ? "on" : "off");
  maintenance_ = on;
  apply_leave();
  return {};
}

void SwitchoverShell::maintain() {
  if (!maintenance_ || !facts_.owner || ending_ || retry_pending_ || !machine_.why_not().empty()) return;
  retry_pending_ = true;
  retry_timer_.expires_after(kMaintenanceRetry);
  retry_timer_.async_wait([this](boost::system::error_code failed) {
    if (failed) return;
    retry_pending_ = false;
    maintain();
  });
  spdlog::info("maintenance: the peer is ready, handing over");
  begin(false, [](const auto&) {});
}

void SwitchoverShell::leave_for_good(std::chrono::milliseconds limit, std::function<void()> done) {
  auto once = [done = std::move(done), said = false]() mutable {
    if (!std::exchange(said, true)) done();
  };
  const auto shared = std::make_shared<decltype(once)>(std::move(once));
  stop_timer_.expires_after(limit);
  stop_timer_.async_wait([shared](boost::system::error_code error) {
    if (!error) (*shared)();
  });
  const auto gone = [this, shared](const tl::expected<switchover::Report, std::string>& result) {
    ending_ = result.has_value();
    apply_leave();
    (*shared)();
  };
  if (machine_.stage() != switchover::Stage::idle) return waiting_.push_back({false, gone});
  if (facts_.owner) return begin(false, gone);
  // A standby that ends is no longer the best one to have; the gatekeeper would say so only after its grace.
  ending_ = facts_.backup && facts_.peer_alive;
  apply_leave();
  (*shared)();
}

void SwitchoverShell::arm_timer() {
  const auto deadline = machine_.next_deadline();
  if (deadline == switchover::TimePoint::max()) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(time_point_of(deadline));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) step(switchover::Tick{});
  });
}

}  // namespace distributor::node
