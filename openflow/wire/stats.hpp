// What OVS tells about itself: ports, and counters of groups and flows. Values only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "openflow/wire/rule.hpp"

namespace distributor::wire {

struct Port {
  std::uint32_t number = 0;
  MacAddress mac;
  std::string name;          // at most 16 bytes (OpenFlow); longer names of OVS are cut
  std::uint32_t config = 0;  // OFPPC_*
  std::uint32_t state = 0;   // OFPPS_*
  bool admin_down() const { return (config & 1U) != 0; }
  bool link_down() const { return (state & 1U) != 0; }
  friend bool operator==(const Port&, const Port&) = default;
};

enum class PortChange : std::uint8_t { added = 0, removed = 1, modified = 2 };

struct PortStatus {
  PortChange change = PortChange::modified;
  Port port;
  friend bool operator==(const PortStatus&, const PortStatus&) = default;
};

struct Counters {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const Counters&, const Counters&) = default;
};

struct GroupCounters {
  std::uint32_t group_id = 0;
  std::uint32_t references = 0;  // flows and groups that use it
  Counters total;
  std::vector<Counters> buckets;  // in list order; OpenFlow sends no bucket ids here
  friend bool operator==(const GroupCounters&, const GroupCounters&) = default;
};

// A frame that a rule sent to the controller.
struct PacketIn {
  std::uint32_t in_port = 0;
  std::uint8_t table = 0;
  std::uint64_t cookie = 0;
  std::uint16_t total_length = 0;  // of the frame; `frame` may be cut to the action's max_len
  std::string frame;
  friend bool operator==(const PacketIn&, const PacketIn&) = default;
};

struct PacketOut {
  std::uint32_t in_port = kPortController;  // what IN_PORT and in_port matches mean for this frame
  Actions actions;                          // usually {Action::output(port)}
  std::string frame;
  friend bool operator==(const PacketOut&, const PacketOut&) = default;
};

}  // namespace distributor::wire
