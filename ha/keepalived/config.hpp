// Renders keepalived's configuration for the pair: one vrrp_instance on the management network (H5). Both nodes' files
// differ in their two addresses only. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "ha/keepalived/vrrp.hpp"

namespace distributor::keepalived {

struct Config {
  std::string run_dir;  // absolute; holds vrrp.fifo and ready; exists before keepalived starts
  std::string instance_name = "MGMT";
  std::string interface;       // of the management network
  int virtual_router_id = 51;  // 1..255, equal on both nodes and alone on the segment
  std::string own_ip;          // unicast addresses, one family
  std::string peer_ip;
  std::string management_vip;  // same family
  int management_prefix_bits = 24;
  std::chrono::milliseconds advert_interval{100};  // 20..40,000, in steps of 10; takeover takes about 2.5 of them
  bool real_time_priority = true;  // needs CAP_SYS_RESOURCE and CAP_SYS_NICE; without it keep advert_interval >= 50 ms
  int garp_refresh_s = 5;          // of the management address
};

struct ConfigError {
  std::string field;  // as in the [keepalived] section of the daemon's configuration, or run_dir, instance_name
  std::string message;
};

std::string fifo_path(const std::string& run_dir);
std::string readiness_path(const std::string& run_dir);

tl::expected<void, ConfigError> validate(const Config& config);
tl::expected<std::string, ConfigError> render(const Config& config);

}  // namespace distributor::keepalived
