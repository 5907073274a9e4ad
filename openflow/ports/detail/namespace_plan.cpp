#include "openflow/ports/detail/namespace_plan.hpp"

namespace distributor::ports {

std::optional<NamespaceWish> namespace_wish(const LoadBalancer& lb, const NodeInterface& interface, const std::string& netns_prefix,
                                            const std::string& internal_prefix) {
  if (!interface.vrrp_ip) return std::nullopt;
  for (const auto& vip : lb.vips) {
    if (!vip.subnet.contains(*interface.vrrp_ip)) continue;
    NamespaceWish wish;
    wish.name = netns_prefix + std::to_string(lb.ordinal);
    wish.device = internal_prefix + std::to_string(lb.ordinal);
    wish.mac = interface.mac;
    wish.mtu = lb.mtu;
    wish.address = *interface.vrrp_ip;
    wish.prefix_length = vip.subnet.length;
    wish.gateway = vip.gateway;
    wish.host_routes = vip.host_routes;
    return wish;
  }
  return std::nullopt;
}

std::vector<CommandLine> commands_to_build(const NamespaceWish& wish, const std::string& ip_program, bool device_is_here,
                                           const std::optional<NamespaceWish>& built) {
  std::vector<CommandLine> commands;
  const auto outside = [&](std::vector<std::string> rest, bool may_fail = false) {
    rest.insert(rest.begin(), ip_program);
    commands.push_back({std::move(rest), may_fail});
  };
  const auto inside = [&](std::vector<std::string> rest) {
    rest.insert(rest.begin(), {"-n", wish.name});
    outside(std::move(rest));
  };
  const std::string family = wish.address.is_v4() ? "-4" : "-6";
  outside({"netns", "add", wish.name}, true);  // it may be there already
  if (device_is_here) {
    // Open vSwitch makes persistent devices: that of a vswitchd which was killed is still in there, dead, under the same name.
    outside({"-n", wish.name, "link", "delete", wish.device}, true);
    outside({"link", "set", wish.device, "netns", wish.name});
  }
  inside({"link", "set", "lo", "up"});
  inside({"link", "set", wish.device, "address", wish.mac.text()});
  if (wish.mtu) inside({"link", "set", wish.device, "mtu", std::to_string(*wish.mtu)});
  inside({"link", "set", wish.device, "up"});
  if (built && built->address != wish.address && !device_is_here) inside({"address", "flush", "dev", wish.device});
  // No duplicate address detection: the peer holds another address, and an answer to the probe would come through our own rules.
  std::vector<std::string> address{"address", "replace", wish.address.text() + "/" + std::to_string(wish.prefix_length), "dev", wish.device};
  if (!wish.address.is_v4()) address.emplace_back("nodad");
  inside(std::move(address));
  if (wish.gateway) inside({family, "route", "replace", "default", "via", wish.gateway->text(), "dev", wish.device});
  for (const auto& route : wish.host_routes) {
    inside({family, "route", "replace", route.destination.text(), "via", route.next_hop.text(), "dev", wish.device});
  }
  return commands;
}

std::vector<CommandLine> commands_to_remove(const std::string& netns, const std::string& ip_program) {
  return {{{ip_program, "netns", "delete", netns}, true}};
}

}  // namespace distributor::ports
