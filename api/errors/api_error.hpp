// Every error that the REST API can answer, in one table: name, HTTP status, meaning, what to do.
// Only 400, 401, 403, 404, 405, 409, 500 and 503 are used: Octavia's client takes any other status as success.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sync/registry/registry.hpp"

namespace distributor::api {

enum class ErrorCode : std::uint8_t {
  malformed_http,
  request_too_large,
  malformed_json,
  unknown_field,
  invalid_field,
  invalid_certificate,
  invalid_config,
  path_not_found,
  load_balancer_not_found,
  amphora_not_found,
  interface_not_found,
  method_not_allowed,
  conflict,
  limit_reached,
  switchover_refused,
  internal,
  not_active,
  moved,
  peer_absent,
  not_durable_in_time,
  too_busy,
  store_failed,
  stopping,
};

struct ErrorRow {
  ErrorCode code;
  std::string_view name;     // stable, for programs: "error" of the answer
  unsigned status;           // "http_code" of the answer
  std::string_view meaning;  // "message" of the answer, when the place that found it says nothing better
  std::string_view remedy;   // what the caller does about it
};

std::span<const ErrorRow> error_table();
const ErrorRow& row_of(ErrorCode code);

struct ApiError {
  ErrorCode code = ErrorCode::internal;
  std::string field;    // as in the request, e.g. "amphorae[2].position"; empty if no single field is to blame
  std::string message;  // what was wanted, what was found; empty: the table's meaning
  std::string fix;      // what to do; empty: the table's remedy
  friend bool operator==(const ApiError&, const ApiError&) = default;
};

ApiError from_registry(const RegistryError& error);

// At most 64 printable ASCII characters of what a client sent, for messages.
std::string excerpt(std::string_view text);

// One line that names the field and the fix: "details" of the answer. An interface_not_found always holds Octavia's
// retry signal "No suitable network interface found", and nothing else does (FACTS: Octavia; P4).
std::string details_of(const ApiError& error);

}  // namespace distributor::api
