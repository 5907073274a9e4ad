// Whether this node should own, as a number for keepalived: 0, 50 or 150 (H6, H13). Pure.
#pragma once

#include <optional>
#include <string>

#include "ha/role/role.hpp"

namespace distributor::role::detail {

struct Judgement {
  int value = 0;
  std::string reason;
  bool hold = false;     // keep what stands for now
  bool no_path = false;  // what is answered for here does not reach the amphorae: an owner should not own a moment longer
};

class ReadinessJudge {
 public:
  explicit ReadinessJudge(const Config& config) : config_(config) {}

  // Facts that are absent were never told. `deadline` is lowered to the time at which the judgement may change by
  // itself.
  Judgement judge(const std::optional<SyncFacts>& sync, const std::optional<HealthFacts>& health, bool leave,
                  TimePoint now, TimePoint& deadline);

 private:
  // True once `condition` has lasted `least`.
  static bool lasted(bool condition, std::optional<TimePoint>& since, Duration least, TimePoint now,
                     TimePoint& deadline);
  std::string health_fault(const HealthFacts& health, TimePoint now, TimePoint& deadline);
  std::string links_fault(const SyncFacts& sync, const HealthFacts& health, TimePoint now, TimePoint& deadline);

  Config config_;
  std::uint32_t links_wanted_ = 0, links_most_ = 0;  // the most that were up since the number wanted changed
  std::optional<TimePoint> lag_since_, links_since_, negotiating_since_;
};

}  // namespace distributor::role::detail
