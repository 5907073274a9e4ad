// What stands in keepalived's readiness file and when that changes: a loss counts at once, a gain after a while (H6). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ha/role/detail/readiness_judge.hpp"
#include "ha/role/role.hpp"

namespace distributor::role::detail {

// What the decision rests on beside the judgement.
struct Surroundings {
  bool master = false;      // keepalived has said so, and it holds now
  bool peer_ready = false;  // the peer lives and says that it is ready
};

class ReadinessHolder {
 public:
  explicit ReadinessHolder(const Config& config) : config_(config), ready_again_after_(config.ready_again_after) {}

  // Effects are appended; `deadline` is lowered to the time at which this may change by itself.
  void take_as_found(std::vector<Effect>& effects);  // before begin(): the file is left alone, but must not say that this node yields
  void begin();                                      // what was found stands from now on
  void follow(const Judgement& verdict, const Surroundings& around, TimePoint now, TimePoint& deadline, std::vector<Effect>& effects);
  void declared_dead(TimePoint now, std::vector<Effect>& effects);
  void write_again_at(TimePoint time);  // the file may hold something else by now

  std::optional<int> value() const { return value_; }
  const std::string& reason() const { return reason_; }
  std::uint64_t losses() const { return losses_; }
  Duration ready_again_after() const { return ready_again_after_; }

 private:
  void set(int value, const std::string& reason, TimePoint now, std::vector<Effect>& effects);
  void count_loss(TimePoint now);
  void keep(const Judgement& verdict, TimePoint now, TimePoint& deadline, std::vector<Effect>& effects);

  Config config_;
  std::optional<int> value_;
  std::string reason_;
  std::optional<TimePoint> better_since_;  // the judgement has been above what stands since then
  std::optional<TimePoint> rewrite_at_;
  std::optional<TimePoint> yield_until_;  // kReadinessYield stands until keepalived has left MASTER, or then
  std::optional<TimePoint> lost_at_;      // last time
  std::uint64_t losses_ = 0;
  Duration ready_again_after_;
};

}  // namespace distributor::role::detail
