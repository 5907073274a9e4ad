// What can be wrong with bytes, and what OVS says is wrong with ours.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace distributor::wire {

enum class WireErrorCode : std::uint8_t {
  truncated,  // ends before its own lengths say
  malformed,  // lengths or values that OpenFlow does not allow
  too_long,   // does not fit a message (65,535 bytes), or a bound of ours
  version,    // not OpenFlow 1.5
};

struct WireError {
  WireErrorCode code = WireErrorCode::malformed;
  std::string message;  // what was read, what was wanted, what was found
  friend bool operator==(const WireError&, const WireError&) = default;
};

template <typename T>
using Decoded = tl::expected<T, WireError>;

// OFPT_ERROR.
struct RemoteError {
  std::uint16_t type = 0;
  std::uint16_t code = 0;          // of an experimenter error: its exp_type
  std::uint32_t experimenter = 0;  // 0 unless type is 0xffff
  std::string data;                // usually the first 64 bytes or more of the message that is refused
  std::string text() const;        // "OFPBAC_BAD_OUT_GROUP", or numbers if the name is not known
  friend bool operator==(const RemoteError&, const RemoteError&) = default;
};

}  // namespace distributor::wire
