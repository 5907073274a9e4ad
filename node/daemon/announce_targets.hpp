// What is announced for a load balancer: everything that the owner answers for (D5). Pure.
#pragma once

#include <vector>

#include "ha/announce/announce.hpp"
#include "openflow/pipeline/port_binding.hpp"
#include "sync/registry/load_balancer.hpp"

namespace distributor::node {

std::vector<announce::Target> targets_of(const LoadBalancer& lb, const pipeline::PortBinding& binding);

}  // namespace distributor::node
