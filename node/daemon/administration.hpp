// What root of this node may ask over the local socket and gets an answer to at once (distributorctl init, losses, backup).
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "node/daemon/api_backend.hpp"
#include "node/daemon/replica_shell.hpp"

namespace distributor::node {

// Always has "ok" and "message". On the thread of the event loop.
boost::json::object administer(const std::string& command, const boost::json::object& request, ReplicaShell& replica, const ApiBackend& backend);

}  // namespace distributor::node
