// The only source of chance: splitmix64, the same on every machine and with every standard library.
#pragma once

#include <cstdint>

namespace distributor::simulation {

class Prng {
 public:
  explicit Prng(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
  // 0..bound-1; the slight bias does not matter here. bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  // True `per_million` times in a million. Draws nothing for 0: a rate of zero changes no other draw.
  bool chance(std::uint32_t per_million) { return per_million != 0 && below(1'000'000) < per_million; }
  // A generator of its own, so that one subject's draws do not shift another's.
  Prng fork() { return Prng(next()); }

 private:
  std::uint64_t state_;
};

}  // namespace distributor::simulation
