#include "api/agent_config/detail/ini.hpp"

#include <algorithm>

namespace distributor::api::detail {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() > 1 && text.front() == text.back() && (text.front() == '"' || text.front() == '\'');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char one) { return (static_cast<unsigned char>(one) < 0x20 && one != '\t' && one != '\r') || one == 0x7f; });
}

tl::unexpected<std::string> fault(std::size_t line, std::string_view what) {
  return tl::unexpected("line " + std::to_string(line) + ": " + std::string(what));
}

}  // namespace

tl::expected<std::vector<IniEntry>, std::string> parse_ini(std::string_view text) {
  std::vector<IniEntry> entries;
  std::string section = "DEFAULT";
  bool may_continue = false;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto raw = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (has_control_characters(raw)) return fault(number, "wanted text, found a control character");
    const auto line = trimmed(raw);
    if (line.empty()) {
      may_continue = false;
      continue;
    }
    if (line.front() == '#' || line.front() == ';') continue;
    if (kBlank.find(raw.front()) != std::string_view::npos) {
      if (!may_continue) return fault(number, "wanted a section or KEY = VALUE at the beginning of the line, found an indented one");
      entries.back().value += std::string("\n") + std::string(line);
      continue;
    }
    if (line.front() == '[') {
      if (line.back() != ']' || line.size() < 3) return fault(number, "wanted [SECTION]");
      section = trimmed(line.substr(1, line.size() - 2));
      may_continue = false;
      continue;
    }
    const auto split = line.find_first_of("=:");
    if (split == std::string_view::npos || split == 0) return fault(number, "wanted [SECTION] or KEY = VALUE");
    entries.push_back({section, std::string(trimmed(line.substr(0, split))), std::string(unquoted(trimmed(line.substr(split + 1)))), number});
    may_continue = true;
  }
  return entries;
}

}  // namespace distributor::api::detail
