// When to announce which VIP: at once, and again a few times, since single announcements get lost in practice (D5).
// Pure. For single VIPs (at PLUG) and to spread the rate; the repeats of a takeover, of all VIPs, come from the role
// machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "ha/announce/announce.hpp"

namespace distributor::announce {

using TimePoint = std::chrono::nanoseconds;  // of a monotonic clock

struct PlannerConfig {
  std::vector<std::chrono::milliseconds> offsets{std::chrono::milliseconds(0), std::chrono::milliseconds(200),
                                                 std::chrono::milliseconds(1000), std::chrono::milliseconds(3000)};
  std::size_t targets_max = 20'000;  // further ones are announced at no time: above any registry's limit of VIPs
};

class Planner {
 public:
  explicit Planner(PlannerConfig config = {});

  // Plans the offsets for each target. A target that is still planned starts anew: never two plans for one target.
  void announce(const std::vector<Target>& targets, TimePoint now);
  void forget_all();                  // ownership lost
  void forget(const Target& target);  // VIP unplugged

  std::vector<Target> take_due(TimePoint now, std::size_t max);  // earliest first; call again if it returned `max`
  TimePoint next_deadline() const;                               // TimePoint::max(): nothing planned
  std::size_t planned() const { return plans_.size(); }

 private:
  struct Plan {
    TimePoint start;
    std::size_t next_offset = 0;
    std::uint64_t order = 0;
  };
  struct Less {
    bool operator()(const Target& a, const Target& b) const {
      return std::tie(a.port, a.vlan_id, a.mac, a.vip) < std::tie(b.port, b.vlan_id, b.mac, b.vip);
    }
  };
  using Plans = std::map<Target, Plan, Less>;
  using Due = std::tuple<TimePoint, std::uint64_t, Plans::iterator>;
  struct DueLess {
    bool operator()(const Due& a, const Due& b) const {
      return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
    }
  };
  Due due_of(Plans::iterator plan) const;

  PlannerConfig config_;
  std::uint64_t next_order_ = 0;
  Plans plans_;
  std::set<Due, DueLess> due_;
};

}  // namespace distributor::announce
