#include "openflow/wire/framer.hpp"

#include "openflow/wire/detail/bytes.hpp"
#include "openflow/wire/message.hpp"

namespace distributor::wire {

void Framer::push(std::string_view bytes) {
  if (failure_) return;
  buffer_.erase(0, start_);
  start_ = 0;
  buffer_.append(bytes);
}

Decoded<std::optional<std::string_view>> Framer::next() {
  if (failure_) return tl::make_unexpected(*failure_);
  const std::string_view waiting = std::string_view(buffer_).substr(start_);
  if (waiting.size() < kHeaderBytes) return std::optional<std::string_view>();
  const auto version = static_cast<std::uint8_t>(waiting[0]);
  const auto type = static_cast<std::uint8_t>(waiting[1]);
  const std::size_t length = detail::peek16(waiting, 2);
  // Before versions are agreed a peer may say hello, or refuse ours, in its own.
  const bool greeting = type <= static_cast<std::uint8_t>(MessageType::error) && version != 0;
  if (version != kVersion && !greeting) {
    failure_ =
        WireError{WireErrorCode::version, "OpenFlow stream: wanted version 6 (1.5), found " + std::to_string(version)};
  } else if (length < kHeaderBytes) {
    failure_ = WireError{WireErrorCode::malformed,
                         "OpenFlow stream: a message of " + std::to_string(length) + " bytes, at least 8 wanted"};
  }
  if (failure_) {
    buffer_.clear();
    start_ = 0;
    return tl::make_unexpected(*failure_);
  }
  if (waiting.size() < length) return std::optional<std::string_view>();
  start_ += length;
  return std::optional<std::string_view>(waiting.substr(0, length));
}

}  // namespace distributor::wire
