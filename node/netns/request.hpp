// What distributord may ask the namespace helper to do: the commands of `ip` that build and remove the namespace of one load
// balancer's vrrp_ip, and nothing else. A daemon that was taken over can then not use the helper's rights for anything else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace distributor::netns {

inline constexpr std::size_t kRequestBytesMax = 1024;
inline constexpr std::size_t kArgumentsMax = 16;
inline constexpr std::size_t kAnswerBytesMax = 512;

struct Names {
  std::string netns_prefix = "lb-";    // namespaces are this and a number
  std::string internal_prefix = "vr";  // devices likewise
};

using Arguments = std::vector<std::string>;

// One request is its arguments, each ended by a zero byte.
std::string encode(const Arguments& arguments);
tl::expected<Arguments, std::string> decode(std::string_view bytes);

// Error: what is wrong with it.
tl::expected<void, std::string> check(const Arguments& arguments, const Names& names);

}  // namespace distributor::netns
