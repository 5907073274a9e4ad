// What Forwarding says of the VIPs by itself: gratuitous ARP and unsolicited NA (D5).
#include <spdlog/spdlog.h>

#include "node/daemon/announce_targets.hpp"
#include "node/daemon/forwarding.hpp"
#include "node/daemon/monotonic.hpp"

namespace distributor::node {
namespace {

constexpr std::size_t kAnnouncementsPerTurn = 1024;
// Each is a datapath flow on the standby for ten seconds (port and VLAN are always exact there), and Open vSwitch looks at all of those again
// with every change. So 100 a second, however many VIPs there are, while the front end may have missed a takeover; then 16: the switches'
// tables forget an address after five minutes.
constexpr std::size_t kRefreshedPerTurn = 8;
constexpr auto kRefreshTurn = std::chrono::milliseconds(80);
constexpr auto kRefreshTurnLater = std::chrono::milliseconds(500);
constexpr auto kMayHaveMissed = std::chrono::minutes(1);

}  // namespace

std::size_t Forwarding::announce_all() {
  std::vector<announce::Target> targets;
  for (const auto& [id, lb] : hooks_.registry().all()) add_targets(*lb, targets);
  send(targets);
  announced_all_ = std::chrono::steady_clock::now();
  return targets.size();
}

// All at once would keep the main thread of Open vSwitch, which forwards on a userspace datapath, busy for 15 ms with 1,000 VIPs. A round of many
// VIPs takes longer than the interval; the next one then follows it.
void Forwarding::refresh_announcements() {
  if (refreshing_) return;  // it goes on
  refreshing_ = true;
  refreshed_.reset();
  refresh_turn();
}

void Forwarding::refresh_turn() {
  const auto& all = hooks_.registry().all();
  std::vector<announce::Target> targets;
  auto lb = refreshed_ ? all.upper_bound(*refreshed_) : all.begin();
  for (; lb != all.end() && targets.size() < kRefreshedPerTurn; ++lb) {
    add_targets(*lb->second, targets);
    refreshed_ = lb->first;
  }
  refreshing_ = send(targets) && lb != all.end();
  if (!refreshing_) return;
  const bool may_have_missed = std::chrono::steady_clock::now() - announced_all_ < kMayHaveMissed;
  refresh_timer_.expires_after(may_have_missed ? kRefreshTurn : kRefreshTurnLater);
  refresh_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) refresh_turn();
  });
}

void Forwarding::stop_announcing() {
  planner_.forget_all();
  refresh_timer_.cancel();
  refreshing_ = false;
}

void Forwarding::add_targets(const LoadBalancer& lb, std::vector<announce::Target>& targets) const {
  const auto state = ports_.state_of(lb.id);
  if (!state.binding) return;
  const auto more = targets_of(lb, *state.binding);
  targets.insert(targets.end(), more.begin(), more.end());
}

void Forwarding::plan_announcements(const LoadBalancer& lb) {
  std::vector<announce::Target> targets;
  add_targets(lb, targets);
  planner_.announce(targets, monotonic_now());
  run_planner();
}

void Forwarding::run_planner() {
  const auto due = planner_.take_due(monotonic_now(), kAnnouncementsPerTurn);
  if (!due.empty()) send(due);
  const auto next = planner_.next_deadline();
  if (next == announce::TimePoint::max()) return;
  announce_timer_.expires_at(time_point_of(next));
  announce_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) run_planner();
  });
}

bool Forwarding::send(const std::vector<announce::Target>& targets) {
  if (targets.empty()) return true;
  std::vector<wire::PacketOut> batch;
  batch.reserve(targets.size());
  for (const auto& target : targets) {
    const auto frame = announce::announcement(target);
    wire::PacketOut packet;
    packet.actions = {wire::Action::output(target.port)};
    packet.frame.assign(frame.begin(), frame.end());
    batch.push_back(std::move(packet));
  }
  if (!programmer_.packet_out(batch)) {
    spdlog::warn("openflow: {} announcements could not be sent: no connection to the bridge", batch.size());
    return false;
  }
  announcements_sent_ += batch.size();
  return true;
}

}  // namespace distributor::node
