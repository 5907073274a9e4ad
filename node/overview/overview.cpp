#include "node/overview/overview.hpp"

#include <array>
#include <ctime>

namespace distributor::node {
namespace {

void about_pair(const api::PairView& pair, std::vector<Concern>& concerns) {
  if (pair.diverged) concerns.push_back({true, "the nodes hold different states: a snapshot is being taken; see distributorctl diff"});
  if (!pair.entitled) concerns.push_back({true, "this node may not own the VIPs: " + pair.why_not});
  if (!pair.dropped.empty())
    concerns.push_back({true, std::to_string(pair.dropped.size()) + " changes were lost at a reunion; see distributorctl losses"});
  if (pair.affinity_at_risk) concerns.push_back({true, "clients would move at a takeover: " + pair.affinity_reason});
  if (pair.standalone) return;
  if (!pair.peer_alive) concerns.push_back({true, "the peer is away: changes are on this node's disk only"});
  if (pair.peer_alive && pair.peer && !pair.peer->ready && !pair.self.ready)
    concerns.push_back({true, "neither node is ready"});
  else if (pair.peer_alive && pair.peer && !pair.peer->ready)
    concerns.push_back({false, "the peer is not ready to take over"});
}

}  // namespace

std::vector<Concern> concerns_of(const Overview& overview) {
  std::vector<Concern> concerns;
  about_pair(overview.pair, concerns);
  const auto& self = overview.pair.self;
  if (!self.ready) concerns.push_back({false, "this node is not ready" + (overview.readiness_reason.empty() ? "" : ": " + overview.readiness_reason)});
  if (!self.ovs_programmed) concerns.push_back({true, "Open vSwitch does not hold all rules of this node"});
  if (self.vip_links_up < self.vip_links_wanted)
    concerns.push_back({true, std::to_string(self.vip_links_wanted - self.vip_links_up) + " VIP interfaces of this node are missing or without carrier"});
  if (overview.keepalived_used && !overview.keepalived_alive) concerns.push_back({true, "keepalived does not run on this node"});
  if (overview.keepalived_used && !overview.gatekeeper_connected)
    concerns.push_back({false, "the gatekeeper does not watch this daemon"});
  if (overview.counters_missing) concerns.push_back({false, "no packet counters: " + *overview.counters_missing});
  return concerns;
}

std::string utc_time(std::int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return "-";
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return text.data();
}

}  // namespace distributor::node
