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

Decoded<ForeignChanges> decode_flow_monitor(std::string_view multipart_body) {
  constexpr const char* kWhat = "flow monitor: ends too early";
  Reader reader(multipart_body);
  reader.skip(8);
  ForeignChanges changes;
  while (reader.ok() && reader.left() > 0) {
    const std::size_t length = reader.get<std::uint16_t>();
    if (!reader.ok() || length < 8 || length % 8 != 0) {
      return tl::make_unexpected(WireError{WireErrorCode::malformed, "flow monitor: bad length of an update"});
    }
    Reader update(reader.take(length - 2));
    if (!reader.ok()) break;
    const auto event = static_cast<FlowEvent>(update.get<std::uint16_t>());
    changes.incomplete |= event == FlowEvent::resumed;
    if (event != FlowEvent::added && event != FlowEvent::removed && event != FlowEvent::modified) continue;
    ForeignChanges::Flow flow;
    flow.stands = event != FlowEvent::removed;
    flow.name.table = update.get<std::uint8_t>();
    update.skip(1 + 2 + 2);  // reason, timeouts
    flow.name.priority = update.get<std::uint16_t>();
    update.skip(4 + 8);  // padding, cookie
    auto match = detail::take_match(update);
    if (!match) return tl::make_unexpected(match.error());
    flow.name.match = std::move(*match);
    changes.flows.push_back(std::move(flow));
  }
  if (!reader.ok()) return tl::make_unexpected(WireError{WireErrorCode::truncated, kWhat});
  return changes;
}

// The body is the whole request that was forwarded.
Decoded<ForeignChanges> decode_request_forward(std::string_view body) {
  constexpr std::uint16_t kDelete = 2;
  Reader reader(body);
  reader.skip(1);
  const auto type = static_cast<MessageType>(reader.get<std::uint8_t>());
  reader.skip(6);
  const auto command = reader.get<std::uint16_t>();
  reader.skip(2);
  ForeignChanges changes;
  ForeignChanges::Group group{reader.get<std::uint32_t>(), command != kDelete};
  if (!reader.ok()) return tl::make_unexpected(WireError{WireErrorCode::truncated, "forwarded request: ends too early"});
  changes.incomplete = type != MessageType::group_mod || group.id > kGroupMax;
  if (!changes.incomplete) changes.groups.push_back(group);
  return changes;
}

}  // namespace distributor::wire
