// The node's own address on the VIP network lives behind an internal port. That port and the plugged interface of the
// same load balancer reach each other, with the plugged MAC and this one address, and reach nothing else.
#include "openflow/pipeline/detail/context.hpp"

namespace distributor::pipeline::detail {
namespace {

using wire::Action;
using wire::Actions;
using wire::Match;

constexpr std::uint16_t kArpReply = 2;

Actions to_node(const Context& context, std::uint32_t internal_ofport) {
  Actions actions;
  if (context.binding.vlan) actions.add(Action::pop_vlan());
  actions.add(Action::output(internal_ofport));
  return actions;
}

Actions to_interface(const Context& context) {
  Actions actions;
  if (context.binding.vlan) actions.add(Action::push_vlan()).add(Action::set_vlan_vid(*context.binding.vlan));
  actions.add(Action::output(context.binding.ofport));
  return actions;
}

}  // namespace

void render_node_address(const Context& context, const IpAddress& vrrp_ip, std::uint32_t internal_ofport) {
  const MacAddress& mac = context.binding.mac;
  const Actions inwards = to_node(context, internal_ofport);

  Match packets = context.from_interface();
  packets.eth_dst(mac).ip_dst(vrrp_ip);
  context.flow(kTableForward, kPriorityForward, packets, inwards);
  if (vrrp_ip.is_v4()) {
    Match answer = context.from_interface();
    answer.eth_dst(mac).arp_op(kArpReply).arp_tpa(vrrp_ip);
    context.flow(kTableForward, kPriorityForward, answer, inwards);
    context.flow(kTableForward, kPrioritySolicitation, arp_request_for(context.from_interface(), vrrp_ip), inwards);
  } else {
    context.flow(kTableForward, kPrioritySolicitation, solicitation_for(context.from_interface(), vrrp_ip), inwards);
  }

  // Outwards the source is checked, in a table that no other port reaches: in table 0 it would show in every datapath
  // flow.
  Match from_node;
  from_node.in_port(internal_ofport).vlan_absent().eth_src(mac);
  context.flow(kTableForward, kPriorityForward, from_node, Actions{Action::resubmit_table(kTableFromNode)});
  Match own_packets = from_node;
  own_packets.ip_src(vrrp_ip);
  context.flow(kTableFromNode, kPriorityForward, own_packets, to_interface(context));
  if (vrrp_ip.is_v4()) {
    Match own_arp = from_node;
    own_arp.arp_spa(vrrp_ip);
    context.flow(kTableFromNode, kPriorityForward, own_arp, to_interface(context));
  }
}

}  // namespace distributor::pipeline::detail
