#include "node/daemon/announce_targets.hpp"

namespace distributor::node {
namespace {

announce::Target target_of(const IpAddress& address, const pipeline::PortBinding& binding) {
  announce::Target target;
  target.port = binding.ofport;
  target.vlan_id = binding.vlan;
  target.mac = binding.mac.bytes();
  if (address.is_v4()) {
    target.vip = address.v4_bytes();
  } else {
    target.vip = address.bytes();
  }
  return target;
}

}  // namespace

std::vector<announce::Target> targets_of(const LoadBalancer& lb, const pipeline::PortBinding& binding) {
  std::vector<announce::Target> targets;
  for (const auto& vip : lb.vips) {
    targets.push_back(target_of(vip.address, binding));
    if (vip.hairpin_address) targets.push_back(target_of(*vip.hairpin_address, binding));
  }
  return targets;
}

}  // namespace distributor::node
