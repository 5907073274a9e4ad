// Is this machine fit to be a node? Each finding says what was found and, if it is not well, what to do. Works with and without
// the daemon. What is read of the machine comes through Machine, so that a test can hand in another one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "node/config/config.hpp"

namespace distributor::ctl {

enum class Level : std::uint8_t { ok, warn, fail };

struct Finding {
  Level level = Level::ok;
  std::string name;  // stable: "ip_forward", "open_vswitch.version"
  std::string found;
  std::string fix;  // empty if ok
};

struct Machine {
  struct Output {
    int exit_code = 0;  // 127: no such program
    std::string text;   // stdout and stderr
  };
  std::function<std::optional<std::string>(const std::string& path)> read;  // a small file; nothing if it cannot be read
  std::function<bool(const std::string& path)> exists;
  std::function<Output(const std::vector<std::string>& argv)> run;  // bounded in time and output
  std::function<bool()> clock_synchronised;
  std::chrono::system_clock::time_point now;
};

Machine this_machine();

std::vector<Finding> check_open_vswitch(const Machine& machine, const node::Config& config);
std::vector<Finding> check_kernel(const Machine& machine, const node::Config& config);
std::vector<Finding> check_pair(const Machine& machine, const node::Config& config);     // keepalived, addresses, firewall, clock
std::vector<Finding> check_secrets(const Machine& machine, const node::Config& config);  // keys and certificates
std::vector<Finding> check_daemons(const Machine& machine, const node::Config& config);

std::string human_findings(const std::vector<Finding>& findings, bool color);
std::string json_findings(const std::vector<Finding>& findings);

}  // namespace distributor::ctl
