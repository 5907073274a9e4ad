// What the REST API asks of the daemon, answered from the replication core, the forwarding side and the role machine.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "api/backend/backend.hpp"
#include "api/heartbeat/heartbeat.hpp"
#include "node/config/config.hpp"
#include "node/daemon/forwarding.hpp"
#include "node/daemon/replica_shell.hpp"
#include "node/daemon/role_shell.hpp"
#include "node/daemon/switchover_shell.hpp"
#include "node/daemon/takeover_clock.hpp"
#include "node/octavia/pair_files.hpp"
#include "node/peer/peer_channel.hpp"
#include "openflow/placement/placement.hpp"

namespace distributor::node {

api::TakeoverView to_view(const TakeoverClock::Takeover& takeover);  // its times in milliseconds

class ApiBackend final : public api::Backend {
 public:
  // All outlive the backend. `peers` is null on a standalone node.
  ApiBackend(const Config& config, ReplicaShell& replica, Forwarding& forwarding, RoleShell& role, SwitchoverShell& switchover,
             const TakeoverClock& takeovers, PeerChannel* peers, PairFiles& files);

  void submit(Command command, std::string request_id, ChangeDone done) override;
  void probe_interfaces(const PlugCommand& plug, ProbeDone done) override;
  const Registry& registry() const override;
  std::string stale() const override;
  NodeId node_id() const override;
  std::vector<NodeId> members() const override;
  api::WriteAccess writable() const override;
  void put_certificate(std::string pem, StoreDone done) override { files_.put_certificate(pem, done); }
  void put_config(std::string ini, StoreDone done) override { files_.put_config(ini, done); }
  void counters(const LoadBalancerId& lb, CountersDone done) override;
  std::optional<Position> where(const LoadBalancer& lb, const api::ClientFlow& flow) const override;
  void switchover(const std::string& asked_at, SwitchoverDone done) override;
  api::PairView pair() const override;
  api::NodeView info() const override;
  api::BeatNode beat() const;  // all but the heartbeat's number and the totals

  static std::string phase_name(replica::Phase phase);
  static std::string role_name(const role::Status& status, bool standalone);

 private:
  api::SwitchoverView switchover_view(const switchover::Report& report) const;
  api::MemberView self_view(const replica::Status& status) const;
  api::MemberView peer_view(const replica::Status& status) const;

  const Config& config_;
  ReplicaShell& replica_;
  Forwarding& forwarding_;
  RoleShell& role_;
  SwitchoverShell& switchover_;
  const TakeoverClock& takeovers_;
  PeerChannel* peers_;
  PairFiles& files_;
  placement::Algorithms algorithms_ = placement::Algorithms::standard();
  placement::Algorithms crc_algorithms_ = placement::Algorithms::standard(placement::HashVariant::crc32c);
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace distributor::node
