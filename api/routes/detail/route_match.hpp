// Does a path have the form of a pattern? Segments are compared as they are; '*' takes one segment of at most
// kSegmentBytesMax.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace distributor::api::detail {

inline constexpr std::size_t kSegmentBytesMax = 128;

// What '*' took (empty if the pattern has none); nothing if the path has another form.
inline std::optional<std::string> match(std::string_view pattern, std::string_view path) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == path ? std::optional<std::string>{std::string{}} : std::nullopt;
  const auto head = pattern.substr(0, star);
  const auto tail = pattern.substr(star + 1);
  if (path.size() <= head.size() + tail.size() || !path.starts_with(head) || !path.ends_with(tail)) return std::nullopt;
  const auto middle = path.substr(head.size(), path.size() - head.size() - tail.size());
  if (middle.size() > kSegmentBytesMax || middle.find('/') != std::string_view::npos) return std::nullopt;
  return std::string(middle);
}

}  // namespace distributor::api::detail
