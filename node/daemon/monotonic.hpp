// The time of the pure machines, nanoseconds of the monotonic clock, and what a shell makes of it.
#pragma once

#include <chrono>

namespace distributor::node {

inline std::chrono::nanoseconds monotonic_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch());
}

// As a timer wants it.
inline std::chrono::steady_clock::time_point time_point_of(std::chrono::nanoseconds time) {
  return std::chrono::steady_clock::time_point(std::chrono::duration_cast<std::chrono::steady_clock::duration>(time));
}

// As a log line or an answer says it.
inline double in_ms(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace distributor::node
