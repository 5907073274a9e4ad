#include "openflow/ports/detail/entry.hpp"

namespace distributor::ports {
namespace {

constexpr std::uint32_t kFirstOfport = 100;

bool has_number(const std::optional<ovsdb::PortRow>& row) { return row && row->ofport && *row->ofport > 0; }

bool is_attached(const std::optional<ovsdb::PortRow>& row, const std::string& bridge) { return row && row->bridge == bridge; }

}  // namespace

std::uint16_t ofport_of_plugged(std::uint32_t ordinal) { return static_cast<std::uint16_t>(kFirstOfport + 2 * ordinal); }
std::uint16_t ofport_of_internal(std::uint32_t ordinal) { return static_cast<std::uint16_t>(kFirstOfport + 2 * ordinal + 1); }

BindingState observe(const Entry& entry, const Link* link, const Rows& rows, const std::string& bridge) {
  BindingState state;
  if (link == nullptr) {
    state.reason = "no interface with MAC " + entry.interface.mac.text() + " here; it is attached as soon as it is plugged";
    return state;
  }
  state.present = true;
  state.carrier = link->carrier;
  state.interface = link->name;
  if (!rows.connected) {  // ovsdb-server is away: the switch goes on as it is, and so do we
    state.binding = entry.state.binding;
    state.reason = "no connection to ovsdb-server";
    return state;
  }
  if (!has_number(rows.plugged) || !is_attached(rows.plugged, bridge)) {
    state.reason = "interface " + link->name + " is being attached";
    if (!entry.attach_failure.empty()) state.reason = "interface " + link->name + " cannot be attached: " + entry.attach_failure;
    return state;
  }
  pipeline::PortBinding binding;
  binding.ofport = static_cast<std::uint32_t>(*rows.plugged->ofport);
  binding.mac = entry.interface.mac;
  binding.vlan = entry.interface.vlan;
  if (entry.wish && has_number(rows.internal) && is_attached(rows.internal, bridge)) {
    binding.internal_ofport = static_cast<std::uint32_t>(*rows.internal->ofport);
    binding.vrrp_ip = entry.interface.vrrp_ip;
  }
  state.binding = binding;
  if (!entry.vrrp_failure.empty()) state.reason = "vrrp_ip is not there: " + entry.vrrp_failure;
  return state;
}

std::vector<Step> next_steps(const Entry& entry, const Link* link, const Rows& rows, const std::string& bridge, bool internal_is_here) {
  std::vector<Step> steps;
  if (!rows.connected) return steps;
  // Open vSwitch keeps the socket of a device that is gone, also when another one of the same name comes: it must be told.
  const bool gone = link == nullptr || entry.port != link->name || (entry.link_index != 0 && entry.link_index != link->index);
  if (!entry.port.empty() && gone) steps.push_back(Step::detach_old);
  if (link != nullptr && !entry.attaching && !(is_attached(rows.plugged, bridge) && has_number(rows.plugged))) steps.push_back(Step::attach);
  if (!entry.wish) return steps;
  const bool internal_attached = is_attached(rows.internal, bridge) && has_number(rows.internal);
  if (!internal_attached && !entry.attaching_internal) steps.push_back(Step::attach_internal);
  if (internal_attached && !entry.building && (internal_is_here || entry.built != entry.wish)) steps.push_back(Step::build_namespace);
  return steps;
}

}  // namespace distributor::ports
