// How long something took, as Prometheus wants it: cumulative counts per upper bound. A plain value.
#pragma once

#include <array>
#include <cstdint>

namespace distributor::api {

struct TimeHistogram {
  static constexpr std::array<double, 11> kBoundsSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30};
  std::array<std::uint64_t, kBoundsSeconds.size()> at_most{};
  std::uint64_t count = 0;
  double sum_s = 0;

  void add(double seconds) {
    ++count;
    sum_s += seconds;
    for (std::size_t i = 0; i < kBoundsSeconds.size(); ++i) at_most[i] += seconds <= kBoundsSeconds[i] ? 1 : 0;
  }
};

}  // namespace distributor::api
