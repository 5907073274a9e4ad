// What each part of the daemon is given, from the one configuration.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "api/heartbeat/heartbeat.hpp"
#include "api/http/server.hpp"
#include "node/config/config.hpp"
#include "node/daemon/switchover_shell.hpp"
#include "node/octavia/pair_files.hpp"
#include "sync/link/link.hpp"
#include "sync/replica/replica.hpp"

namespace distributor::node {

switchover::Config switchover_config(const Config& config);
replica::Config replica_config(const Config& config);                           // with a boot id of its own
tl::expected<link::Config, std::string> link_config(const PeerConfig& peer);  // reads the keys
api::ServerConfig api_config(const Config& config);
PairFiles::Settings pair_files_settings(const Config& config);
api::BeatSettings beat_settings_of(const Config& config, const api::AgentConfig* agent);

}  // namespace distributor::node
