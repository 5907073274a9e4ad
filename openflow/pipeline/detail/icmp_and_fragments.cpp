// What select groups alone would send to the wrong amphora: errors about a connection come from a router's address, and
// later fragments carry no ports.
#include <array>

#include "openflow/pipeline/detail/context.hpp"

namespace distributor::pipeline::detail {
namespace {

using wire::Action;
using wire::Actions;
using wire::Match;

// RFC 792: destination unreachable ("fragmentation needed" among them), time exceeded, parameter problem.
constexpr std::array<std::uint8_t, 3> kIcmpErrors = {3, 11, 12};
// RFC 4443: destination unreachable, packet too big, time exceeded, parameter problem.
constexpr std::array<std::uint8_t, 4> kIcmpv6Errors = {1, 2, 3, 4};

Match to_vip(const Context& context, const IpAddress& vip) {
  Match match = context.from_interface();
  match.eth_dst(context.binding.mac).ip_dst(vip);
  return match;
}

}  // namespace

// Whose connection it is stands in the packet that the error quotes, out of a switch's sight: so every amphora gets a
// copy, and all but one have no such connection and ignore it.
void render_icmp_errors(const Context& context, const IpAddress& vip) {
  if (!context.options.meters) return;
  const Actions flood{Action::meter(meter_of(kFirstFloodMeter, context.lb)),
                      Action::group(group_id_of(context.lb.ordinal, GroupRole::flood))};
  if (vip.is_v4()) {
    for (const auto type : kIcmpErrors) {
      context.flow(kTableForward, kPriorityIcmpError, to_vip(context, vip).icmpv4_type(type), flood);
    }
    return;
  }
  for (const auto type : kIcmpv6Errors) {
    context.flow(kTableForward, kPriorityIcmpError, to_vip(context, vip).icmpv6_type(type), flood);
  }
}

// Hashed by the source address alone, all fragments of a datagram reach one amphora. With Source_IP that is the group
// of everything else.
void render_fragments(const Context& context, const IpAddress& vip) {
  if (context.lb.affinity != Affinity::source_ip_and_port) return;
  context.flow(kTableForward, kPriorityFragment, to_vip(context, vip).ip_frag_any(),
               Actions{Action::group(group_id_of(context.lb.ordinal, GroupRole::fragments))});
}

}  // namespace distributor::pipeline::detail
