// The rules of each command on one load balancer, as pure functions: what it would be afterwards.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "sync/registry/registry.hpp"

namespace distributor::detail {

// The load balancer afterwards; nothing if it already stands so.
using Change = tl::expected<std::optional<LoadBalancer>, RegistryError>;
using Verdict = std::optional<RegistryError>;  // nothing: no objection

inline RegistryError error_of(RegistryErrorCode code, std::string field, std::string message, std::string fix) {
  return RegistryError{code, std::move(field), std::move(message), std::move(fix)};
}
inline RegistryError invalid(std::string field, std::string message, std::string fix) {
  return error_of(RegistryErrorCode::invalid, std::move(field), std::move(message), std::move(fix));
}
inline RegistryError conflict(std::string field, std::string message, std::string fix) {
  return error_of(RegistryErrorCode::conflict, std::move(field), std::move(message), std::move(fix));
}

// Whether the command makes sense by itself, whatever stands.
Verdict check_plug_shape(const PlugCommand& command);
// `before` is null if the load balancer is new; `others` is everything that stands.
Change plug(const PlugCommand& command, const LoadBalancer* before, const Registry::Map& others);

Change register_amphorae(const RegisterCommand& command, const LoadBalancer& before);
Change unregister_amphorae(const UnregisterCommand& command, const LoadBalancer& before);
Change replace_amphora(const ReplaceCommand& command, const LoadBalancer& before);

// The command that led from `before` (null: none) to `after`, with what the caller left to the state.
Command settled(Command command, const LoadBalancer* before, const LoadBalancer& after);

// The position of a MAC, if it holds one; its place among the spares, if it is one.
std::optional<std::size_t> slot_of(const LoadBalancer& lb, const MacAddress& mac);
std::optional<std::size_t> spare_index_of(const LoadBalancer& lb, const MacAddress& mac);

}  // namespace distributor::detail
