// /etc/octavia/amphora-agent.conf: what Octavia injects into a VM and sends again with PUT /1.0/config. Only what a
// distributor needs is read; what it does not know is Octavia's business and is passed over. What it knows must be right.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "sync/registry/types.hpp"

namespace distributor::api {

inline constexpr std::size_t kAgentConfigBytesMax = 64 * 1024;
inline constexpr std::size_t kControllersMax = 64;
inline constexpr std::size_t kHeartbeatKeyBytesMax = 1024;

struct Controller {
  IpAddress address;
  std::uint16_t port = 0;
  std::string text() const;  // "192.0.2.1:5555", "[2001:db8::1]:5555"
  friend bool operator==(const Controller&, const Controller&) = default;
};

struct AgentConfig {
  // [haproxy_amphora]
  std::optional<IpAddress> bind_host;
  std::optional<std::uint16_t> bind_port;
  // [health_manager]
  std::optional<std::vector<Controller>> controllers;  // controller_ip_port_list
  std::optional<std::chrono::seconds> heartbeat_interval;
  std::optional<std::string> heartbeat_key;
  // [amphora_agent]
  std::optional<std::string> agent_server_ca;    // the CA of clients
  std::optional<std::string> agent_server_cert;  // certificate and key
  std::optional<std::string> amphora_id;         // the id that Octavia knows this distributor by
  friend bool operator==(const AgentConfig&, const AgentConfig&) = default;
};

// "ADDRESS:PORT", IPv6 with or without brackets: Octavia splits at the last colon.
std::optional<Controller> parse_controller(std::string_view text);

// Errors: every one, as "health_manager.heartbeat_interval (line 12): wanted ..., found ...".
tl::expected<AgentConfig, std::vector<std::string>> parse_agent_config(std::string_view ini);

}  // namespace distributor::api
