#include "ha/role/detail/readiness_judge.hpp"

#include <algorithm>
#include <utility>

#include "ha/keepalived/vrrp.hpp"

namespace distributor::role::detail {

using keepalived::kReadinessLeaving;
using keepalived::kReadinessNone;
using keepalived::kReadinessReady;

bool ReadinessJudge::lasted(bool condition, std::optional<TimePoint>& since, Duration least, TimePoint now,
                            TimePoint& deadline) {
  if (!condition) {
    since.reset();
    return false;
  }
  if (!since) since = now;
  if (now - *since >= least) return true;
  deadline = std::min(deadline, *since + least);
  return false;
}

std::string ReadinessJudge::health_fault(const HealthFacts& health, TimePoint now, TimePoint& deadline) {
  // Under a stream of changes OVS is always a few milliseconds behind: only a lag that lasts counts.
  const bool lags = lasted(!health.ovs_programmed, lag_since_, config_.programmed_lag_max, now, deadline);
  if (!health.store_ok) return "the store does not take writes";
  if (!health.ovs_connected) return "Open vSwitch is not connected or not yet made right";
  if (lags) return "Open vSwitch lags behind the registry";
  return {};
}

// A lost front-end link moves ownership only if the other node has strictly more of them, and could own.
std::string ReadinessJudge::links_fault(const SyncFacts& sync, const HealthFacts& health, TimePoint now,
                                        TimePoint& deadline) {
  const bool peer_counts = sync.peer_alive && (!sync.leads || sync.peer_ready);
  const bool fewer = peer_counts && health.links_up < sync.peer_links_up;
  if (std::exchange(links_wanted_, health.links_wanted) != health.links_wanted) links_most_ = 0;
  links_most_ = std::max(links_most_, health.links_up);
  const auto settle = health.links_up < links_most_ ? config_.link_lost_settle : config_.links_settle;
  if (!lasted(fewer, links_since_, settle, now, deadline)) return {};
  return std::to_string(health.links_up) + " of " + std::to_string(health.links_wanted) +
         " VIP interfaces are up here, on the peer " + std::to_string(sync.peer_links_up);
}

Judgement ReadinessJudge::judge(const std::optional<SyncFacts>& sync, const std::optional<HealthFacts>& health,
                                bool leave, TimePoint now, TimePoint& deadline) {
  if (!health) return {kReadinessNone, "health is not known yet", false};
  if (!sync) return {kReadinessNone, "the registry's state is not known yet", false};
  const std::string unwell = health_fault(*health, now, deadline);
  const std::string links = links_fault(*sync, *health, now, deadline);
  const bool settled_too_long = lasted(sync->negotiating, negotiating_since_, config_.negotiating_max, now, deadline);
  if (!unwell.empty()) return {kReadinessNone, unwell, false, health->store_ok && !health->ovs_connected};
  if (sync->negotiating && !settled_too_long) return {kReadinessNone, "histories are being compared", true};
  if (!sync->entitled) return {kReadinessNone, sync->why_not.empty() ? "not entitled to own" : sync->why_not, false};
  if (sync->peer_alive && !sync->leads && !sync->in_sync) return {kReadinessNone, "not in sync with the leader", false};
  if (!links.empty()) return {kReadinessNone, links, false, true};
  if (leave) return {kReadinessLeaving, "handing over", false};
  return {kReadinessReady,
          sync->leads        ? "leader, healthy"
          : sync->peer_alive ? "in sync, healthy"
                             : "alone, healthy",
          false};
}

}  // namespace distributor::role::detail
