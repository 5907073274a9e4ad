// OVSDB's notation of values in JSON (RFC 7047, 5.1): atoms, sets, maps, UUIDs. Readers return nothing for another
// shape.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "openflow/ovsdb/types.hpp"

namespace distributor::ovsdb::detail {

// A column that holds at most one: an atom, or ["set", []].
template <typename T>
using AtMostOne = std::optional<std::optional<T>>;

std::optional<std::string> read_string(const boost::json::value& value);
std::optional<std::int64_t> read_integer(const boost::json::value& value);
AtMostOne<std::string> read_optional_string(const boost::json::value& value);
AtMostOne<std::int64_t> read_optional_integer(const boost::json::value& value);
std::optional<std::vector<std::string>> read_strings(const boost::json::value& value);  // an atom or a set
std::optional<std::vector<std::string>> read_uuids(const boost::json::value& value);
std::optional<StringMap> read_map(const boost::json::value& value);

boost::json::array uuid(const std::string& text);
boost::json::array named_uuid(const std::string& name);
boost::json::array set_of(boost::json::array members);
boost::json::array map_of(const StringMap& map);

}  // namespace distributor::ovsdb::detail
