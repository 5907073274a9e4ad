// OpenFlow 1.5 messages: encoding of what we send, decoding of what OVS sends. Bytes only. Decoders survive any input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "openflow/wire/error.hpp"
#include "openflow/wire/rule.hpp"
#include "openflow/wire/stats.hpp"

namespace distributor::wire {

inline constexpr std::uint8_t kVersion = 0x06;
inline constexpr std::size_t kHeaderBytes = 8;
inline constexpr std::size_t kMessageBytesMax = 0xffff;
inline constexpr std::size_t kBundledBytesMax = kMessageBytesMax - 16;  // what fits into a bundle-add

enum class MessageType : std::uint8_t {
  hello = 0,
  error = 1,
  echo_request = 2,
  echo_reply = 3,
  features_request = 5,
  features_reply = 6,
  set_config = 9,
  packet_in = 10,
  flow_removed = 11,
  port_status = 12,
  packet_out = 13,
  flow_mod = 14,
  group_mod = 15,
  multipart_request = 18,
  multipart_reply = 19,
  barrier_request = 20,
  barrier_reply = 21,
  set_async = 28,
  meter_mod = 29,
  request_forward = 32,
  bundle_control = 33,
  bundle_add = 34,
};

// One whole message. `body` is what follows the header and points into the bytes that were decoded.
struct Message {
  std::uint8_t version = kVersion;
  MessageType type = MessageType::hello;  // may hold a value that is not listed
  std::uint32_t xid = 0;
  std::string_view body;
};

// `bytes` is exactly one message.
Decoded<Message> decode_header(std::string_view bytes);

// --- session
// ---------------------------------------------------------------------------------------------------------------
std::string encode_hello(std::uint32_t xid);  // version bitmap: 1.5 alone
// Error `version` unless the peer speaks 1.5 (by bitmap, or by the header's version if it sends none).
Decoded<void> check_hello(const Message& hello);
std::string encode_echo_request(std::uint32_t xid);
std::string encode_echo_reply(std::uint32_t xid, std::string_view payload);
std::string encode_features_request(std::uint32_t xid);
// A management socket sends no asynchronous message (port status, packet-in) before the miss length was set to other
// than 0.
std::string encode_set_config(std::uint32_t xid, std::uint16_t miss_send_len);
std::string encode_barrier_request(std::uint32_t xid);

struct Features {
  std::uint64_t datapath_id = 0;
  std::uint8_t tables = 0;
  std::uint32_t capabilities = 0;
  friend bool operator==(const Features&, const Features&) = default;
};
Decoded<Features> decode_features(std::string_view body);
Decoded<RemoteError> decode_error(std::string_view body);

// --- changes
// ---------------------------------------------------------------------------------------------------------------
enum class FlowCommand : std::uint8_t { add = 0, modify_strict = 2, remove = 3, remove_strict = 4 };
// add: replaces a rule of the same key, whose counters go on (no OFPFF_RESET_COUNTS). modify_strict: leaves the cookie.
// remove: every rule of the table that the match covers, any priority. remove_strict: the rule of this key.
// Error `too_long` if it would not fit a bundle-add.
Decoded<std::string> encode_flow_mod(std::uint32_t xid, FlowCommand command, const FlowRule& rule);
std::string encode_delete_all_flows(std::uint32_t xid);

enum class GroupCommand : std::uint8_t { add = 0, modify = 1 };
Decoded<std::string> encode_group_mod(std::uint32_t xid, GroupCommand command, const Group& group);
std::string encode_group_delete(std::uint32_t xid,
                                std::uint32_t group_id);  // kGroupAll: all. Deletes the flows that use it, too

// --- bundles
// ---------------------------------------------------------------------------------------------------------------
enum class BundleControl : std::uint16_t {
  open_request = 0,
  open_reply = 1,
  close_request = 2,
  close_reply = 3,
  commit_request = 4,
  commit_reply = 5,
  discard_request = 6,
  discard_reply = 7,
};
struct BundleReply {
  std::uint32_t bundle_id = 0;
  BundleControl type = BundleControl::open_reply;
  friend bool operator==(const BundleReply&, const BundleReply&) = default;
};
// Flags are always atomic and ordered.
std::string encode_bundle_control(std::uint32_t xid, std::uint32_t bundle_id, BundleControl type);
// `inner` is a whole message of at most kBundledBytesMax bytes; the outer one takes its xid, as OpenFlow demands.
std::string encode_bundle_add(std::uint32_t bundle_id, std::string_view inner);
Decoded<BundleReply> decode_bundle_control(std::string_view body);

// --- frames and ports
// ------------------------------------------------------------------------------------------------------
Decoded<std::string> encode_packet_out(std::uint32_t xid, const PacketOut& packet);
Decoded<PacketIn> decode_packet_in(std::string_view body);
Decoded<PortStatus> decode_port_status(std::string_view body);

}  // namespace distributor::wire
