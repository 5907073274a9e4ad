// The commands that give a load balancer its own network namespace with vrrp_ip, gateway and host routes in it (H10). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "openflow/ports/detail/commands.hpp"
#include "sync/registry/load_balancer.hpp"

namespace distributor::ports {

struct NamespaceWish {
  std::string name;    // of the namespace
  std::string device;  // the internal port
  MacAddress mac;
  std::optional<std::uint16_t> mtu;
  IpAddress address;
  std::uint8_t prefix_length = 0;
  std::optional<IpAddress> gateway;
  std::vector<HostRoute> host_routes;
  friend bool operator==(const NamespaceWish&, const NamespaceWish&) = default;
};

// Nothing if the load balancer has no vrrp_ip on this node, or none of its subnets holds it.
std::optional<NamespaceWish> namespace_wish(const LoadBalancer& lb, const NodeInterface& interface, const std::string& netns_prefix,
                                            const std::string& internal_prefix);

// `device_is_here`: the device is in the root namespace and has to be moved; else it is in its namespace already.
// `built`: what an earlier run made, whose address goes if it is another one now.
std::vector<CommandLine> commands_to_build(const NamespaceWish& wish, const std::string& ip_program, bool device_is_here,
                                           const std::optional<NamespaceWish>& built);
std::vector<CommandLine> commands_to_remove(const std::string& netns, const std::string& ip_program);

}  // namespace distributor::ports
