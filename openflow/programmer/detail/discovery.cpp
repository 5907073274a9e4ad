#include "openflow/programmer/detail/discovery.hpp"

#include "openflow/wire/meter.hpp"
#include "openflow/wire/watch.hpp"

namespace distributor::programmer::detail {
namespace {

enum Step : std::uint32_t { forwarding, monitor, meters, nd_probe, nd_probe_away, barrier };

// A rule that no packet reaches. A datapath that cannot write ND fields (the kernel's) has it refused.
wire::FlowRule nd_probe_rule() {
  constexpr std::uint8_t kProbeTable = 252;
  constexpr std::uint8_t kNeighbourSolicitation = 135;
  wire::FlowRule rule;
  rule.table = kProbeTable;
  rule.match.icmpv6_type(kNeighbourSolicitation).icmpv6_code(0);
  rule.actions.add(wire::Action::set(wire::Field::nd_reserved, std::uint64_t{0}));
  return rule;
}

}  // namespace

std::string Discovery::output() const {
  const auto probe = nd_probe_rule();
  return wire::encode_set_async_forwarding(first_xid_ + forwarding) +
         wire::encode_flow_monitor_request(first_xid_ + monitor) +
         wire::encode_meter_features_request(first_xid_ + meters) +
         wire::encode_flow_mod(first_xid_ + nd_probe, wire::FlowCommand::add, probe).value() +
         wire::encode_flow_mod(first_xid_ + nd_probe_away, wire::FlowCommand::remove_strict, probe).value() +
         wire::encode_barrier_request(first_xid_ + barrier);
}

bool Discovery::on_message(const wire::Message& message) {
  const std::uint32_t step = message.xid - first_xid_;  // wraps for smaller ones, which is then too large
  if (step >= kXids || finished_) return false;
  if (message.type == wire::MessageType::error) {
    if (step == forwarding || step == monitor) capabilities_.watched = false;
    if (step == nd_probe) capabilities_.nd_fields = false;
  } else if (step == meters && message.type == wire::MessageType::multipart_reply) {
    constexpr std::size_t kMultipartHeader = 8;
    const auto found =
        message.body.size() < kMultipartHeader ? 0 : wire::decode_meters_max(message.body.substr(kMultipartHeader)).value_or(0);
    capabilities_.meters_max = found;
  } else if (step == barrier && message.type == wire::MessageType::barrier_reply) {
    finished_ = true;
  }
  return true;
}

}  // namespace distributor::programmer::detail
