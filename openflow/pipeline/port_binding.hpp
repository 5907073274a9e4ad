// Where one load balancer's interface is in this node's switch. Made by ports, read by the pipeline.
#pragma once

#include <cstdint>
#include <optional>

#include "sync/registry/types.hpp"

namespace distributor::pipeline {

struct PortBinding {
  std::uint32_t ofport = 0;           // of the plugged interface, or of the trunk that carries `vlan`
  MacAddress mac;                     // the plugged MAC of this node: the distributor's own
  std::optional<std::uint16_t> vlan;  // 1..4094: frames carry this tag
  std::optional<std::uint32_t>
      internal_ofport;  // the port in the load balancer's own namespace that holds vrrp_ip (H10)
  std::optional<IpAddress> vrrp_ip;
  friend auto operator<=>(const PortBinding&, const PortBinding&) = default;
};

}  // namespace distributor::pipeline
