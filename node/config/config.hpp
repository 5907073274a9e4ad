// The daemon's configuration: one TOML file, read once at start, and behind it what Octavia injected (amphora-agent.conf). Unknown keys are errors, every error names its key and the fix.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_config/agent_config.hpp"
#include "openflow/programmer/target.hpp"
#include "sync/registry/ceilings.hpp"
#include "sync/registry/types.hpp"

namespace distributor::node {

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
};

struct ApiConfig {
  std::vector<Endpoint> listen;
  std::filesystem::path certificate;  // PEM: certificate chain, then private key
  std::filesystem::path client_ca;    // PEM: the CA(s) whose client certificates are admitted
};

struct PeerConfig {
  NodeId node_id;
  std::string bind;     // ZeroMQ endpoint, "tcp://198.51.100.1:9444"
  std::string connect;  // of the peer
  std::filesystem::path own_key;      // CURVE key pair, mode 0600 (distributord --generate-keys)
  std::filesystem::path peer_public;  // one public key, or two while keys are rotated
};

enum class SoloChoice : std::uint8_t { automatic, strict };

struct ReplicationConfig {
  SoloChoice solo_policy = SoloChoice::automatic;
  std::chrono::milliseconds solo_after{2000};
};

struct KeepalivedConfig {
  std::string interface;
  std::uint8_t router_id = 51;
  IpAddress own_address;
  IpAddress peer_address;
  IpAddress management_vip;
  std::uint8_t management_prefix = 24;
  std::string profile = "default";
  std::chrono::milliseconds advert_interval{100};  // of the profile, unless given
  bool realtime = true;
  std::optional<MacAddress> peer_mac;  // of its management interface: VRRP from any other one is dropped
  std::filesystem::path pid_file = "/run/keepalived.pid";
  std::filesystem::path json_dir = "/tmp";
};

struct OpenflowConfig {
  std::string bridge = "br-dist";
  std::string datapath_type = "system";
  std::filesystem::path ovsdb_socket = "/run/openvswitch/db.sock";
  std::filesystem::path run_dir = "/run/openvswitch";
  std::string netns_prefix = "lb-";
  programmer::Target target;  // a unix socket without a path: the bridge's management socket in run_dir (O6)
};

struct GatekeeperConfig {
  std::filesystem::path socket = "/run/distributor/gatekeeper.sock";
  std::chrono::milliseconds grace{2000};
};

// Of all VIPs, at a takeover and after it (D5).
struct AnnounceConfig {
  int rounds = 4;
  std::chrono::milliseconds interval{500};
  std::chrono::seconds refresh{5};  // 0: never
};

enum class LogTarget : std::uint8_t { stderr_text, journal };

struct LogConfig {
  std::string level = "info";
  LogTarget target = LogTarget::stderr_text;
};

// What Octavia injects into the VM, as into an amphora's. Where distributord.toml says something too, that counts.
struct OctaviaConfig {
  std::filesystem::path config = "/etc/octavia/amphora-agent.conf";
  std::optional<api::AgentConfig> agent;  // absent: there is no such file (yet)
};

// Where this file says nothing, amphora-agent.conf's [health_manager] counts (L2).
struct HeartbeatConfig {
  std::vector<api::Controller> controllers;
  std::optional<std::string> key;
  std::optional<std::chrono::seconds> interval;
  std::uint16_t receiver_port = 5556;  // instead of Octavia's own 5555, wherever amphora-agent.conf names that
};

struct Config {
  NodeId node_id;
  std::string pair_id;
  std::filesystem::path run_dir = "/run/distributor";
  std::filesystem::path state_dir = "/var/lib/distributor";
  ApiConfig api;
  std::filesystem::path admin_socket = "/run/distributor/admin.sock";
  std::optional<Endpoint> metrics;  // loopback only
  std::size_t metrics_series_max = 4096;  // of load balancers and buckets; those that do not fit are counted instead
  LogConfig log;
  OpenflowConfig openflow;
  std::optional<PeerConfig> peer;  // absent: standalone (H9)
  ReplicationConfig replication;
  Ceilings ceilings;  // [limits], L6
  std::optional<KeepalivedConfig> keepalived;  // absent: this node always owns its VIPs (H9)
  GatekeeperConfig gatekeeper;
  AnnounceConfig announce;
  OctaviaConfig octavia;
  HeartbeatConfig heartbeat;

  std::filesystem::path fifo() const { return run_dir / "vrrp.fifo"; }
  std::filesystem::path readiness_file() const { return run_dir / "ready"; }
  std::filesystem::path store_file() const { return state_dir / "registry.db"; }
};

struct ConfigError {
  std::vector<std::string> problems;  // one line each: "openflow.bridge: wanted ..., found ..."
};

// read: the content of the agent configuration, nothing if there is no such file.
using ReadAgentConfig = std::function<tl::expected<std::optional<std::string>, std::string>(const std::filesystem::path&)>;
tl::expected<Config, ConfigError> parse_config(std::string_view toml, const ReadAgentConfig& read = {});
tl::expected<Config, ConfigError> load_config(const std::filesystem::path& file);

}  // namespace distributor::node
