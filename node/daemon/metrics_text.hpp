// The daemon's state as Prometheus text. Names and units follow Prometheus's conventions.
#pragma once

#include <string>

#include "api/http/server.hpp"
#include "node/daemon/forwarding.hpp"
#include "node/daemon/replica_shell.hpp"
#include "node/daemon/role_shell.hpp"
#include "node/daemon/switchover_shell.hpp"
#include "node/daemon/takeover_clock.hpp"
#include "node/octavia/heartbeats.hpp"
#include "node/octavia/pair_files.hpp"
#include "node/overview/overview.hpp"

namespace distributor::node {

struct MetricSources {
  const Config& config;
  const ReplicaShell& replica;
  const Forwarding& forwarding;
  const RoleShell& role;
  const SwitchoverShell& switchover;
  const TakeoverClock& takeovers;
  const PairFiles& files;
  Heartbeats::Stats heartbeats;
  api::ServerStats api;
  std::uint64_t ownership_changes = 0;
};

std::string metrics_text(const MetricSources& from, const Overview& overview);

}  // namespace distributor::node
