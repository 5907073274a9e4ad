// Cuts a byte stream into whole OpenFlow messages.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "openflow/wire/error.hpp"

namespace distributor::wire {

// A message is at most 65,535 bytes by its own length field, so what is held between calls is bounded by that plus one
// push.
class Framer {
 public:
  void push(std::string_view bytes);
  // The next whole message; empty if more bytes are needed. The view is valid until the next push(). After an error the
  // stream cannot be trusted any more: every further call returns the same error, and the connection must be closed.
  Decoded<std::optional<std::string_view>> next();
  std::size_t held() const { return buffer_.size() - start_; }

 private:
  std::string buffer_;
  std::size_t start_ = 0;
  std::optional<WireError> failure_;
};

}  // namespace distributor::wire
