// The daemon: makes the parts, wires them, runs them on one event loop. Every decision is elsewhere (docs/architecture.md).
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "node/config/config.hpp"

namespace distributor::node {

class Daemon {
 public:
  // Opens the store, binds the listeners. Error: one line that says what to do. Peer, Open vSwitch and keepalived may be absent.
  static tl::expected<std::unique_ptr<Daemon>, std::string> create(Config config);
  ~Daemon();

  // Runs until SIGTERM or SIGINT, then lets requests in flight finish. The data path stays as it is: a restart within the
  // gatekeeper's grace moves nothing (O4).
  void run();

 private:
  struct Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace distributor::node
