// Heartbeats in Octavia's envelope: zlib(JSON) and the lower-case hexadecimal HMAC-SHA256 of it (L2). What is said, to whom next, and
// about which load balancers; knows no sockets.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_config/agent_config.hpp"
#include "sync/registry/registry.hpp"

namespace distributor::api {

// One packet of a 1,500-byte path, IPv6 and UDP headers taken off: a fragment that is lost would take the heartbeat with it. What does
// not fit of the load balancers comes with the next ones, in turn.
inline constexpr std::size_t kDatagramBytesMax = 1400;
inline constexpr std::size_t kBeatWindowMax = 64;  // load balancers looked at for one heartbeat
inline constexpr std::uint16_t kOctaviaHealthPort = 5555;  // of Octavia's own health manager
inline constexpr auto kBeatIntervalDefault = std::chrono::seconds(10);

struct BeatNode {
  std::string distributor_id;
  std::uint64_t seq = 0;  // counts this node's heartbeats since it started
  std::string node_id;
  std::string version;
  std::string role;   // of keepalived: "MASTER", "BACKUP", "FAULT", "unknown", or "standalone"
  std::string phase;  // of replication: "leading", "following", "solo", ...
  bool leads = false;
  bool entitled = false;
  bool in_sync = false;  // with the peer, or standalone
  bool peer_alive = false;
  bool gate_open = false;
  bool ovs_programmed = false;
  std::uint32_t vip_links_up = 0;
  std::uint32_t vip_links_wanted = 0;
  std::uint64_t term = 0;
  std::uint64_t committed_seq = 0;
  std::string state_digest;
  std::int64_t certificate_expires = 0;  // seconds since 1970; 0: not known
  std::size_t load_balancers = 0;        // in all
  std::size_t registered = 0;            // amphorae in positions, in all
  std::size_t spares = 0;                // in all
};

struct BeatLoadBalancer {
  LoadBalancerId id;
  std::uint32_t size = 0;        // positions
  std::uint32_t registered = 0;  // of them with an amphora
  std::uint32_t spares = 0;
  std::optional<std::uint64_t> packets;  // through this node since the rules were made; absent: Open vSwitch did not say
  std::optional<std::uint64_t> bytes;
};

BeatLoadBalancer describe_for_beat(const LoadBalancer& lb);
void count_all(const Registry& registry, BeatNode& node);  // load_balancers, registered, spares

// zlib level 0..9; 0 stores.
std::string envelope(std::string_view json, std::string_view key, int level = 9);

struct Beat {
  std::string datagram;
  std::size_t listed = 0;  // of the window, from its beginning
};
// As many of the window as fit into bytes_max; the rest of the heartbeat is always there.
Beat encode_beat(const BeatNode& node, std::span<const BeatLoadBalancer> window, std::string_view key, std::size_t bytes_max = kDatagramBytesMax);

// Which load balancers are next, by id, in a circle.
class BeatWindow {
 public:
  std::vector<LoadBalancerId> next(const Registry& registry) const;  // at most kBeatWindowMax
  void told(const std::vector<LoadBalancerId>& window, std::size_t listed);

 private:
  std::optional<LoadBalancerId> last_;
};

struct BeatSettings {
  std::vector<Controller> controllers;
  std::string key;
  std::chrono::seconds interval = kBeatIntervalDefault;
  std::string note;  // what was overruled, and why; empty: nothing
  bool may_beat() const { return !controllers.empty() && !key.empty(); }
  friend bool operator==(const BeatSettings&, const BeatSettings&) = default;
};

// What distributord.toml says about heartbeats; it counts before amphora-agent.conf.
struct OwnBeatSettings {
  std::vector<Controller> controllers;
  std::optional<std::string> key;
  std::optional<std::chrono::seconds> interval;
  std::uint16_t receiver_port = 5556;
};

// Octavia's own health manager deletes the VM of an id that it does not know: an address on its port is beaten at receiver_port.
BeatSettings beat_settings(const OwnBeatSettings& own, const AgentConfig* agent);

}  // namespace distributor::api
