#include "api/json/detail/fields.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "api/json/parse.hpp"

namespace distributor::api::detail {
namespace {

namespace json = boost::json;

void set_fault(Fields::Fault& fault, ErrorCode code, std::string field, std::string message, std::string fix) {
  if (fault) return;
  fault = ApiError{.code = code, .field = std::move(field), .message = std::move(message), .fix = std::move(fix)};
}

std::string join(std::initializer_list<std::string_view> names) {
  std::string text;
  for (const auto name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

std::optional<std::string_view> checked_text(const json::value& value, const std::string& at, Fields::Fault& fault) {
  const auto* text = value.if_string();
  if (text == nullptr) {
    set_fault(fault, ErrorCode::invalid_field, at, "wanted a string, found " + describe(value), {});
    return std::nullopt;
  }
  if (text->size() > kTextBytesMax) {
    set_fault(fault, ErrorCode::invalid_field, at,
              "wanted at most " + std::to_string(kTextBytesMax) + " bytes, found " + std::to_string(text->size()), {});
    return std::nullopt;
  }
  return std::string_view(text->data(), text->size());
}

}  // namespace

std::string describe(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return "a number (" + json::serialize(value) + ")";
    case json::kind::string:
      return "a string (\"" + excerpt(std::string_view(value.get_string().data(), value.get_string().size())) + "\")";
    case json::kind::array:
      return "an array of " + std::to_string(value.get_array().size());
    case json::kind::object:
      return "an object";
  }
  return "nothing";
}

Fields::Fields(const json::object& object, std::string path, std::initializer_list<std::string_view> known,
               Fault& fault)
    : object_(object), path_(std::move(path)), fault_(fault) {
  for (const auto& field : object_) {
    const std::string_view name(field.key().data(), field.key().size());
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    set_fault(fault_, ErrorCode::unknown_field, at(excerpt(name)), "wanted one of " + join(known) + ", found this", {});
    return;
  }
}

std::string Fields::at(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void Fields::fail(std::string_view name, std::string message, std::string fix) {
  set_fault(fault_, ErrorCode::invalid_field, at(name), std::move(message), std::move(fix));
}

void Fields::require(std::string_view name, std::string_view wanted) {
  if (!has(name)) fail(name, "wanted " + std::string(wanted) + ", found nothing", "add the field");
}

const json::value* Fields::find(std::string_view name) const {
  const auto* found = object_.if_contains(json::string_view(name.data(), name.size()));
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::optional<std::string_view> Fields::text(std::string_view name) {
  const auto* found = find(name);
  return found == nullptr ? std::nullopt : checked_text(*found, at(name), fault_);
}

std::optional<std::uint64_t> Fields::number(std::string_view name, std::uint64_t min, std::uint64_t max) {
  const auto* found = find(name);
  if (found == nullptr) return std::nullopt;
  std::optional<std::uint64_t> result;
  if (found->is_uint64()) {
    result = found->get_uint64();
  } else if (found->is_int64() && found->get_int64() >= 0) {
    result = static_cast<std::uint64_t>(found->get_int64());
  }
  if (result && *result >= min && *result <= max) return result;
  fail(name, "wanted a whole number from " + std::to_string(min) + " to " + std::to_string(max) + ", found " +
                 describe(*found));
  return std::nullopt;
}

const json::array* Fields::list(std::string_view name) {
  const auto* found = find(name);
  if (found == nullptr) return nullptr;
  if (!found->is_array()) fail(name, "wanted an array, found " + describe(*found));
  return found->if_array();
}

const json::object* Fields::object(std::string_view name) {
  const auto* found = find(name);
  return found == nullptr ? nullptr : object_item(*found, at(name), fault_);
}

std::optional<std::string_view> text_item(const json::value& value, const std::string& at, Fields::Fault& fault) {
  return checked_text(value, at, fault);
}

const json::object* object_item(const json::value& value, const std::string& at, Fields::Fault& fault) {
  if (!value.is_object()) {
    set_fault(fault, ErrorCode::invalid_field, at, "wanted an object, found " + describe(value), {});
  }
  return value.if_object();
}

std::string item_at(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

}  // namespace distributor::api::detail
