// Gathers what one node knows of the pair into one Overview, counters of Open vSwitch included, and remembers what only passing time
// tells: since when the peer lags behind, and when ownership changed. One thread (the event loop).
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>

#include "node/config/config.hpp"
#include "node/daemon/api_backend.hpp"
#include "node/daemon/forwarding.hpp"
#include "node/daemon/replica_shell.hpp"
#include "node/daemon/role_shell.hpp"
#include "node/overview/overview.hpp"

namespace distributor::node {

class Survey {
 public:
  using Done = std::function<void(Overview)>;

  // All outlive the survey.
  Survey(boost::asio::io_context& loop, const Config& config, const ReplicaShell& replica, Forwarding& forwarding, const RoleShell& role, const ApiBackend& backend);

  void refresh();                       // whenever the status may have changed, and twice a second
  void ownership_changed(bool gained);  // an edge of role::Status::owner
  void takeover_over(const api::TakeoverView& takeover);  // the clock's word, for the change of ownership that it belongs to
  void take(Done done);                 // waits for Open vSwitch's counters, a bounded time

  std::uint64_t ownership_changes() const { return ownership_changes_; }

 private:
  Overview gather() const;
  BalancerLine line_of(const LoadBalancer& lb, const Forwarding::BucketMap* counted) const;

  boost::asio::io_context& loop_;
  const Config& config_;
  const ReplicaShell& replica_;
  Forwarding& forwarding_;
  const RoleShell& role_;
  const ApiBackend& backend_;
  std::optional<std::chrono::steady_clock::time_point> lag_since_;
  std::deque<OwnershipChange> ownership_;
  std::uint64_t ownership_changes_ = 0;
  bool owner_ = false;
};

}  // namespace distributor::node
