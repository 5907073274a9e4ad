#include "api/json/detail/strict_json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "api/json/detail/fields.hpp"
#include "api/json/parse.hpp"

namespace distributor::api::detail {
namespace {

namespace json = boost::json;

// Boost.JSON keeps the last of two equal names; a request that says two things at once is refused here instead.
// The names below are those that basic_parser calls.
class DuplicateFinder {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  const std::string& duplicate() const { return duplicate_; }

  bool on_object_begin(json::error_code&) {
    names_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, json::error_code&) {
    names_.pop_back();
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code& error) {
    key_.append(part.data(), part.size());
    const bool first = names_.back().insert(key_).second;
    if (!first) {
      duplicate_ = key_;
      error = json::error::object_too_large;  // any error: it only stops the parser
    }
    key_.clear();
    return first;
  }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t, json::error_code&) { return true; }
  bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double, json::string_view, json::error_code&) { return true; }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  std::vector<std::set<std::string>> names_;  // of the open objects, outermost first
  std::string key_;
  std::string duplicate_;
};

ApiError malformed(std::string message) {
  return ApiError{.code = ErrorCode::malformed_json, .field = {}, .message = std::move(message), .fix = {}};
}

}  // namespace

tl::expected<json::object, ApiError> parse_object(std::string_view text) {
  if (text.empty()) return tl::unexpected(malformed("wanted a JSON object, found an empty body"));
  json::parse_options options;
  options.max_depth = kJsonDepthMax;

  json::error_code error;
  json::basic_parser<DuplicateFinder> finder(options);
  const std::size_t used = finder.write_some(false, text.data(), text.size(), error);
  if (!finder.handler().duplicate().empty() || error == json::error::object_too_large) {
    return tl::unexpected(ApiError{.code = ErrorCode::malformed_json,
                                   .field = excerpt(finder.handler().duplicate()),
                                   .message = "wanted every name once, found this one twice in one object",
                                   .fix = "send the field once"});
  }
  if (error) {
    return tl::unexpected(malformed("wanted JSON of at most " + std::to_string(kJsonDepthMax) +
                                    " levels, found an error at byte " + std::to_string(used) + " of " +
                                    std::to_string(text.size()) + ": " + error.message()));
  }
  json::value value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error) {
    return tl::unexpected(malformed("wanted one JSON object and nothing after it, found: " + error.message()));
  }
  if (!value.is_object()) return tl::unexpected(malformed("wanted a JSON object, found " + describe(value)));
  return std::move(value.get_object());
}

}  // namespace distributor::api::detail
