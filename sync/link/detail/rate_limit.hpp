// Says whether a report is due: once per text and interval, for a bounded number of texts.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace distributor::link::detail {

class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;
  explicit RateLimit(Clock::duration interval) : interval_(interval) {}

  bool due(const std::string& key, Clock::time_point now) {
    constexpr std::size_t kKeysMax = 64;
    std::erase_if(next_, [&](const auto& entry) { return entry.second <= now; });
    if (next_.size() >= kKeysMax) return false;  // so many in one interval: those reported tell enough
    return next_.emplace(key, now + interval_).second;
  }

 private:
  Clock::duration interval_;
  std::map<std::string, Clock::time_point> next_;
};

}  // namespace distributor::link::detail
