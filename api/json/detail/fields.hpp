// Reads the fields of one JSON object. The first fault is kept, reading goes on; so a parser is a plain list of fields.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "api/errors/api_error.hpp"

namespace distributor::api::detail {

// "a number (42)", "an array of 3", ...
std::string describe(const boost::json::value& value);

class Fields {
 public:
  using Fault = std::optional<ApiError>;

  // `path` is where the object stands: empty for the body itself, else e.g. "nodes[1]". A name that is not in `known`
  // is a fault.
  Fields(const boost::json::object& object, std::string path, std::initializer_list<std::string_view> known,
         Fault& fault);

  bool has(std::string_view name) const { return find(name) != nullptr; }  // null counts as absent
  std::string at(std::string_view name) const;                             // "nodes[1].vlan"
  void fail(std::string_view name, std::string message, std::string fix = {});
  // A fault unless the field is there.
  void require(std::string_view name, std::string_view wanted);

  std::optional<std::string_view> text(std::string_view name);
  std::optional<std::uint64_t> number(std::string_view name, std::uint64_t min, std::uint64_t max);
  const boost::json::array* list(std::string_view name);
  const boost::json::object* object(std::string_view name);
  const boost::json::value* find(std::string_view name) const;

  // A string that T::parse understands.
  template <typename T>
  std::optional<T> value(std::string_view name) {
    const auto found = text(name);
    if (!found) return std::nullopt;
    auto parsed = T::parse(*found);
    if (parsed) return std::move(*parsed);
    fail(name, parsed.error().message);
    return std::nullopt;
  }

 private:
  const boost::json::object& object_;
  std::string path_;
  Fault& fault_;
};

// A string of a list, e.g. "amphorae[3]".
std::optional<std::string_view> text_item(const boost::json::value& value, const std::string& at, Fields::Fault& fault);
// An object of a list.
const boost::json::object* object_item(const boost::json::value& value, const std::string& at, Fields::Fault& fault);

std::string item_at(std::string_view list, std::size_t index);

}  // namespace distributor::api::detail
