// Sends heartbeats: a timer, two UDP sockets, the counters of the load balancers in this heartbeat's turn. What is said is decided in
// api/heartbeat/. A send that fails is counted and forgotten, as the next one is due anyway. One thread (the event loop).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/heartbeat/heartbeat.hpp"

namespace distributor::node {

class Heartbeats {
 public:
  using PacketsAndBytes = std::optional<std::pair<std::uint64_t, std::uint64_t>>;
  struct Hooks {
    std::function<bool()> keepalived_runs;  // or none is configured
    std::function<api::BeatNode()> node;    // all but seq and the totals
    std::function<const Registry&()> registry;
    std::function<void(const LoadBalancer&, std::function<void(PacketsAndBytes)>)> counters;  // may never call back
  };
  struct Stats {
    std::uint64_t sent = 0;
    std::uint64_t failed = 0;      // the kernel refused
    std::uint64_t suppressed = 0;  // keepalived does not run: as an amphora, this node must look dead
  };

  Heartbeats(boost::asio::io_context& loop, Hooks hooks);
  ~Heartbeats();
  Heartbeats(const Heartbeats&) = delete;
  Heartbeats& operator=(const Heartbeats&) = delete;

  // From now on; the next one is sent at once. Before start(): kept for it.
  void configure(api::BeatSettings settings);
  void start();

  const Stats& stats() const { return stats_; }
  const api::BeatSettings& settings() const { return settings_; }

 private:
  struct Turn;
  void arm(std::chrono::milliseconds time);
  void beat();
  void send(Turn& turn);
  void send_to(const api::Controller& controller, const std::string& datagram);

  static constexpr auto kCountersTime = std::chrono::seconds(1);  // for Open vSwitch to answer; then without what is missing

  boost::asio::io_context& loop_;
  Hooks hooks_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer patience_;
  std::optional<boost::asio::ip::udp::socket> v4_;
  std::optional<boost::asio::ip::udp::socket> v6_;
  api::BeatSettings settings_;
  api::BeatWindow window_;
  std::shared_ptr<Turn> turn_;
  std::size_t next_controller_ = 0;
  std::uint64_t seq_ = 0;
  Stats stats_;
  bool started_ = false;
  bool told_suppressed_ = false;
  bool told_failed_ = false;
};

}  // namespace distributor::node
