// The daemon's side of the gatekeeper: beats on the daemon's own event loop, so that a hung loop is a missing beat
// (H12).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "ha/gatekeeper/protocol.hpp"

namespace distributor::gatekeeper {

// Run on the io_context, never inside a call of GatekeeperClient.
struct ClientCallbacks {
  std::function<void(const Reply&)> on_declared_dead;  // role::DeclaredDead, once per episode
  std::function<void(bool connected)> on_connection;   // changes only; a first attempt that fails counts as one
};

class GatekeeperClient {
 public:
  struct Config {
    std::string socket_path;
    std::chrono::milliseconds beat_interval{250};  // also the pause between attempts to connect
  };
  GatekeeperClient(boost::asio::io_context& io, Config config,
                   ClientCallbacks callbacks);  // connects by itself, for ever
  ~GatekeeperClient();
  GatekeeperClient(const GatekeeperClient&) = delete;
  GatekeeperClient& operator=(const GatekeeperClient&) = delete;

  // What the next beats carry; a change is beaten at once. A gatekeeper that reads no more costs nothing: beats that do
  // not fit into the socket are dropped.
  void set_state(keepalived::VrrpState vrrp, bool gate_open);
  bool connected() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::gatekeeper
