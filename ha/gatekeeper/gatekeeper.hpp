// The gatekeeper process (H12): tiny, supervised, separate from the daemon that it watches.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "ha/gatekeeper/core.hpp"

namespace distributor::gatekeeper {

struct Config {
  std::string socket_path;     // bound here, mode 0600; a left-over socket file is replaced
  std::string fifo_path;       // keepalived's notify FIFO: its read end is held open here
  std::string readiness_path;  // keepalived's track_file
  std::string instance_name = "MGMT";
  CoreConfig core;
  // Closes the ARP/ND gate; true = done (or no bridge is there whose gate could be open). Blocks: keep it below 500 ms.
  // Called again (100 ms, doubling up to 2 s) until it succeeds or the daemon is back.
  std::function<bool()> close_gate;
  std::function<void(Severity, const std::string&)> log;
  std::function<void()> on_started;  // socket and FIFO are open (sd_notify READY)
  std::function<void()> on_alive;    // about each 250 ms (sd_notify WATCHDOG)
  // Whom to ask for the VRRP state while the daemon is dead; empty = never ask, then only the FIFO's lines count.
  std::string keepalived_program;
  std::string keepalived_pid_file;
  std::string keepalived_dump_path;
};

// Runs until SIGTERM or SIGINT. Returns the exit status: 0, or 1 if it could not start (the reason went to log).
int run_gatekeeper(const Config& config);

}  // namespace distributor::gatekeeper
