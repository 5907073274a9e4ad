// One of the two machines: what survives its daemon, and the daemon itself while it runs.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ha/gatekeeper/core.hpp"
#include "ha/role/role.hpp"
#include "node/daemon/facts.hpp"
#include "sync/replica/replica.hpp"
#include "tests/simulation/disk.hpp"
#include "tests/simulation/timeline.hpp"

namespace distributor::simulation {

enum class Part : std::uint8_t { daemon, gatekeeper, keepalived };
inline constexpr std::size_t kParts = 3;

// Open vSwitch of a host, and what the daemon's forwarding asks of it.
struct Switch {
  bool up = true;
  bool refusing = false;
  Duration slowness{0};                  // beyond the usual millisecond
  Registry::Map table;                   // what it was told, last barrier seen
  std::optional<bool> gate;              // ARP/ND gate; absent: it restarted empty
  std::uint64_t life = 0;
};

// The daemon as node/daemon wires it: both cores, forwarding, facts; gone when the process dies.
struct Daemon {
  std::unique_ptr<replica::Replica> core;
  std::unique_ptr<role::RoleMachine> role;
  std::deque<replica::Event> core_queue;
  std::deque<role::Event> role_queue;
  bool draining_core = false;
  bool draining_role = false;
  bool refresh_pending = false;
  TimePoint started{0};  // local clock
  std::optional<role::SyncFacts> told_sync;
  std::optional<role::HealthFacts> told_health;
  std::optional<replica::NodeFacts> told_peer;
  // forwarding
  bool known = false;         // Program was asked for once
  bool synchronised = false;  // connected, and made right since
  bool committing = false;
  std::optional<bool> gate;
  Registry::Map desired;
  Seq desired_seq;
  Seq programmed_seq;
  std::uint64_t epoch = 0;    // counts states that replaced the one before: what was confirmed of it counts no more
  // link
  bool connected = false;
  // gatekeeper client
  std::uint64_t beat_seq = 0;
  std::uint64_t episode_seen = 0;
  bool store_broken = false;  // a transaction failed: this process writes no more
};

struct Host {
  NodeId id;
  Disk disk;
  Switch ovs;
  std::unique_ptr<Daemon> daemon;
  std::unique_ptr<gatekeeper::Core> gatekeeper;
  bool gatekeeper_follows = false;  // reads the FIFO's lines
  std::deque<keepalived::VrrpEvent> fifo;
  int readiness = 0;  // of the file
  bool readiness_present = false;
  Duration clock_offset{0};
  std::array<std::uint64_t, kParts> life{};       // of the processes: what was meant for an earlier one is void
  std::array<TimePoint, kParts> frozen_until{};
  std::array<std::deque<std::function<void()>>, kParts> deferred;  // while a process stands still
  std::array<TimePoint, 3> armed{};               // timers of core, role machine, gatekeeper
  std::uint64_t boot_id = 0;
  std::uint64_t peer_life_connected = 0;          // of the daemon that the link stands with
  std::optional<TimePoint> link_dead_since;
  bool link_coming = false;
  bool wants_daemon = true;                       // its supervisor starts it again
};

}  // namespace distributor::simulation
