// Takes an address off an interface of this network namespace (rtnetlink RTM_DELADDR). Blocks for one round trip to the kernel.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "sync/registry/types.hpp"

namespace distributor::node {

// True: it was there and is gone. False: it was not there. Error: text.
tl::expected<bool, std::string> delete_address(const std::string& interface, const IpAddress& address, std::uint8_t prefix_bits);

}  // namespace distributor::node
