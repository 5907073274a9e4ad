#include "node/netns/request.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "sync/registry/types.hpp"

namespace distributor::netns {
namespace {

// A word that starts with "<" stands for a value of its kind.
using Pattern = std::vector<std::string_view>;
const std::array<Pattern, 12> kPatterns{{
    {"netns", "add", "<netns>"},
    {"netns", "delete", "<netns>"},
    {"link", "set", "<device>", "netns", "<netns>"},
    {"-n", "<netns>", "link", "delete", "<device>"},
    {"-n", "<netns>", "link", "set", "lo", "up"},
    {"-n", "<netns>", "link", "set", "<device>", "up"},
    {"-n", "<netns>", "link", "set", "<device>", "address", "<mac>"},
    {"-n", "<netns>", "link", "set", "<device>", "mtu", "<number>"},
    {"-n", "<netns>", "address", "flush", "dev", "<device>"},
    {"-n", "<netns>", "address", "replace", "<interface address>", "dev", "<device>"},
    {"-n", "<netns>", "address", "replace", "<interface address>", "dev", "<device>", "nodad"},
    {"-n", "<netns>", "<family>", "route", "replace", "<destination>", "via", "<address>", "dev", "<device>"},
}};

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool is_numbered(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix) && is_number(text.substr(prefix.size()));
}

bool is_interface_address(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || !is_number(text.substr(slash + 1))) return false;
  const auto address = IpAddress::parse(text.substr(0, slash));
  return address && std::stoul(std::string(text.substr(slash + 1))) <= address->size() * 8;
}

bool fits(std::string_view word, std::string_view kind, const Names& names) {
  if (!kind.starts_with('<')) return word == kind;
  if (kind == "<netns>") return is_numbered(word, names.netns_prefix);
  if (kind == "<device>") return is_numbered(word, names.internal_prefix);
  if (kind == "<number>") return is_number(word);
  if (kind == "<mac>") return MacAddress::parse(word).has_value();
  if (kind == "<address>") return IpAddress::parse(word).has_value();
  if (kind == "<interface address>") return is_interface_address(word);
  if (kind == "<family>") return word == "-4" || word == "-6";
  return word == "default" || is_interface_address(word);  // <destination>
}

}  // namespace

std::string encode(const Arguments& arguments) {
  std::string bytes;
  for (const auto& argument : arguments) bytes.append(argument).push_back('\0');
  return bytes;
}

tl::expected<Arguments, std::string> decode(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > kRequestBytesMax || bytes.back() != '\0') {
    return tl::make_unexpected("wanted 1 to " + std::to_string(kRequestBytesMax) + " bytes that end with a zero byte, found " + std::to_string(bytes.size()));
  }
  Arguments arguments;
  while (!bytes.empty()) {
    if (arguments.size() == kArgumentsMax) return tl::make_unexpected("wanted at most " + std::to_string(kArgumentsMax) + " arguments");
    const auto end = bytes.find('\0');
    arguments.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
  }
  return arguments;
}

tl::expected<void, std::string> check(const Arguments& arguments, const Names& names) {
  const bool known = std::any_of(kPatterns.begin(), kPatterns.end(), [&](const Pattern& pattern) {
    return std::equal(arguments.begin(), arguments.end(), pattern.begin(), pattern.end(),
                      [&](const std::string& word, std::string_view kind) { return fits(word, kind, names); });
  });
  if (known) return {};
  return tl::make_unexpected("not among the commands that build a load balancer's namespace (" + names.netns_prefix + "N) and its device (" +
                             names.internal_prefix + "N)");
}

}  // namespace distributor::netns
