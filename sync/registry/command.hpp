// The changes that Octavia can ask for. Idempotent by state, all or nothing (DESIGN: The registry).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sync/registry/load_balancer.hpp"

namespace distributor {

// PLUG (P3). On a load balancer that exists it must describe the same one; interfaces of nodes are added or replaced, and
// cluster_size may change as long as no occupied position is cut off (F7).
struct PlugCommand {
  LoadBalancerId lb;
  std::vector<Vip> vips;
  std::vector<NodeInterface> nodes;
  Affinity affinity = Affinity::source_ip;
  ForwardingMode mode = ForwardingMode::direct_return;
  std::optional<std::uint64_t> hash_seed;  // what Octavia stored; if the load balancer exists it must be equal
  std::uint64_t fresh_hash_seed =
      0;  // drawn by the edge, used when hash_seed is absent and the load balancer is new (A6)
  std::optional<std::uint32_t> cluster_size;
  std::optional<std::uint16_t> mtu;
  std::optional<std::uint32_t> hash_classes_max = std::nullopt;  // A7
  friend auto operator<=>(const PlugCommand&, const PlugCommand&) = default;
};

struct UnplugCommand {  // P5. Of an absent load balancer: no change
  LoadBalancerId lb;
  friend auto operator<=>(const UnplugCommand&, const UnplugCommand&) = default;
};

enum class AmphoraRole : std::uint8_t { active = 1, standby = 2 };

struct RegisterCommand {  // P6
  struct Item {
    Amphora amphora;
    std::optional<Position> position;  // absent: where it already is, else the lowest free one
    std::optional<AmphoraRole> role;   // absent: where it already is, else active
    friend auto operator<=>(const Item&, const Item&) = default;
  };
  LoadBalancerId lb;
  std::vector<Item> items;
  friend auto operator<=>(const RegisterCommand&, const RegisterCommand&) = default;
};

struct UnregisterCommand {  // P7
  LoadBalancerId lb;
  std::vector<MacAddress> macs;
  friend auto operator<=>(const UnregisterCommand&, const UnregisterCommand&) = default;
};

struct ReplaceCommand {  // F1: the spare takes the failed one's slot
  LoadBalancerId lb;
  MacAddress failed;
  std::optional<MacAddress> standby;  // absent: the first spare
  friend auto operator<=>(const ReplaceCommand&, const ReplaceCommand&) = default;
};

using Command = std::variant<PlugCommand, UnplugCommand, RegisterCommand, UnregisterCommand, ReplaceCommand>;

inline const LoadBalancerId& load_balancer_of(const Command& command) {
  return std::visit([](const auto& one) -> const LoadBalancerId& { return one.lb; }, command);
}

}  // namespace distributor
