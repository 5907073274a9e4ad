// Pieces of answers that several renderers use.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <span>
#include <string>

#include "sync/registry/types.hpp"

namespace distributor::api::detail {

std::string hex64(std::uint64_t number);  // 16 digits
boost::json::value text_or_null(const std::string& text);
boost::json::array names_of(std::span<const NodeId> nodes);

}  // namespace distributor::api::detail
