// What the operator of this pair allows, at or below limits.hpp (L6). The leader judges a new change by its own ceilings before
// it enters the log. What is in the log is never judged by them: a peer with other ceilings applies it all the same.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "sync/registry/limits.hpp"
#include "sync/registry/registry.hpp"

namespace distributor {

struct Ceilings {
  bool dedicated = false;  // for one load balancer alone
  std::size_t load_balancers_max = limits::kLoadBalancersMax;
  std::size_t slots_max = limits::kSlotsMax;  // positions of one load balancer

  std::size_t load_balancers() const { return dedicated ? 1 : load_balancers_max; }
  std::string text() const;  // one line; equal for equal ceilings
  friend bool operator==(const Ceilings&, const Ceilings&) = default;
};

// Refuses what would raise a number above its ceiling. What stands above it (the ceiling was lowered) stays, and may shrink.
// `command` is one that `tail` would accept.
std::optional<RegistryError> above_ceilings(const Ceilings& ceilings, const Registry& tail, const Command& command);

}  // namespace distributor
