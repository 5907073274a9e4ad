// One node's view of the pair as JSON, from the daemon's local socket or, if --address is given, from the REST API in the same shape.
#pragma once

#include <boost/json/object.hpp>
#include <tl/expected.hpp>

#include "node/ctl/context.hpp"

namespace distributor::ctl {

inline constexpr std::size_t kRemoteBalancersMax = 32;  // over REST each is a request of its own

// The error is the exit code; the reason has been printed.
tl::expected<boost::json::object, int> fetch_overview(const Context& context);

}  // namespace distributor::ctl
