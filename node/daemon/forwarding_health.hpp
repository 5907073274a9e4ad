// How Open vSwitch and the VIP interfaces of this node are, for readiness and reports.
#pragma once

#include <cstdint>

namespace distributor::node {

struct ForwardingHealth {
  bool synchronised = false;  // connected to the bridge, its rules read back and made right since; able to forward
  bool programmed = false;    // and nothing is waiting
  std::uint32_t links_up = 0;
  std::uint32_t links_wanted = 0;
};

}  // namespace distributor::node
