// Which MAC address the gateways of hairpin load balancers have (D13). Pure: the caller sends the probes and reports
// what was claimed. Both nodes probe, always, so that a takeover changes no forwarding rule (H4).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "sync/registry/types.hpp"

namespace distributor::neighbour {

using TimePoint = std::chrono::nanoseconds;  // of a monotonic clock

struct GatewaysConfig {
  std::chrono::milliseconds retry{1'000};     // until somebody answers
  std::chrono::milliseconds refresh{10'000};  // afterwards; what is known stays when nobody answers any more
};

class Gateways {
 public:
  explicit Gateways(GatewaysConfig config = {}) : config_(config) {}

  // The gateways of one load balancer; none: forgets it. A new one is due at once.
  void want(const LoadBalancerId& lb, const std::set<IpAddress>& gateways, TimePoint now);

  struct Probe {
    LoadBalancerId lb;
    IpAddress gateway;
  };
  std::vector<Probe> take_due(TimePoint now);
  std::optional<TimePoint> next_deadline() const;

  // True: that is news, and the load balancer is to be rendered again. Of a gateway that nobody wants: false.
  bool heard(const LoadBalancerId& lb, const IpAddress& gateway, const MacAddress& mac, TimePoint now);
  std::map<IpAddress, MacAddress> known(const LoadBalancerId& lb) const;

 private:
  struct Entry {
    std::optional<MacAddress> mac;
    TimePoint next{0};
  };
  GatewaysConfig config_;
  std::map<LoadBalancerId, std::map<IpAddress, Entry>> entries_;
};

}  // namespace distributor::neighbour
