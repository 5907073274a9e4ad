// INI text as oslo.config reads it: sections, "key = value" or "key: value", indented lines go on with the value above,
// '#' and ';' begin a comment line, one pair of quotes around a value is taken off.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace distributor::api::detail {

struct IniEntry {
  std::string section;  // "DEFAULT" before the first one
  std::string key;
  std::string value;
  std::size_t line = 0;
};

// Error: "line 3: ...".
tl::expected<std::vector<IniEntry>, std::string> parse_ini(std::string_view text);

}  // namespace distributor::api::detail
