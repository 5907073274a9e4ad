// Commands and load balancers as bytes (Protocol Buffers, sync/registry/registry.proto). Encoding is deterministic:
// equal values, equal bytes.
#pragma once

#include <string>
#include <string_view>

#include "sync/registry/command.hpp"

namespace distributor {

std::string encode(const Command& command);
std::string encode(const LoadBalancer& lb);

// Refuse malformed bytes, unknown fields and unknown commands (rather than skipping them: an older node must not
// half-apply).
Parsed<Command> decode_command(std::string_view bytes);
Parsed<LoadBalancer> decode_load_balancer(std::string_view bytes);

}  // namespace distributor
