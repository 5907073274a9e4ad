#include "api/errors/api_error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace distributor::api {
namespace {

// Octavia's client retries while it sees exactly this (FACTS: Octavia; P4).
constexpr std::string_view kInterfaceNotFound = "No suitable network interface found";

constexpr std::size_t kExcerptBytesMax = 64;

constexpr std::array kTable = {
    ErrorRow{ErrorCode::malformed_http, "malformed_http", 400, "The request is not well-formed HTTP/1.1.",
             "send a well-formed HTTP/1.1 request"},
    ErrorRow{ErrorCode::request_too_large, "request_too_large", 400,
             "The header or the body of the request is too large.", "send fewer items in one request"},
    ErrorRow{ErrorCode::malformed_json, "malformed_json", 400, "The body is not the JSON object that was wanted.",
             "send one JSON object, UTF-8, no field twice"},
    ErrorRow{ErrorCode::unknown_field, "unknown_field", 400, "The request has a field that this call does not know.",
             "leave the field out, or correct its name"},
    ErrorRow{ErrorCode::invalid_field, "invalid_field", 400, "A field is missing, of a wrong type, or out of range.",
             "correct the field"},
    ErrorRow{ErrorCode::invalid_certificate, "invalid_certificate", 400,
             "The body is no certificate and key that this distributor can serve; the ones in use stay.",
             "send the distributor's certificate, its intermediates if any, and its private key, as PEM"},
    ErrorRow{ErrorCode::invalid_config, "invalid_config", 400,
             "The body is no agent configuration that this distributor can use; the one in use stays.",
             "send amphora-agent.conf as Octavia renders it for this distributor"},
    ErrorRow{ErrorCode::path_not_found, "path_not_found", 404, "There is no such call.", "see the list of calls"},
    ErrorRow{ErrorCode::load_balancer_not_found, "load_balancer_not_found", 404, "There is no such load balancer.",
             "plug it first, or correct its id"},
    ErrorRow{ErrorCode::amphora_not_found, "amphora_not_found", 404, "There is no such amphora in this load balancer.",
             "ask for its status, and name an amphora that is listed"},
    ErrorRow{ErrorCode::interface_not_found, "interface_not_found", 404, kInterfaceNotFound,
             "attach the interface to the node, then send the request again"},
    ErrorRow{ErrorCode::method_not_allowed, "method_not_allowed", 405, "This call does not have that method.",
             "use a method that the Allow header lists"},
    ErrorRow{ErrorCode::conflict, "conflict", 409, "The request contradicts what stands.",
             "ask for the load balancer's status and correct the request"},
    ErrorRow{ErrorCode::limit_reached, "limit_reached", 409, "An upper bound of this distributor is reached.",
             "remove something first, or use another distributor"},
    ErrorRow{ErrorCode::switchover_refused, "switchover_refused", 409, "Ownership can't be handed over now.",
             "remove the reason, then ask again; nothing was changed"},
    ErrorRow{ErrorCode::internal, "internal", 500, "The distributor failed to carry the request out.",
             "see the distributor's log"},
    ErrorRow{ErrorCode::not_active, "not_active", 503, "This node takes no changes now: it is not the active one.",
             "send the change to the management address again"},
    // Never sent: the connection is closed instead. Octavia's client raises a 503 at once, but replays what got no answer.
    ErrorRow{ErrorCode::moved, "moved", 503, "Ownership moves to the other node just now.",
             "send the same request again: it is idempotent"},
    ErrorRow{ErrorCode::peer_absent, "peer_absent", 503,
             "The other node is away, and the policy is to take no change without it.",
             "bring the other node back, or set the solo policy to auto"},
    ErrorRow{ErrorCode::not_durable_in_time, "not_durable_in_time", 503,
             "The change could not be made durable in time; it may still come to hold.",
             "send the same request again: it is idempotent"},
    ErrorRow{ErrorCode::too_busy, "too_busy", 503, "Too many requests are waiting.", "send the request again later"},
    ErrorRow{ErrorCode::store_failed, "store_failed", 503, "This node cannot write its disk.",
             "repair the node's disk; the other node takes over"},
    ErrorRow{ErrorCode::stopping, "stopping", 503, "This node is being stopped.",
             "send the request to the management address again"},
};

}  // namespace

std::span<const ErrorRow> error_table() {
  return kTable;
}

const ErrorRow& row_of(ErrorCode code) {
  static_assert(kTable.size() == static_cast<std::size_t>(ErrorCode::stopping) + 1);
  return kTable[static_cast<std::size_t>(code)];
}

ApiError from_registry(const RegistryError& error) {
  ApiError result{.code = ErrorCode::internal, .field = error.field, .message = error.message, .fix = error.fix};
  switch (error.code) {
    case RegistryErrorCode::invalid:
      result.code = ErrorCode::invalid_field;
      break;
    case RegistryErrorCode::not_found:
      result.code = error.field.empty() || error.field == "lb_id" ? ErrorCode::load_balancer_not_found
                                                                  : ErrorCode::amphora_not_found;
      break;
    case RegistryErrorCode::conflict:
      result.code = ErrorCode::conflict;
      break;
    case RegistryErrorCode::limit:
      result.code = ErrorCode::limit_reached;
      break;
  }
  return result;
}

std::string excerpt(std::string_view text) {
  std::string result(text.substr(0, kExcerptBytesMax));
  std::replace_if(
      result.begin(), result.end(), [](char one) { return one < 0x20 || one > 0x7e; }, '?');
  if (text.size() > kExcerptBytesMax) result += "...";
  return result;
}

std::string details_of(const ApiError& error) {
  const ErrorRow& row = row_of(error.code);
  std::string text;
  if (error.code == ErrorCode::interface_not_found && error.message.find(kInterfaceNotFound) == std::string::npos) {
    text = kInterfaceNotFound;
    text += ": ";
  }
  if (!error.field.empty()) text += error.field + ": ";
  text += error.message.empty() ? row.meaning : std::string_view(error.message);
  text += "; ";
  text += error.fix.empty() ? row.remedy : std::string_view(error.fix);
  return text;
}

}  // namespace distributor::api
