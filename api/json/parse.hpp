// Request bodies and queries into registry commands. Pure. Strict: a field that the call does not know, a field twice,
// a wrong type or a value out of range is an error that names the field, what was wanted and what was found. null
// counts as absent.
#pragma once

#include <string>
#include <string_view>

#include "api/backend/backend.hpp"

namespace distributor::api {

inline constexpr std::size_t kJsonDepthMax = 8;
inline constexpr std::size_t kTextBytesMax = 256;  // of any single string in a body

// PLUG (P3, P8). The seed's single mac_address and vrrp_ip mean the interface of `this_node`. fresh_hash_seed is left
// 0.
tl::expected<PlugCommand, ApiError> parse_plug(const LoadBalancerId& lb, std::string_view body,
                                               const NodeId& this_node);
tl::expected<UnplugCommand, ApiError> parse_unplug(const LoadBalancerId& lb,
                                                   std::string_view body);  // P5; the body may be empty
tl::expected<RegisterCommand, ApiError> parse_register(const LoadBalancerId& lb, std::string_view body);      // P6
tl::expected<UnregisterCommand, ApiError> parse_unregister(const LoadBalancerId& lb, std::string_view body);  // P7
tl::expected<ReplaceCommand, ApiError> parse_replace(const LoadBalancerId& lb, std::string_view body);        // F1
tl::expected<void, ApiError> parse_empty(std::string_view body);  // nothing, or {}

// The query of where: "client=192.0.2.7&port=40000&protocol=tcp" (A5). Port and protocol may be left out.
tl::expected<ClientFlow, ApiError> parse_flow(std::string_view query);
// The query of the list of load balancers: "after=UUID", or nothing: from the first.
tl::expected<std::optional<LoadBalancerId>, ApiError> parse_after(std::string_view query);

}  // namespace distributor::api
