// A disk with the store on it: transactions reach the platter some time before their answer is seen; a power cut in between leaves
// all of a transaction or none of it, which is what the real store makes of a torn write.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "sync/replica/replica.hpp"
#include "tests/simulation/timeline.hpp"

namespace distributor::simulation {

struct Disk {
  replica::DurableState platter;
  std::optional<replica::DurableState> old_copy;  // what `old_disk` brings back
  bool rotten = false;                            // the store's seal does not fit: it refuses to open
  bool full = false;                              // transactions fail and leave nothing
  bool sync_fails = false;                        // the next transaction fails; whether it is on the platter nobody knows
  TimePoint free{0};                              // transactions are written one after the other
  std::uint64_t life = 0;                         // transactions under way of an earlier life never happened

  // Another disk in its place. What was under way to the old one does not reach it.
  void replace(replica::DurableState state) {
    const auto next_life = life + 1;
    *this = Disk{};
    life = next_life;
    platter = std::move(state);
  }
  // One transaction, as sync/store does it.
  void apply(const replica::PersistBatch& batch);
};

}  // namespace distributor::simulation
