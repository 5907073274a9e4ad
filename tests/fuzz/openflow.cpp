// What a bridge sends: a stream of OpenFlow messages, each handed to every decoder that could be asked to read it (X3).
#include <string_view>

#include "openflow/programmer/detail/discovery.hpp"
#include "openflow/wire/framer.hpp"
#include "openflow/wire/message.hpp"
#include "openflow/wire/meter.hpp"
#include "openflow/wire/multipart.hpp"
#include "openflow/wire/watch.hpp"
#include "tests/fuzz/target.hpp"

using namespace distributor::wire;

void distributor::fuzz::one_input(std::string_view bytes) {
  Framer framer;
  framer.push(bytes);
  for (auto next = framer.next(); next && *next; next = framer.next()) {
    const auto message = decode_header(**next);
    if (!message) continue;
    const auto body = message->body;
    (void)check_hello(*message);
    (void)decode_features(body);
    if (const auto error = decode_error(body)) (void)error->text();
    (void)decode_bundle_control(body);
    (void)decode_packet_in(body);
    (void)decode_port_status(body);
    (void)decode_flow_monitor(body);
    (void)decode_request_forward(body);
    (void)decode_meter_desc(body);
    (void)decode_meters_max(body);
    (void)decode_group_stats(body);
    (void)decode_port_desc(body);
    if (const auto flows = decode_flow_desc(body)) {
      for (const auto& flow : *flows) (void)flow.rule.text();
    }
    if (const auto groups = decode_group_desc(body)) {
      for (const auto& group : *groups) (void)group.group.text();
    }
    MultipartReply reply(MultipartType::flow_desc, 1U << 16U);
    (void)reply.add(body);
    (void)distributor::programmer::detail::Discovery(message->xid).on_message(*message);
  }
}
