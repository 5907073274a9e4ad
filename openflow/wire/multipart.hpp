// Multipart requests and replies (OpenFlow 1.5.1, 7.3.5): what stands in the bridge, and its counters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "openflow/wire/error.hpp"
#include "openflow/wire/message.hpp"
#include "openflow/wire/rule.hpp"
#include "openflow/wire/stats.hpp"

namespace distributor::wire {

enum class MultipartType : std::uint16_t { flow_desc = 1, group_stats = 6, group_desc = 7, meter_desc = 10, meter_features = 11, port_desc = 13 };

std::string encode_flow_desc_request(std::uint32_t xid);  // all tables, all cookies
std::string encode_group_desc_request(std::uint32_t xid);
std::string encode_group_stats_request(std::uint32_t xid);
std::string encode_port_desc_request(std::uint32_t xid);

inline constexpr std::size_t kMultipartBytesMax = 256U << 20U;  // a reply that grows past it is refused

// Puts the parts of one reply together. Past `bytes_max` or at a part of another type it fails, and stays failed.
class MultipartReply {
 public:
  explicit MultipartReply(MultipartType type, std::size_t bytes_max = kMultipartBytesMax)
      : type_(type), bytes_max_(bytes_max) {}
  // True: that was the last part, and body() is whole.
  Decoded<bool> add(std::string_view message_body);
  MultipartType type() const { return type_; }
  const std::string& body() const { return body_; }
  std::string take_body() && { return std::move(body_); }

 private:
  MultipartType type_;
  std::size_t bytes_max_;
  std::string body_;
  bool failed_ = false;
};

struct FlowDescription {
  FlowRule rule;
  bool plain =
      true;  // false: has timeouts, flags or instructions that FlowRule cannot say, so it equals no rule of ours
  Counters counters;
  friend bool operator==(const FlowDescription&, const FlowDescription&) = default;
};

struct GroupDescription {
  Group group;
  bool plain = true;  // false: has properties that Group cannot say
  friend bool operator==(const GroupDescription&, const GroupDescription&) = default;
};

Decoded<std::vector<FlowDescription>> decode_flow_desc(std::string_view body);
Decoded<std::vector<GroupDescription>> decode_group_desc(std::string_view body);
Decoded<std::vector<GroupCounters>> decode_group_stats(std::string_view body);
Decoded<std::vector<Port>> decode_port_desc(std::string_view body);

}  // namespace distributor::wire
