#include "openflow/pipeline/pipeline.hpp"

#include <utility>

#include "openflow/pipeline/detail/context.hpp"
#include "openflow/placement/granularity.hpp"

namespace distributor::pipeline {
namespace {

using detail::Context;
using wire::Action;
using wire::Actions;
using wire::Field;
using wire::Match;

constexpr std::uint32_t kGroupsPerLoadBalancer = 16;
constexpr unsigned kGenerationShift = 32;
constexpr unsigned kMagicShift = 40;

wire::Field wire_field(placement::HashField field) {
  switch (field) {
    case placement::HashField::ip_src:
      return Field::ipv4_src;
    case placement::HashField::ipv6_src:
      return Field::ipv6_src;
    case placement::HashField::tcp_src:
      return Field::tcp_src;
    case placement::HashField::udp_src:
      return Field::udp_src;
    case placement::HashField::sctp_src:
      return Field::sctp_src;
  }
  return Field::ipv4_src;
}

wire::HashSelection to_wire(const placement::Selection& selection) {
  std::vector<wire::HashField> fields;
  for (const auto& input : selection.fields) {
    const auto width = static_cast<std::ptrdiff_t>(placement::width_of(input.field));
    fields.push_back({wire_field(input.field), std::string(input.mask.begin(), input.mask.begin() + width)});
  }
  return wire::HashSelection::over(selection.param, std::move(fields));
}

wire::HashSelection selection_of(const LoadBalancer& lb, const Options& options) {
  static const placement::RendezvousHash standard;
  const placement::Placement& algorithm = options.algorithm != nullptr ? *options.algorithm : standard;
  return to_wire(algorithm.selection(lb));
}

wire::Group fingerprint_group() {
  wire::Group group;
  group.id = kFingerprintGroup;
  group.type = wire::GroupType::select;
  group.selection = to_wire(fingerprint_selection());
  for (const auto id : kFingerprintBuckets) group.buckets.push_back({id, 1, Actions{}});
  return group;
}

// One bucket per occupied slot, its id the position. None at all drops, which is what a load balancer without amphorae
// does.
wire::Group group_of(const Context& context, GroupRole role, wire::GroupType type) {
  const LoadBalancer& lb = context.lb;
  wire::Group group;
  group.id = group_id_of(lb.ordinal, role);
  group.type = type;
  for (const Position position : bucket_positions(lb)) {
    const MacAddress& amphora = lb.slots[position.value].occupant->mac;
    group.buckets.push_back({position.value, 1,
                             Actions{Action::set(Field::eth_src, context.binding.mac),
                                     Action::set(Field::eth_dst, amphora), Action::in_port()}});
  }
  return group;
}

void render_groups(const Context& context) {
  auto& groups = context.rules.groups;
  groups.push_back(group_of(context, GroupRole::select, wire::GroupType::select));
  groups.back().selection = selection_of(context.lb, context.options);
  if (context.options.meters) groups.push_back(group_of(context, GroupRole::flood, wire::GroupType::all));
  if (context.lb.affinity != Affinity::source_ip_and_port) return;
  LoadBalancer by_address = context.lb;
  by_address.affinity = Affinity::source_ip;
  groups.push_back(group_of(context, GroupRole::fragments, wire::GroupType::select));
  groups.back().selection = selection_of(by_address, context.options);
}

// A frame that an amphora of this cluster sends to its own VIP has been here before (D12). No TTL is touched.
void render_loop_rules(const Context& context, const IpAddress& vip) {
  for (const auto& mac : detail::amphorae_of(context.lb)) {
    Match match = context.from_interface();
    match.eth_dst(context.binding.mac).eth_src(mac).ip_dst(vip);
    context.flow(kTableForward, detail::kPriorityLoop, match, Actions{});
  }
}

void render_forwarding(const Context& context, const IpAddress& vip) {
  Match match = context.from_interface();
  match.eth_dst(context.binding.mac).ip_dst(vip);
  context.flow(kTableForward, detail::kPriorityForward, match,
               Actions{Action::group(group_id_of(context.lb.ordinal, GroupRole::select))});
}

}  // namespace

std::uint64_t cookie_of(std::uint32_t ordinal) {
  return base_cookie() | (std::uint64_t{ordinal} + 1);
}

std::uint64_t base_cookie() {
  return kCookieMagic << kMagicShift | std::uint64_t{kLayoutGeneration} << kGenerationShift;
}

bool is_our_cookie(std::uint64_t cookie) {
  return cookie >> kMagicShift == kCookieMagic;
}

std::optional<std::uint32_t> ordinal_of_cookie(std::uint64_t cookie) {
  const auto low = static_cast<std::uint32_t>(cookie);
  if (!is_our_cookie(cookie) || low == 0) return std::nullopt;
  return low - 1;
}

std::uint32_t group_id_of(std::uint32_t ordinal, GroupRole role) {
  return ordinal * kGroupsPerLoadBalancer + static_cast<std::uint32_t>(role);
}

std::optional<std::uint32_t> ordinal_of_group(std::uint32_t group_id) {
  if (group_id % kGroupsPerLoadBalancer == 0) return std::nullopt;
  return group_id / kGroupsPerLoadBalancer;
}

std::vector<wire::Meter> meters() {
  std::vector<wire::Meter> out;
  for (std::uint32_t i = 0; i < kMetersOfAKind; ++i) out.push_back({detail::kFirstFloodMeter + i, kFloodedPerSecond});
  for (std::uint32_t i = 0; i < kMetersOfAKind; ++i) {
    out.push_back({detail::kFirstSolicitationMeter + i, kSolicitationsPerSecond});
  }
  return out;
}

std::vector<MacAddress> detail::amphorae_of(const LoadBalancer& lb) {
  std::vector<MacAddress> macs;
  for (const Position position : bucket_positions(lb)) macs.push_back(lb.slots[position.value].occupant->mac);
  return macs;
}

std::vector<Position> bucket_positions(const LoadBalancer& lb) {
  std::vector<Position> positions;
  for (std::uint32_t i = 0; i < lb.slots.size(); ++i) {
    if (lb.slots[i].occupant) positions.push_back(Position{i});
  }
  return positions;
}

Rules render(const LoadBalancer& lb, const PortBinding& binding, const Options& options) {
  Rules rules;
  const Context context{lb, binding, options, rules};
  render_groups(context);
  for (const auto& vip : lb.vips) {
    detail::render_responders(context, vip.address);
    render_loop_rules(context, vip.address);
    detail::render_icmp_errors(context, vip.address);
    detail::render_fragments(context, vip.address);
    render_forwarding(context, vip.address);
  }
  detail::render_hairpin(context);
  if (binding.vrrp_ip && binding.internal_ofport) {
    detail::render_node_address(context, *binding.vrrp_ip, *binding.internal_ofport);
  }
  return rules;
}

placement::Selection fingerprint_selection() { return {0, placement::whole_fields(false)}; }

wire::FlowRule gate_rule(bool open) {
  Actions actions;
  if (open) actions.add(Action::resubmit_table(kTableResponders));
  return {kTableGate, kGatePriority, base_cookie(), Match{}, actions};
}

Rules render_base(bool gate_open) {
  Rules rules;
  rules.groups.push_back(fingerprint_group());
  rules.flows.push_back(gate_rule(gate_open));
  for (const std::uint8_t table : {kTableForward, kTableResponders, kTableNdLinkLayer, kTableFromNode, kTableHairpin}) {
    rules.flows.push_back({table, 0, base_cookie(), Match{}, Actions{}});
  }
  return rules;
}

}  // namespace distributor::pipeline
