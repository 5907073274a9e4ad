// Short ways to write down values in the tests of the registry and of what stands on it.
#pragma once

#include <initializer_list>
#include <stdexcept>
#include <string>

#include "sync/registry/registry.hpp"

namespace distributor::test {

template <typename Value>
Value parsed(const std::string& text) {
  auto value = Value::parse(text);
  if (!value) throw std::invalid_argument(value.error().message);
  return *std::move(value);
}

inline IpAddress ip(const std::string& text) {
  return parsed<IpAddress>(text);
}
inline IpPrefix prefix(const std::string& text) {
  return parsed<IpPrefix>(text);
}
inline MacAddress mac(const std::string& text) {
  return parsed<MacAddress>(text);
}
inline NodeId node(const std::string& text) {
  return parsed<NodeId>(text);
}

// The MAC of the n-th amphora, and the id of the n-th load balancer.
inline MacAddress amphora_mac(unsigned n) {
  return MacAddress({0x02, 0, 0, 0xaa, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n & 0xffU)});
}
inline LoadBalancerId lb_id(unsigned n) {
  const auto digits = std::to_string(n);
  return parsed<LoadBalancerId>("00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits);
}
inline MacAddress node_mac(unsigned lb, unsigned node_index) {
  return MacAddress({0x02, 0, 0, static_cast<std::uint8_t>(0xd0U + node_index), static_cast<std::uint8_t>(lb >> 8U),
                     static_cast<std::uint8_t>(lb & 0xffU)});
}

// A legal PLUG of load balancer n on nodes "a" and "b", with an IPv4 and an IPv6 VIP.
inline PlugCommand plug_of(unsigned n) {
  PlugCommand command;
  command.lb = lb_id(n);
  command.vips = {Vip{ip("192.0.2.10"),
                      prefix("192.0.2.0/24"),
                      ip("192.0.2.1"),
                      {{prefix("198.51.100.0/24"), ip("192.0.2.2")}, {prefix("203.0.113.0/24"), ip("192.0.2.3")}}},
                  Vip{ip("2001:db8::10"), prefix("2001:db8::/64"), ip("2001:db8::1"), {}}};
  command.nodes = {NodeInterface{node("a"), node_mac(n, 0), ip("192.0.2.11"), std::nullopt},
                   NodeInterface{node("b"), node_mac(n, 1), ip("192.0.2.12"), std::nullopt}};
  command.fresh_hash_seed = 0x1122334455667788U + n;
  return command;
}

inline RegisterCommand::Item item(unsigned n, std::optional<unsigned> position = {},
                                  std::optional<AmphoraRole> role = {}) {
  RegisterCommand::Item out;
  out.amphora.mac = amphora_mac(n);
  if (position) out.position = Position{*position};
  out.role = role;
  return out;
}
inline RegisterCommand::Item spare(unsigned n) {
  return item(n, {}, AmphoraRole::standby);
}

inline RegisterCommand reg(unsigned lb, std::vector<RegisterCommand::Item> items) {
  return {lb_id(lb), std::move(items)};
}
inline UnregisterCommand unreg(unsigned lb, std::initializer_list<unsigned> amphorae) {
  UnregisterCommand command{lb_id(lb), {}};
  for (const auto n : amphorae) command.macs.push_back(amphora_mac(n));
  return command;
}
inline ReplaceCommand replace(unsigned lb, unsigned failed, std::optional<unsigned> standby = {}) {
  ReplaceCommand command{lb_id(lb), amphora_mac(failed), {}};
  if (standby) command.standby = amphora_mac(*standby);
  return command;
}

// "1 - 3 | 7 8": amphorae by position, vacant ones as '-', spares behind the bar.
inline std::string layout(const LoadBalancer& lb) {
  const auto name = [](const Amphora& amphora) {
    return std::to_string(amphora.mac.bytes()[4] * 256 + amphora.mac.bytes()[5]) + " ";
  };
  std::string out;
  for (const auto& slot : lb.slots) out += slot.occupant ? name(*slot.occupant) : "- ";
  out += "| ";
  for (const auto& one : lb.spares) out += name(one);
  out.pop_back();
  return out;
}

}  // namespace distributor::test
