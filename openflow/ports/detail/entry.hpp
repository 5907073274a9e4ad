// One load balancer as ports sees it: what is wanted, what was observed, what is under way. Pure; private to ports.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "openflow/ovsdb/types.hpp"
#include "openflow/pipeline/port_binding.hpp"
#include "openflow/ports/detail/links.hpp"
#include "openflow/ports/detail/namespace_plan.hpp"
#include "openflow/ports/port_manager.hpp"

namespace distributor::ports {

struct Entry {
  LoadBalancerId id;
  std::uint32_t ordinal = 0;
  NodeInterface interface;
  std::optional<std::uint16_t> mtu;
  std::optional<NamespaceWish> wish;  // vrrp_ip

  std::string port;          // the OVS port that was asked for; empty = none yet
  int link_index = 0;        // of the device behind that port; 0 = not known
  bool attaching = false;
  bool attaching_internal = false;
  bool building = false;     // namespace commands are under way
  std::optional<NamespaceWish> built;  // what the namespace holds
  std::string attach_failure;
  std::string vrrp_failure;
  BindingState state;
};

// What the database says of the ports of one entry.
struct Rows {
  bool connected = false;  // else nothing is known, and what was known stays
  std::optional<ovsdb::PortRow> plugged;
  std::optional<ovsdb::PortRow> internal;
};

enum class Step : std::uint8_t { attach, detach_old, attach_internal, build_namespace };

// The state that follows from what is observed. `link` is null if the interface is not there.
BindingState observe(const Entry& entry, const Link* link, const Rows& rows, const std::string& bridge);

// What to do next about it. `internal_is_here`: the internal device is in the root namespace.
std::vector<Step> next_steps(const Entry& entry, const Link* link, const Rows& rows, const std::string& bridge, bool internal_is_here);

std::uint16_t ofport_of_plugged(std::uint32_t ordinal);   // the same on both nodes and after every restart
std::uint16_t ofport_of_internal(std::uint32_t ordinal);

}  // namespace distributor::ports
