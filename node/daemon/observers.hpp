// The commands of the local socket that look and compare: overview, diff, resync. One thread (the event loop).
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "node/admin/admin_server.hpp"
#include "node/daemon/replica_shell.hpp"
#include "node/daemon/survey.hpp"
#include "node/peer/peer_channel.hpp"

namespace distributor::node {

class Observers {
 public:
  // All outlive it. `peers` is null on a standalone node.
  Observers(Survey& survey, ReplicaShell& replica, PeerChannel* peers) : survey_(survey), replica_(replica), peers_(peers) {}

  static bool answers(const std::string& command);
  void handle(const std::string& command, const boost::json::object& request, const AdminServer::Answer& answer);

 private:
  void overview(const boost::json::object& request, const AdminServer::Answer& answer);
  void diff(const AdminServer::Answer& answer);
  void resync(const AdminServer::Answer& answer);

  Survey& survey_;
  ReplicaShell& replica_;
  PeerChannel* peers_;
};

// Where two states differ, load balancer by load balancer: {"lb_id", "where": "here only" | "peer only" | "both, unequal"}.
boost::json::array differences(const DigestMap& here, const DigestMap& peer);
DigestMap digests_of(const Registry& registry);

}  // namespace distributor::node
