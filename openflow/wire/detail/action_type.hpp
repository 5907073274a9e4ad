// Action types (OpenFlow 1.5.1, 7.2.6; nicira-ext as in OVS 3.1) and walking over a list of actions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "openflow/wire/detail/bytes.hpp"

namespace distributor::wire::detail {

inline constexpr std::uint16_t kOutput = 0;
inline constexpr std::uint16_t kPushVlan = 17;
inline constexpr std::uint16_t kPopVlan = 18;
inline constexpr std::uint16_t kGroup = 22;
inline constexpr std::uint16_t kSetField = 25;
inline constexpr std::uint16_t kCopyField = 28;
inline constexpr std::uint16_t kMeter = 29;
inline constexpr std::uint16_t kExperimenter = 0xffff;
inline constexpr std::uint32_t kNicira = 0x00002320;
inline constexpr std::uint16_t kNiciraResubmitTable = 14;

struct RawAction {
  std::uint16_t type = 0;
  std::string_view whole;  // header included; a multiple of 8 bytes, at least 8
};

// The first action of a list; none if its header or length is malformed.
inline std::optional<RawAction> first_action(std::string_view list) {
  if (list.size() < 8) return std::nullopt;
  const std::size_t length = peek16(list, 2);
  if (length < 8 || length % 8 != 0 || length > list.size()) return std::nullopt;
  return RawAction{peek16(list, 0), list.substr(0, length)};
}

}  // namespace distributor::wire::detail
