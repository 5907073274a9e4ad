// Answers for VIPs, made by turning the question round (RFC 826, RFC 4861 4.4 and 7.2.4).
#include "openflow/pipeline/detail/context.hpp"

namespace distributor::pipeline::detail {
namespace {

using wire::Action;
using wire::Actions;
using wire::Field;
using wire::Match;

constexpr std::uint16_t kArpRequest = 1;
constexpr std::uint16_t kArpReply = 2;
constexpr std::uint8_t kNeighbourSolicitation = 135;
constexpr std::uint8_t kNeighbourAdvertisement = 136;
constexpr std::uint8_t kNdHopLimit = 255;            // RFC 4861 7.1.1: anything else crossed a router
constexpr std::uint8_t kSourceLinkLayerAddress = 1;  // option types
constexpr std::uint8_t kTargetLinkLayerAddress = 2;
constexpr std::uint32_t kFlagsSolicitedOverride = 0x60000000;
constexpr std::uint32_t kFlagsOverride = 0x20000000;

constexpr std::uint16_t kPriorityDad = 30;
constexpr std::uint16_t kPriorityWithLinkLayer = 20;
constexpr std::uint16_t kPriorityPlain = 10;

const MacAddress kAllNodesMac({0x33, 0x33, 0, 0, 0, 1});
const IpAddress kAllNodes = IpAddress::v6({0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
const IpAddress kUnspecified = IpAddress::v6({});

// Only requests are answered; probes (sender 0.0.0.0, RFC 5227) are requests too.
void arp_responder(const Context& context, const IpAddress& vip) {
  const MacAddress& mac = context.binding.mac;
  context.flow(kTableResponders, kPriorityPlain, arp_request_for(context.from_interface(), vip),
               Actions{Action::move(Field::eth_src, Field::eth_dst), Action::set(Field::eth_src, mac),
                       Action::set(Field::arp_op, kArpReply), Action::move(Field::arp_sha, Field::arp_tha),
                       Action::move(Field::arp_spa, Field::arp_tpa), Action::set(Field::arp_sha, mac),
                       Action::set(Field::arp_spa, vip), Action::in_port()});
}

// From ::, duplicate address detection: to all nodes, not solicited. No option: one cannot be added.
Actions answer_to_dad(const Context& context, const IpAddress& vip) {
  return Actions{Action::set(Field::eth_dst, kAllNodesMac),
                 Action::set(Field::eth_src, context.binding.mac),
                 Action::set(Field::ipv6_dst, kAllNodes),
                 Action::set(Field::ipv6_src, vip),
                 Action::set(Field::icmpv6_type, kNeighbourAdvertisement),
                 Action::set(Field::nd_reserved, kFlagsOverride),
                 Action::in_port()};
}

Actions answer_to_unicast(const Context& context, const IpAddress& vip) {
  return Actions{Action::move(Field::eth_src, Field::eth_dst),
                 Action::set(Field::eth_src, context.binding.mac),
                 Action::move(Field::ipv6_src, Field::ipv6_dst),
                 Action::set(Field::ipv6_src, vip),
                 Action::set(Field::icmpv6_type, kNeighbourAdvertisement),
                 Action::set(Field::nd_reserved, kFlagsSolicitedOverride)};
}

void nd_responder(const Context& context, const IpAddress& vip) {
  Match solicitation = solicitation_for(context.from_interface(), vip);
  solicitation.nw_ttl(kNdHopLimit);
  if (!context.options.nd_by_rules) {
    Actions to_daemon;
    if (context.options.meters) to_daemon.add(Action::meter(meter_of(kFirstSolicitationMeter, context.lb)));
    to_daemon.add(Action::controller());
    context.flow(kTableResponders, kPriorityPlain, solicitation, to_daemon);
    return;
  }
  Match dad = solicitation;
  dad.ip_src(kUnspecified);
  context.flow(kTableResponders, kPriorityDad, dad, answer_to_dad(context, vip));

  // Open vSwitch refuses to set the type and nd_tll in one rule (the match says 135): so nd_tll has a table of its own.
  Match with_link_layer = solicitation;
  with_link_layer.nd_options_type(kSourceLinkLayerAddress);
  Actions turned = answer_to_unicast(context, vip);
  turned.add(Action::set(Field::nd_options_type, kTargetLinkLayerAddress));
  turned.add(Action::resubmit_table(kTableNdLinkLayer));
  context.flow(kTableResponders, kPriorityWithLinkLayer, with_link_layer, turned);

  Actions plain = answer_to_unicast(context, vip);
  plain.add(Action::in_port());
  context.flow(kTableResponders, kPriorityPlain, solicitation, plain);

  Match advertisement = context.from_interface();
  advertisement.icmpv6_type(kNeighbourAdvertisement).icmpv6_code(0).nd_target(vip);
  context.flow(kTableNdLinkLayer, kPriorityPlain, advertisement,
               Actions{Action::set(Field::nd_tll, context.binding.mac), Action::in_port()});
}

}  // namespace

Match arp_request_for(Match from, const IpAddress& target) {
  from.arp_op(kArpRequest).arp_tpa(target);
  return from;
}

Match solicitation_for(Match from, const IpAddress& target) {
  from.icmpv6_type(kNeighbourSolicitation).icmpv6_code(0).nd_target(target);
  return from;
}

void render_responders(const Context& context, const IpAddress& vip) {
  const Actions to_gate{Action::resubmit_table(kTableGate)};
  if (vip.is_v4()) {
    context.flow(kTableForward, kPrioritySolicitation, arp_request_for(context.from_interface(), vip), to_gate);
    arp_responder(context, vip);
  } else {
    context.flow(kTableForward, kPrioritySolicitation, solicitation_for(context.from_interface(), vip), to_gate);
    nd_responder(context, vip);
  }
}

}  // namespace distributor::pipeline::detail
