// The edge between what throws inside the store and its public functions, which give values.
#pragma once

#include <SQLiteCpp/Exception.h>

#include <string>
#include <type_traits>
#include <utility>

#include "sync/store/detail/error.hpp"

namespace distributor::store::detail {

// Runs what may throw, and gives its result or the error as a value.
template <typename Body>
auto guarded(const std::string& wanted, Body body) -> tl::expected<decltype(body()), StoreError> {
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      return {};
    } else {
      return body();
    }
  } catch (const Refused& refused) {
    auto error = refused.error;
    error.message = wanted + ": " + error.message;
    return tl::unexpected(std::move(error));
  } catch (const SQLite::Exception& exception) {
    return tl::unexpected(error_from(exception, wanted));
  }
}

}  // namespace distributor::store::detail
