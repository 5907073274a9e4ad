#include "openflow/wire/multipart.hpp"

#include <algorithm>

#include "openflow/wire/detail/encode.hpp"

namespace distributor::wire {
namespace {

using detail::put;
using detail::put_zeros;
using detail::Reader;

constexpr std::uint16_t kReplyMore = 1;
constexpr std::uint16_t kInstructionApplyActions = 4;
constexpr std::uint32_t kNetronome = 0x0000154d;

std::string request(std::uint32_t xid, MultipartType type) {
  std::string out = detail::begin(MessageType::multipart_request, xid);
  put<std::uint16_t>(out, static_cast<std::uint16_t>(type));
  put_zeros(out, 6);
  return out;
}

std::string request_for_id(std::uint32_t xid, MultipartType type, std::uint32_t id) {
  std::string out = request(xid, type);
  put<std::uint32_t>(out, id);
  put_zeros(out, 4);
  return detail::finish(std::move(out));
}

tl::unexpected<WireError> bad(WireErrorCode code, std::string message) {
  return tl::make_unexpected(WireError{code, std::move(message)});
}

// Takes the next element of a list of elements that begin with their own 16-bit length.
Decoded<Reader> next_element(Reader& list, std::size_t length_bytes_min, const char* what) {
  if (list.left() < 2) return bad(WireErrorCode::truncated, std::string(what) + ": ends within a length");
  const std::size_t length = detail::peek16(list.rest(), 0);
  if (length < length_bytes_min)
    return bad(WireErrorCode::malformed, std::string(what) + ": length " + std::to_string(length));
  Reader element(list.take(length));
  if (!list.ok()) return bad(WireErrorCode::truncated, std::string(what) + ": ends too early");
  element.skip(2);
  return element;
}

// OXS statistics: packet and byte count (OpenFlow 1.5.1, 7.2.4). Others are skipped.
Decoded<Counters> take_oxs(Reader& reader) {
  reader.skip(2);
  const std::size_t length = reader.get<std::uint16_t>();
  if (!reader.ok() || length < 4) return bad(WireErrorCode::malformed, "flow description: bad statistics length");
  Reader fields(reader.take(length - 4));
  reader.skip(std::min(detail::padded8(length) - length, reader.left()));
  Counters counters;
  while (fields.left() > 0) {
    const auto header = fields.get<std::uint32_t>();
    Reader value(fields.take(header & 0xffU));
    if (!fields.ok()) return bad(WireErrorCode::truncated, "flow description: statistics end too early");
    if (header == 0x80020808U) counters.packets = value.get<std::uint64_t>();
    if (header == 0x80020a08U) counters.bytes = value.get<std::uint64_t>();
  }
  if (!reader.ok()) return bad(WireErrorCode::truncated, "flow description: ends within its statistics");
  return counters;
}

Decoded<void> take_instructions(Reader& reader, FlowDescription& flow) {
  bool seen = false;
  while (reader.left() > 0) {
    const std::string_view whole = reader.rest();
    const auto type = reader.get<std::uint16_t>();
    const std::size_t length = reader.get<std::uint16_t>();
    if (!reader.ok() || length < 8 || length % 8 != 0 || length > whole.size()) {
      return bad(WireErrorCode::malformed, "flow description: bad instruction length");
    }
    reader.skip(length - 4);
    if (type != kInstructionApplyActions || seen) {
      flow.plain = false;
      continue;
    }
    seen = true;
    auto actions = Actions::from_bytes(whole.substr(8, length - 8));
    if (!actions) return bad(WireErrorCode::malformed, "flow description: bad action list");
    flow.rule.actions = std::move(*actions);
  }
  return {};
}

Decoded<FlowDescription> take_flow(Reader& entry) {
  FlowDescription flow;
  entry.skip(2);
  flow.rule.table = entry.get<std::uint8_t>();
  entry.skip(1);
  flow.rule.priority = entry.get<std::uint16_t>();
  const auto idle_timeout = entry.get<std::uint16_t>();
  const auto hard_timeout = entry.get<std::uint16_t>();
  const auto flags = entry.get<std::uint16_t>();
  const auto importance = entry.get<std::uint16_t>();
  flow.rule.cookie = entry.get<std::uint64_t>();
  flow.plain = idle_timeout == 0 && hard_timeout == 0 && flags == 0 && importance == 0;
  auto match = detail::take_match(entry);
  if (!match) return tl::make_unexpected(match.error());
  flow.rule.match = std::move(*match);
  const auto counters = take_oxs(entry);
  if (!counters) return tl::make_unexpected(counters.error());
  flow.counters = *counters;
  if (auto done = take_instructions(entry, flow); !done) return tl::make_unexpected(done.error());
  return flow;
}

Decoded<Bucket> take_bucket(Reader& entry, GroupDescription& group) {
  Bucket bucket;
  const std::size_t actions_length = entry.get<std::uint16_t>();
  bucket.id = entry.get<std::uint32_t>();
  const std::string_view action_bytes = entry.take(actions_length);
  if (!entry.ok()) return bad(WireErrorCode::truncated, "group description: a bucket ends within its actions");
  auto actions = Actions::from_bytes(action_bytes);
  if (!actions) return bad(WireErrorCode::malformed, "group description: bad action list in a bucket");
  bucket.actions = std::move(*actions);
  while (entry.left() > 0) {
    const auto type = entry.get<std::uint16_t>();
    const std::size_t length = entry.get<std::uint16_t>();
    if (!entry.ok() || length < 4) return bad(WireErrorCode::malformed, "group description: bad bucket property");
    Reader property(entry.take(length - 4));
    entry.skip(std::min(detail::padded8(length) - length, entry.left()));
    if (!entry.ok()) return bad(WireErrorCode::truncated, "group description: a bucket property ends too early");
    if (type == 0 && length == 8) {
      bucket.weight = property.get<std::uint16_t>();
    } else {
      group.plain = false;  // watch port or group, or an experimenter's
    }
  }
  return bucket;
}

// The selection-method property (FACTS 1.1). Nothing if it is not "hash" over fields of the table.
std::optional<HashSelection> selection_from(Reader property) {
  const auto experimenter = property.get<std::uint32_t>();
  const auto kind = property.get<std::uint32_t>();
  property.skip(4);
  const std::string_view method = property.take(16);
  HashSelection selection;
  selection.param = property.get<std::uint64_t>();
  if (!property.ok() || experimenter != kNetronome || kind != 1 || method.substr(0, 5) != std::string_view("hash\0", 5))
    return std::nullopt;
  while (property.left() > 0) {
    const auto header = property.get<std::uint32_t>();
    const std::string_view mask = property.take(header & 0xffU);
    const auto field = field_of_header(header);
    if (!property.ok() || !field) return std::nullopt;
    selection.fields.push_back({*field, std::string(mask)});
  }
  return HashSelection::over(selection.param, std::move(selection.fields));
}

Decoded<GroupDescription> take_group(Reader& entry) {
  GroupDescription group;
  const auto type = entry.get<std::uint8_t>();
  entry.skip(1);
  group.group.id = entry.get<std::uint32_t>();
  const std::size_t bucket_bytes = entry.get<std::uint16_t>();
  entry.skip(6);
  Reader buckets(entry.take(bucket_bytes));
  if (!entry.ok()) return bad(WireErrorCode::truncated, "group description: ends too early");
  if (type > static_cast<std::uint8_t>(GroupType::fast_failover))
    return bad(WireErrorCode::malformed, "group description: unknown type");
  group.group.type = static_cast<GroupType>(type);
  while (buckets.left() > 0) {
    auto element = next_element(buckets, 8, "group description: bucket");
    if (!element) return tl::make_unexpected(element.error());
    auto bucket = take_bucket(*element, group);
    if (!bucket) return tl::make_unexpected(bucket.error());
    group.group.buckets.push_back(std::move(*bucket));
  }
  while (entry.left() > 0) {
    const auto property_type = entry.get<std::uint16_t>();
    const std::size_t length = entry.get<std::uint16_t>();
    if (!entry.ok() || length < 4) return bad(WireErrorCode::malformed, "group description: bad property");
    Reader property(entry.take(length - 4));
    entry.skip(std::min(detail::padded8(length) - length, entry.left()));
    if (!entry.ok()) return bad(WireErrorCode::truncated, "group description: a property ends too early");
    auto selection = property_type == 0xffff ? selection_from(property) : std::nullopt;
    if (!selection || group.group.selection) {
      group.plain = false;
    } else {
      group.group.selection = std::move(selection);
    }
  }
  return group;
}

Decoded<GroupCounters> take_group_counters(Reader& entry) {
  GroupCounters group;
  entry.skip(2);
  group.group_id = entry.get<std::uint32_t>();
  group.references = entry.get<std::uint32_t>();
  entry.skip(4);
  group.total.packets = entry.get<std::uint64_t>();
  group.total.bytes = entry.get<std::uint64_t>();
  entry.skip(8);  // duration
  if (!entry.ok() || entry.left() % 16 != 0) return bad(WireErrorCode::malformed, "group statistics: bad length");
  while (entry.left() > 0) {
    Counters bucket;
    bucket.packets = entry.get<std::uint64_t>();
    bucket.bytes = entry.get<std::uint64_t>();
    group.buckets.push_back(bucket);
  }
  return group;
}

template <typename T, typename Take>
Decoded<std::vector<T>> list_of(std::string_view body, std::size_t length_bytes_min, const char* what, Take take) {
  std::vector<T> out;
  Reader list(body);
  while (list.left() > 0) {
    auto element = next_element(list, length_bytes_min, what);
    if (!element) return tl::make_unexpected(element.error());
    auto value = take(*element);
    if (!value) return tl::make_unexpected(value.error());
    out.push_back(std::move(*value));
  }
  return out;
}

}  // namespace

namespace detail {

Decoded<Match> take_match(Reader& reader) {
  const auto type = reader.get<std::uint16_t>();
  const std::size_t length = reader.get<std::uint16_t>();
  if (!reader.ok() || type != 1 || length < 4) return bad(WireErrorCode::malformed, "match: not an OXM match");
  const std::string_view oxm = reader.take(length - 4);
  reader.skip(padded8(length) - length);
  if (!reader.ok()) return bad(WireErrorCode::truncated, "match: ends too early");
  auto match = Match::from_oxm(oxm);
  if (!match) return bad(WireErrorCode::malformed, "match: malformed or repeated field");
  return std::move(*match);
}

Decoded<Port> take_port(Reader& reader) {
  Port port;
  port.number = reader.get<std::uint32_t>();
  const std::size_t length = reader.get<std::uint16_t>();
  reader.skip(2);
  MacAddress::Bytes mac{};
  const std::string_view mac_bytes = reader.take(6);
  std::transform(mac_bytes.begin(), mac_bytes.end(), mac.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  port.mac = MacAddress(mac);
  reader.skip(2);
  const std::string_view name = reader.take(16);
  port.name = name.substr(0, name.find('\0'));
  port.config = reader.get<std::uint32_t>();
  port.state = reader.get<std::uint32_t>();
  if (!reader.ok() || length < 40) return bad(WireErrorCode::truncated, "port description: ends too early");
  reader.skip(length - 40);  // properties
  if (!reader.ok()) return bad(WireErrorCode::truncated, "port description: ends within its properties");
  return port;
}

}  // namespace detail

std::string encode_flow_desc_request(std::uint32_t xid) {
  std::string out = request(xid, MultipartType::flow_desc);
  put<std::uint8_t>(out, 0xff);
  put_zeros(out, 3);
  put<std::uint32_t>(out, kPortAny);
  put<std::uint32_t>(out, kGroupAny);
  put_zeros(out, 4 + 8 + 8);  // padding, cookie, cookie mask
  detail::put_match(out, Match());
  return detail::finish(std::move(out));
}

std::string encode_group_desc_request(std::uint32_t xid) {
  return request_for_id(xid, MultipartType::group_desc, kGroupAll);
}
std::string encode_group_stats_request(std::uint32_t xid) {
  return request_for_id(xid, MultipartType::group_stats, kGroupAll);
}
std::string encode_port_desc_request(std::uint32_t xid) {
  return request_for_id(xid, MultipartType::port_desc, kPortAny);
}

Decoded<bool> MultipartReply::add(std::string_view message_body) {
  Reader reader(message_body);
  const auto type = reader.get<std::uint16_t>();
  const auto flags = reader.get<std::uint16_t>();
  reader.skip(4);
  if (failed_ || !reader.ok() || type != static_cast<std::uint16_t>(type_)) {
    failed_ = true;
    return bad(WireErrorCode::malformed, "multipart reply: wanted a part of type " +
                                             std::to_string(static_cast<unsigned>(type_)) + ", found " +
                                             std::to_string(type));
  }
  if (body_.size() + reader.left() > bytes_max_) {
    failed_ = true;
    body_ = {};
    return bad(WireErrorCode::too_long, "multipart reply: more than " + std::to_string(bytes_max_) + " bytes");
  }
  body_ += reader.rest();
  return (flags & kReplyMore) == 0;
}

Decoded<std::vector<FlowDescription>> decode_flow_desc(std::string_view body) {
  return list_of<FlowDescription>(body, 24, "flow description", take_flow);
}
Decoded<std::vector<GroupDescription>> decode_group_desc(std::string_view body) {
  return list_of<GroupDescription>(body, 16, "group description", take_group);
}
Decoded<std::vector<GroupCounters>> decode_group_stats(std::string_view body) {
  return list_of<GroupCounters>(body, 40, "group statistics", take_group_counters);
}

Decoded<std::vector<Port>> decode_port_desc(std::string_view body) {
  std::vector<Port> out;
  Reader reader(body);
  while (reader.left() > 0) {
    auto port = detail::take_port(reader);
    if (!port) return tl::make_unexpected(port.error());
    out.push_back(std::move(*port));
  }
  return out;
}

}  // namespace distributor::wire
