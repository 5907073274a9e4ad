// Answers as JSON text. Pure. Numbers beyond 53 bits (hash_seed, term) that a client must hand back are strings of
// hexadecimal digits.
#pragma once

#include <span>
#include <string>

#include "api/backend/backend.hpp"

namespace distributor::api {

inline constexpr std::size_t kListBytesMax = std::size_t{1} << 20;  // then the list ends with "next"

std::string render_version();  // what Octavia's version discovery wants, exactly
std::string render_error(const ApiError& error);

// The complete list of a load balancer, and what became of the change (H2). members: the nodes that each need an
// interface.
std::string render_change(const LoadBalancerId& lb, const ChangeOutcome& outcome, std::span<const NodeId> members);

// The complete list. counters: per position, or why there are none (P9). stale, here and below: Backend::stale.
std::string render_status(const LoadBalancer& lb, const tl::expected<std::vector<BucketCounters>, ApiError>& counters,
                          std::span<const NodeId> members, const std::string& stale);

// The complete lists of all load balancers behind `after`, by id, until kListBytesMax is passed: then "next" is what to
// ask after.
std::string render_list(const Registry& registry, const std::optional<LoadBalancerId>& after,
                        std::span<const NodeId> members, const std::string& stale);

std::string render_where(const LoadBalancer& lb, const ClientFlow& flow, const std::optional<Position>& position,
                         const std::string& stale);
std::string render_stored(const StoredOutcome& outcome);  // of a PUT
std::string render_switchover(const SwitchoverView& switchover);
std::string render_takeover(const TakeoverView& takeover);
std::string render_pair(const PairView& pair);
std::string render_info(const NodeView& node);
std::string render_details(const NodeView& node, const Registry& registry);

}  // namespace distributor::api
