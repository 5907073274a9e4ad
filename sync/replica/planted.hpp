// Bugs that can be planted to prove that the simulator finds them (tests/simulation). Only a build with
// DISTRIBUTOR_PLANTED_BUGS has them; in every other one the questions below are constants and the compiler takes them away.
#pragma once

#include <cstdint>

namespace distributor::replica {

enum class Planted : std::uint8_t {
  none,
  acknowledge_before_fsync,
  skip_persisted_term,
  accept_lower_term,
  drop_nack,
  renumber_positions,
  ignore_digest,
  half_snapshot,
  forget_dropped,
  undo_the_leader,
};

#ifdef DISTRIBUTOR_PLANTED_BUGS
extern Planted planted_bug;  // which one, in this process
inline bool planted(Planted bug) { return planted_bug == bug; }
#else
constexpr bool planted(Planted) { return false; }
#endif

}  // namespace distributor::replica
