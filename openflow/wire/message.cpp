#include "openflow/wire/message.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "openflow/wire/detail/bytes.hpp"
#include "openflow/wire/detail/encode.hpp"

namespace distributor::wire {
namespace {

using detail::begin;
using detail::finish;
using detail::put;
using detail::put_zeros;
using detail::Reader;

constexpr std::uint32_t kNoBuffer = 0xffffffff;
constexpr std::uint16_t kBundleAtomicOrdered = 0x3;
constexpr std::uint16_t kHelloElementVersionBitmap = 1;

WireError truncated(const char* what) {
  return {WireErrorCode::truncated, std::string(what) + ": ends too early"};
}

}  // namespace

namespace detail {

std::string begin(MessageType type, std::uint32_t xid) {
  std::string out;
  put<std::uint8_t>(out, kVersion);
  put<std::uint8_t>(out, static_cast<std::uint8_t>(type));
  put<std::uint16_t>(out, 0);
  put<std::uint32_t>(out, xid);
  return out;
}

std::string finish(std::string message) {
  if (message.size() > kMessageBytesMax) throw std::logic_error("wire: a message longer than OpenFlow allows");
  patch16(message, 2, message.size());
  return message;
}

void put_match(std::string& out, const Match& match) {
  put<std::uint16_t>(out, 1);  // OFPMT_OXM
  put<std::uint16_t>(out, static_cast<std::uint16_t>(4 + match.oxm().size()));
  out += match.oxm();
  put_zeros(out, padded8(4 + match.oxm().size()) - (4 + match.oxm().size()));
}

}  // namespace detail

Decoded<Message> decode_header(std::string_view bytes) {
  Reader reader(bytes);
  Message message;
  message.version = reader.get<std::uint8_t>();
  message.type = static_cast<MessageType>(reader.get<std::uint8_t>());
  const std::size_t length = reader.get<std::uint16_t>();
  message.xid = reader.get<std::uint32_t>();
  if (!reader.ok()) return tl::make_unexpected(truncated("OpenFlow header"));
  if (length != bytes.size()) {
    return tl::make_unexpected(
        WireError{WireErrorCode::malformed,
                  "OpenFlow header: says " + std::to_string(length) + " bytes, found " + std::to_string(bytes.size())});
  }
  message.body = reader.rest();
  return message;
}

std::string encode_hello(std::uint32_t xid) {
  std::string out = begin(MessageType::hello, xid);
  put<std::uint16_t>(out, kHelloElementVersionBitmap);
  put<std::uint16_t>(out, 8);
  put<std::uint32_t>(out, 1U << kVersion);
  return finish(std::move(out));
}

Decoded<void> check_hello(const Message& hello) {
  Reader reader(hello.body);
  while (reader.left() >= 4) {
    const auto type = reader.get<std::uint16_t>();
    const std::size_t length = reader.get<std::uint16_t>();
    if (length < 4)
      return tl::make_unexpected(
          WireError{WireErrorCode::malformed, "OpenFlow hello: an element shorter than its header"});
    Reader element(reader.take(length - 4));
    if (!reader.ok()) return tl::make_unexpected(truncated("OpenFlow hello"));
    reader.skip(std::min(detail::padded8(length) - length, reader.left()));
    if (type != kHelloElementVersionBitmap || element.left() < 4) continue;
    const auto bitmap = element.get<std::uint32_t>();
    if ((bitmap & (1U << kVersion)) != 0) return {};
    char found[16];
    std::snprintf(found, sizeof found, "0x%x", bitmap);
    return tl::make_unexpected(
        WireError{WireErrorCode::version, std::string("the bridge does not speak OpenFlow 1.5 (version bitmap ") +
                                              found + "): set protocols=OpenFlow15 on it"});
  }
  if (hello.version >= kVersion) return {};
  return tl::make_unexpected(
      WireError{WireErrorCode::version, "the bridge does not speak OpenFlow 1.5 (wire version 6 wanted, " +
                                            std::to_string(hello.version) + " found): set protocols=OpenFlow15 on it"});
}

std::string encode_echo_request(std::uint32_t xid) {
  return finish(begin(MessageType::echo_request, xid));
}

std::string encode_echo_reply(std::uint32_t xid, std::string_view payload) {
  return finish(begin(MessageType::echo_reply, xid).append(payload.substr(0, kMessageBytesMax - kHeaderBytes)));
}

std::string encode_features_request(std::uint32_t xid) {
  return finish(begin(MessageType::features_request, xid));
}

std::string encode_set_config(std::uint32_t xid, std::uint16_t miss_send_len) {
  std::string out = begin(MessageType::set_config, xid);
  put<std::uint16_t>(out, 0);
  put<std::uint16_t>(out, miss_send_len);
  return finish(std::move(out));
}

std::string encode_barrier_request(std::uint32_t xid) {
  return finish(begin(MessageType::barrier_request, xid));
}

Decoded<Features> decode_features(std::string_view body) {
  Reader reader(body);
  Features features;
  features.datapath_id = reader.get<std::uint64_t>();
  reader.skip(4);
  features.tables = reader.get<std::uint8_t>();
  reader.skip(3);
  features.capabilities = reader.get<std::uint32_t>();
  if (!reader.ok()) return tl::make_unexpected(truncated("OpenFlow features reply"));
  return features;
}

std::string encode_bundle_control(std::uint32_t xid, std::uint32_t bundle_id, BundleControl type) {
  std::string out = begin(MessageType::bundle_control, xid);
  put<std::uint32_t>(out, bundle_id);
  put<std::uint16_t>(out, static_cast<std::uint16_t>(type));
  put<std::uint16_t>(out, kBundleAtomicOrdered);
  return finish(std::move(out));
}

std::string encode_bundle_add(std::uint32_t bundle_id, std::string_view inner) {
  Reader header(inner);
  header.skip(4);
  std::string out = begin(MessageType::bundle_add, header.get<std::uint32_t>());
  put<std::uint32_t>(out, bundle_id);
  put_zeros(out, 2);
  put<std::uint16_t>(out, kBundleAtomicOrdered);
  out += inner;
  return finish(std::move(out));
}

Decoded<BundleReply> decode_bundle_control(std::string_view body) {
  Reader reader(body);
  BundleReply reply;
  reply.bundle_id = reader.get<std::uint32_t>();
  const auto type = reader.get<std::uint16_t>();
  reader.skip(2);
  if (!reader.ok()) return tl::make_unexpected(truncated("OpenFlow bundle control"));
  if (type > static_cast<std::uint16_t>(BundleControl::discard_reply)) {
    return tl::make_unexpected(
        WireError{WireErrorCode::malformed, "OpenFlow bundle control: unknown type " + std::to_string(type)});
  }
  reply.type = static_cast<BundleControl>(type);
  return reply;
}

Decoded<std::string> encode_packet_out(std::uint32_t xid, const PacketOut& packet) {
  std::string out = begin(MessageType::packet_out, xid);
  put<std::uint32_t>(out, kNoBuffer);
  const std::string& actions = packet.actions.bytes();
  if (kHeaderBytes + 48 + actions.size() + packet.frame.size() > kMessageBytesMax) {
    return tl::make_unexpected(WireError{
        WireErrorCode::too_long,
        "packet-out: frame of " + std::to_string(packet.frame.size()) + " bytes and its actions do not fit a message"});
  }
  put<std::uint16_t>(out, static_cast<std::uint16_t>(actions.size()));
  put_zeros(out, 2);
  detail::put_match(out, Match().in_port(packet.in_port));
  out += actions;
  out += packet.frame;
  return finish(std::move(out));
}

Decoded<PacketIn> decode_packet_in(std::string_view body) {
  Reader reader(body);
  PacketIn packet;
  reader.skip(4);  // buffer id: OVS has no buffers
  packet.total_length = reader.get<std::uint16_t>();
  reader.skip(1);  // reason
  packet.table = reader.get<std::uint8_t>();
  packet.cookie = reader.get<std::uint64_t>();
  const auto match = detail::take_match(reader);
  if (!match) return tl::make_unexpected(match.error());
  reader.skip(2);
  if (!reader.ok()) return tl::make_unexpected(truncated("OpenFlow packet-in"));
  packet.in_port = static_cast<std::uint32_t>(match->exact(Field::in_port).value_or(0));
  packet.frame = reader.rest();
  return packet;
}

Decoded<PortStatus> decode_port_status(std::string_view body) {
  Reader reader(body);
  PortStatus status;
  const auto reason = reader.get<std::uint8_t>();
  reader.skip(7);
  if (!reader.ok()) return tl::make_unexpected(truncated("OpenFlow port status"));
  if (reason > static_cast<std::uint8_t>(PortChange::modified)) {
    return tl::make_unexpected(
        WireError{WireErrorCode::malformed, "OpenFlow port status: unknown reason " + std::to_string(reason)});
  }
  status.change = static_cast<PortChange>(reason);
  auto port = detail::take_port(reader);
  if (!port) return tl::make_unexpected(port.error());
  status.port = std::move(*port);
  return status;
}

}  // namespace distributor::wire
