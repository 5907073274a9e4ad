// One node's view of the pair at one moment, for whoever looks at it: the status page, distributorctl status and watch, metrics.
// Plain values; the renderings are pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/backend/backend.hpp"

namespace distributor::node {

// Bounds of what is shown at once. Load balancers come in the order of their ids; those that do not fit are counted.
inline constexpr std::size_t kBalancersShownMax = 256;
inline constexpr std::size_t kBucketsShownMax = 8192;
inline constexpr std::size_t kTakeoversRemembered = 16;

struct BucketLine {
  Position position;
  MacAddress mac;
  std::string amphora_id;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

struct BalancerLine {
  LoadBalancerId id;
  std::vector<std::string> vips;
  std::string affinity;
  std::vector<BucketLine> buckets;
  std::size_t vacant = 0;
  std::size_t spares = 0;
  bool carried = false;  // this node has its interface, and rules for it
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

struct OwnershipChange {
  std::int64_t unix_ms = 0;
  bool gained = false;  // this node answers for the VIPs from here on, or no more
  std::optional<api::TakeoverView> takeover;  // its stages, once the last one is over; absent also if keepalived had no part in it
};

struct Overview {
  std::int64_t unix_ms = 0;
  api::PairView pair;
  api::NodeView node;
  bool keepalived_used = false;
  bool keepalived_alive = false;
  bool gatekeeper_connected = false;
  int readiness = 0;  // 0, 50 or 150
  std::string readiness_reason;
  std::uint64_t lag_entries = 0;  // committed here and not yet durable on the peer
  double lag_s = 0;               // for how long there has been any lag
  std::uint64_t changes_pair = 0;
  std::uint64_t changes_local = 0;
  std::uint64_t repairs = 0;
  double programming_last_ms = 0;
  std::optional<std::string> counters_missing;  // why there are no packets and bytes
  std::vector<BalancerLine> balancers;          // all of them, in the order of their ids
  std::vector<OwnershipChange> ownership;       // newest first, since the daemon started
};

// What an operator should look at, worst first; empty if all is well.
struct Concern {
  bool urgent = false;
  std::string text;
};
std::vector<Concern> concerns_of(const Overview& overview);

std::string utc_time(std::int64_t unix_ms);  // "2026-01-31 12:00:00"

std::string overview_json(const Overview& overview, std::size_t balancers_max = kBalancersShownMax);

// One HTML page with everything in it. Whatever came from outside is escaped.
std::string overview_page(const Overview& overview);
std::string html_escaped(const std::string& text);

}  // namespace distributor::node
