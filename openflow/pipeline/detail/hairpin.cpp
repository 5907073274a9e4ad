// Hairpin mode (D13): the amphorae send their replies to hairpin_address, which is answered for like a VIP, and from here
// they go to the gateway. Both directions of a connection then use this node's port, as firewalls that follow
// connections want it.
#include <set>

#include "openflow/pipeline/detail/context.hpp"

namespace distributor::pipeline::detail {
namespace {

using wire::Action;
using wire::Actions;
using wire::Field;
using wire::Match;

constexpr std::uint16_t kArpReply = 2;
constexpr std::uint8_t kNeighbourAdvertisement = 136;
const MacAddress kAllNodesMac({0x33, 0x33, 0, 0, 0, 1});

// The gateway's answers to the daemon's probes, which have no sender address of their own.
void render_gateway_answers(const Context& context, const IpAddress& gateway) {
  Match answer = context.from_interface();
  if (gateway.is_v4()) {
    answer.eth_dst(context.binding.mac).arp_op(kArpReply).arp_spa(gateway).arp_tpa(IpAddress::v4({0, 0, 0, 0}));
  } else {
    answer.eth_dst(kAllNodesMac).icmpv6_type(kNeighbourAdvertisement).icmpv6_code(0).nd_target(gateway);
  }
  Actions actions;
  if (context.options.meters) actions.add(Action::meter(meter_of(kFirstSolicitationMeter, context.lb)));
  actions.add(Action::controller());
  context.flow(kTableForward, kPrioritySolicitation, answer, actions);
}

}  // namespace

void render_hairpin(const Context& context) {
  const MacAddress& mac = context.binding.mac;
  std::set<IpAddress> gateways;
  std::set<IpFamily> families;
  for (const Vip& vip : context.lb.vips) {
    if (!vip.hairpin_address || !vip.gateway) continue;
    families.insert(vip.address.family());
    render_responders(context, *vip.hairpin_address);
    if (gateways.insert(*vip.gateway).second) render_gateway_answers(context, *vip.gateway);
    const auto known = context.options.gateways.find(*vip.gateway);
    if (known == context.options.gateways.end()) continue;
    Match from_vip = context.from_interface();
    from_vip.eth_dst(mac).ip_src(vip.address);
    context.flow(kTableHairpin, kPriorityHairpin, from_vip,
                 Actions{Action::set(Field::eth_src, mac), Action::set(Field::eth_dst, known->second), Action::in_port()});
  }
  // Only the cluster's own amphorae get so far. The source is looked at in a table of its own, as table 0 must not.
  for (const IpFamily family : families) {
    for (const MacAddress& amphora : amphorae_of(context.lb)) {
      Match reply = context.from_interface();
      reply.eth_dst(mac).eth_src(amphora).eth_type(family == IpFamily::v4 ? wire::kEthTypeIpv4 : wire::kEthTypeIpv6);
      context.flow(kTableForward, kPriorityHairpin, reply, Actions{Action::resubmit_table(kTableHairpin)});
    }
  }
}

}  // namespace distributor::pipeline::detail
