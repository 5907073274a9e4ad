// Which bits of a client's address and port are hashed (A7). Every bit more doubles the number of flows that the datapath
// may hold for one load balancer; docs/forwarding.md says where the knee is. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "openflow/placement/placement.hpp"

namespace distributor::placement {

// The full address, and with `ports` the full source port.
std::vector<HashInput> whole_fields(bool ports);

// At most `classes_max` (limits::kHashClassesMin or more) different values for each address family, and with `ports`
// for each address family and protocol together.
std::vector<HashInput> bounded_fields(std::uint32_t classes_max, bool ports);

}  // namespace distributor::placement
