#include "openflow/ovsdb/detail/notation.hpp"

#include <utility>

namespace distributor::ovsdb::detail {
namespace json = boost::json;
namespace {

// The members of ["<tag>", [...]], or null.
const json::array* tagged(const json::value& value, std::string_view tag) {
  const json::array* pair = value.if_array();
  if (pair == nullptr || pair->size() != 2) return nullptr;
  const json::string* name = (*pair)[0].if_string();
  if (name == nullptr || *name != tag) return nullptr;
  return (*pair)[1].if_array();
}

std::optional<std::string> read_uuid(const json::value& value) {
  const json::array* pair = value.if_array();
  if (pair == nullptr || pair->size() != 2) return std::nullopt;
  const json::string* name = (*pair)[0].if_string();
  if (name == nullptr || *name != "uuid") return std::nullopt;
  return read_string((*pair)[1]);
}

template <typename T, typename Reader>
AtMostOne<T> read_optional(const json::value& value, Reader reader) {
  if (const json::array* set = tagged(value, "set")) {
    if (set->empty()) return AtMostOne<T>(std::in_place, std::nullopt);
    if (set->size() != 1) return std::nullopt;
    const auto member = reader((*set)[0]);
    return member ? AtMostOne<T>(std::in_place, *member) : std::nullopt;
  }
  const auto atom = reader(value);
  return atom ? AtMostOne<T>(std::in_place, *atom) : std::nullopt;
}

template <typename Reader>
std::optional<std::vector<std::string>> read_members(const json::value& value, Reader reader) {
  std::vector<std::string> out;
  if (const json::array* set = tagged(value, "set")) {
    for (const auto& member : *set) {
      auto read = reader(member);
      if (!read) return std::nullopt;
      out.push_back(std::move(*read));
    }
    return out;
  }
  auto atom = reader(value);
  if (!atom) return std::nullopt;
  out.push_back(std::move(*atom));
  return out;
}

}  // namespace

std::optional<std::string> read_string(const json::value& value) {
  const json::string* text = value.if_string();
  if (text == nullptr) return std::nullopt;
  return std::string(text->data(), text->size());
}

std::optional<std::int64_t> read_integer(const json::value& value) {
  const std::int64_t* number = value.if_int64();
  return number != nullptr ? std::optional(*number) : std::nullopt;
}

AtMostOne<std::string> read_optional_string(const json::value& value) {
  return read_optional<std::string>(value, read_string);
}

AtMostOne<std::int64_t> read_optional_integer(const json::value& value) {
  return read_optional<std::int64_t>(value, read_integer);
}

std::optional<std::vector<std::string>> read_strings(const json::value& value) {
  return read_members(value, read_string);
}

std::optional<std::vector<std::string>> read_uuids(const json::value& value) {
  return read_members(value, read_uuid);
}

std::optional<StringMap> read_map(const json::value& value) {
  const json::array* pairs = tagged(value, "map");
  if (pairs == nullptr) return std::nullopt;
  StringMap map;
  for (const auto& entry : *pairs) {
    const json::array* pair = entry.if_array();
    if (pair == nullptr || pair->size() != 2) return std::nullopt;
    auto key = read_string((*pair)[0]);
    auto its_value = read_string((*pair)[1]);
    if (!key || !its_value) return std::nullopt;
    map.insert_or_assign(std::move(*key), std::move(*its_value));
  }
  return map;
}

json::array uuid(const std::string& text) {
  return {"uuid", text};
}
json::array named_uuid(const std::string& name) {
  return {"named-uuid", name};
}

json::array set_of(json::array members) {
  json::array out;
  out.emplace_back("set");
  out.emplace_back(std::move(members));
  return out;
}

json::array map_of(const StringMap& map) {
  json::array pairs;
  for (const auto& [key, value] : map) pairs.emplace_back(json::array{key, value});
  json::array out;
  out.emplace_back("map");
  out.emplace_back(std::move(pairs));
  return out;
}

}  // namespace distributor::ovsdb::detail
