// Values to Protocol Buffers messages and back. The way back checks lengths, ranges and enumerations; the rules are the
// registry's.
#pragma once

#include "sync/registry/command.hpp"
#include "sync/registry/registry.pb.h"

namespace distributor::detail {

proto::Command to_proto(const Command& command);
proto::LoadBalancer to_proto(const LoadBalancer& lb);

Parsed<Command> command_from(const proto::Command& message);
Parsed<LoadBalancer> load_balancer_from(const proto::LoadBalancer& message);

}  // namespace distributor::detail
