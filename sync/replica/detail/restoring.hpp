// Two states, told apart in commands (DESIGN, The guarantee: what a log that was cut short no longer tells is listed as a difference of
// states).
#pragma once

#include <vector>

#include "sync/registry/registry.hpp"

namespace distributor::replica {

// For every load balancer that `then` and `now` hold differently: the commands that bring an empty registry, or `now`, to the amphorae that
// `then` holds. In the order of the load balancers. Settings that PLUG does not change stay as `now` has them.
std::vector<Command> restoring(const Registry& then, const Registry& now);

}  // namespace distributor::replica
