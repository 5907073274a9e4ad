// Meters (OpenFlow 1.5.1, 7.3.4.4, 7.3.5.11 to 13): a rate of packets above which a rule drops.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "openflow/wire/error.hpp"

namespace distributor::wire {

struct Meter {
  std::uint32_t id = 0;           // 1..0xffff0000
  std::uint32_t packets_per_s = 0;  // one band, that drops; the burst is Open vSwitch's own choice
  friend auto operator<=>(const Meter&, const Meter&) = default;
};

// Replaces one of the same id if `modify`.
std::string encode_meter_mod(std::uint32_t xid, bool modify, const Meter& meter);
std::string encode_meter_delete(std::uint32_t xid, std::uint32_t meter_id);  // deletes the flows that use it, too

struct MeterDescription {
  Meter meter;
  bool plain = true;  // false: is something that Meter cannot say
  friend bool operator==(const MeterDescription&, const MeterDescription&) = default;
};

std::string encode_meter_desc_request(std::uint32_t xid);
std::string encode_meter_features_request(std::uint32_t xid);
Decoded<std::vector<MeterDescription>> decode_meter_desc(std::string_view body);
Decoded<std::uint32_t> decode_meters_max(std::string_view body);  // 0: the datapath has no meters

}  // namespace distributor::wire
