// Frames that a rule sent to the daemon, and probes that the daemon sends: neighbour solicitations where the datapath
// cannot answer them (D3), and the MAC addresses of hairpin gateways (D13). Decides nothing that openflow/neighbour can
// decide. One thread (the event loop).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "openflow/neighbour/gateways.hpp"
#include "openflow/pipeline/pipeline.hpp"
#include "openflow/wire/stats.hpp"
#include "sync/registry/load_balancer.hpp"

namespace distributor::node {

class Neighbours {
 public:
  struct Place {
    std::shared_ptr<const LoadBalancer> lb;
    pipeline::PortBinding binding;
  };
  struct Hooks {
    std::function<std::optional<Place>(std::uint32_t ordinal)> place_of;      // absent: no such load balancer, or no port
    std::function<std::optional<Place>(const LoadBalancerId& lb)> place;
    std::function<void(std::uint32_t port, std::vector<std::string> frames)> send;
    std::function<void(const LoadBalancerId& lb)> gateway_changed;            // render it again
  };

  Neighbours(boost::asio::io_context& loop, Hooks hooks);

  void follow(const LoadBalancer& lb);  // its gateways are wanted, if it is in hairpin mode
  void forget(const LoadBalancerId& lb);
  std::map<IpAddress, MacAddress> gateways_of(const LoadBalancerId& lb) const { return gateways_.known(lb); }

  void on_frame(const wire::PacketIn& packet);
  std::uint64_t solicitations_answered() const { return solicitations_answered_; }

 private:
  void answer(const Place& place, const wire::PacketIn& packet);
  void learn(const Place& place, const wire::PacketIn& packet);
  void run();

  Hooks hooks_;
  neighbour::Gateways gateways_;
  boost::asio::steady_timer timer_;
  std::uint64_t solicitations_answered_ = 0;
};

}  // namespace distributor::node
