// What one seed does to the pair: sizes, rates and kinds of faults.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sync/replica/replica.hpp"
#include "tests/simulation/prng.hpp"
#include "tests/simulation/timeline.hpp"

namespace distributor::simulation {

enum class Fault : std::uint8_t {
  daemon_crash,      // SIGKILL; back after a while
  host_crash,        // power: daemon, keepalived, gatekeeper, Open vSwitch; unsynced writes are gone
  daemon_hang,       // SIGSTOP for 0.1-30 s
  host_pause,        // the whole VM for 0.1-30 s
  clock_jump,        // 0.1-30 s forward
  cut_sync,          // the sync link, both ways
  cut_sync_one_way,
  cut_vrrp,          // adverts, one way or both: two masters
  cut_all,           // a partition of the management network
  flap,              // the sync link goes and comes, several times
  link_reset,        // a send would have blocked: the link begins anew
  keepalived_kill,
  keepalived_flap,   // master-backup-master within 10 ms
  keepalived_none,   // FAULT on one node, or on both: nobody owns
  ovs_restart,       // comes back empty
  ovs_dead,          // for a while
  ovs_slow,
  ovs_refusing,
  fsync_error,
  disk_full,
  bit_rot,           // the store refuses to open: an operator wipes it
  wipe,
  old_disk,          // an earlier state of the disk comes back
  gatekeeper_kill,
  acknowledge,       // an operator acknowledges what was dropped
  resync,            // an operator lets the follower take the whole state
  switchover,        // an operator hands over: changes are held, the peer has everything, keepalived is told to leave
  count,
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::count);

inline constexpr std::array<std::string_view, kFaults> kFaultNames = {
    "daemon-crash", "host-crash",      "daemon-hang",     "host-pause",      "clock-jump",  "cut-sync",  "cut-sync-one-way", "cut-vrrp",  "cut-all",
    "flap",         "link-reset",      "keepalived-kill", "keepalived-flap", "keepalived-none", "ovs-restart", "ovs-dead", "ovs-slow",  "ovs-refusing",
    "fsync-error",  "disk-full",       "bit-rot",         "wipe",            "old-disk",    "gatekeeper-kill", "acknowledge", "resync", "switchover"};

struct Plan {
  // rates per million
  std::uint32_t loss = 0;           // of a sync message
  std::uint32_t duplicate = 0;      // delivered again, up to 30 s later
  std::uint32_t reorder = 0;        // overtaken by later ones
  std::uint32_t spike = 0;          // 5-400 ms late
  std::uint32_t fifo_lost = 0;      // of a line of keepalived
  std::uint32_t fifo_doubled = 0;
  std::uint32_t fifo_late = 0;      // out of order
  std::uint32_t reply_lost = 0;     // the client sees no answer
  std::uint32_t request_doubled = 0;
  std::uint32_t readiness_fails = 0;
  std::uint32_t contact_breaks = 0;  // a fault within 20 ms of a connection: while histories are compared, or a snapshot is on its way
  // how long, how often
  Duration fault_phase{0};
  Duration fault_every{0};          // mean
  std::array<std::uint32_t, kFaults> weight{};
  std::uint32_t clients = 2;
  std::uint32_t load_balancers = 2;
  Duration client_pause{0};         // mean, between two calls of a client
  Duration disk_write_max{0};
  bool silent_corruption = false;   // once healed, one node comes back with a state that differs: the digests must tell
  replica::Config core;             // limits and times, without ids

  // Everything drawn.
  static Plan of_seed(std::uint64_t seed);
  // Two healthy nodes and no fault: for named scenarios.
  static Plan calm();
};

}  // namespace distributor::simulation
