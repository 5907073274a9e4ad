// JSON text into an object: RFC 8259, one object at the top, bounded depth, no name twice.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "api/errors/api_error.hpp"

namespace distributor::api::detail {

tl::expected<boost::json::object, ApiError> parse_object(std::string_view text);

}  // namespace distributor::api::detail
