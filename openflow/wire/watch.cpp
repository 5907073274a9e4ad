#include "openflow/wire/watch.hpp"

#include "openflow/wire/detail/encode.hpp"

namespace distributor::wire {
namespace {

using detail::put;
using detail::put_zeros;
using detail::Reader;

constexpr std::uint16_t kFlowMonitor = 16;  // multipart type

constexpr std::uint16_t kRequestForwardSlave = 10;  // property types: for either role of this connection
constexpr std::uint16_t kRequestForwardMaster = 11;
constexpr std::uint32_t kGroupsAndMeters = 0x3;

constexpr std::uint16_t kAdd = 1U << 1U, kRemoved = 1U << 2U, kModify = 1U << 3U;  // monitor flags
constexpr std::uint8_t kAllTables = 0xff;

enum class FlowEvent : std::uint16_t { initial = 0, added, removed, modified, abbreviated, paused, resumed };

}  // namespace

std::string encode_set_async_forwarding(std::uint32_t xid) {
  std::string out = detail::begin(MessageType::set_async, xid);
  for (const std::uint16_t property : {kRequestForwardSlave, kRequestForwardMaster}) {
    put<std::uint16_t>(out, property);
    put<std::uint16_t>(out, 8);
    put<std::uint32_t>(out, kGroupsAndMeters);
  }
  return detail::finish(std::move(out));
}

std::string encode_flow_monitor_request(std::uint32_t xid) {
  std::string out = detail::begin(MessageType::multipart_request, xid);
  put<std::uint16_t>(out, kFlowMonitor);
  put_zeros(out, 6);
  put<std::uint32_t>(out, 1);  // monitor id
  put<std::uint32_t>(out, kPortAny);
  put<std::uint32_t>(out, kGroupAny);
  put<std::uint16_t>(out, kAdd | kRemoved | kModify);
  put<std::uint8_t>(out, kAllTables);
  put<std::uint8_t>(out, 0);  // command: add this monitor
  detail::put_match(out, Match());
  return detail::finish(std::move(out));
}

bool is_flow_monitor_reply(std::string_view multipart_body) {
  return Reader(multipart_body).get<std::uint16_t>() == kFlowMonitor;
}

Decoded<bool> decode_foreign_flow_change(std::string_view multipart_body) {
  Reader reader(multipart_body);
  reader.skip(8);
  bool foreign = false;
  while (reader.ok() && reader.left() > 0) {
    const std::size_t length = reader.get<std::uint16_t>();
    const auto event = static_cast<FlowEvent>(reader.get<std::uint16_t>());
    if (!reader.ok() || length < 8 || length % 8 != 0) {
      return tl::make_unexpected(WireError{WireErrorCode::malformed, "flow monitor: bad length of an update"});
    }
    reader.skip(length - 4);
    foreign |= event == FlowEvent::added || event == FlowEvent::removed || event == FlowEvent::modified ||
               event == FlowEvent::resumed;
  }
  if (!reader.ok()) return tl::make_unexpected(WireError{WireErrorCode::truncated, "flow monitor: ends too early"});
  return foreign;
}

}  // namespace distributor::wire
