// Wires the registry to Open vSwitch: OVSDB and ports on one side, rules and the programmer on the other. What is rendered and what
// differs is decided in openflow/; this class only keeps who waits for what. One thread (the event loop).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/http/time_histogram.hpp"
#include "ha/announce/planner.hpp"
#include "node/config/config.hpp"
#include "node/daemon/forwarding_health.hpp"
#include "node/daemon/neighbours.hpp"
#include "openflow/fingerprint/fingerprint.hpp"
#include "openflow/ovsdb/client.hpp"
#include "openflow/pipeline/pipeline.hpp"
#include "openflow/ports/port_manager.hpp"
#include "openflow/programmer/programmer.hpp"
#include "sync/registry/registry.hpp"

namespace distributor::node {

class Forwarding {
 public:
  struct Hooks {
    std::function<const Registry&()> registry;      // the applied state
    std::function<void(Seq seq)> programmed;        // OVS has everything up to seq
    std::function<void(bool open, bool confirmed)> gate_settled;  // Open vSwitch has the gate so, or did not confirm it in time
    std::function<void()> changed;                  // health, links or counters of them changed
  };
  using Health = ForwardingHealth;
  using Counters = std::vector<std::pair<Position, wire::Counters>>;
  using CountersDone = std::function<void(tl::expected<Counters, std::string>)>;
  using BucketMap = std::map<std::pair<std::uint32_t, std::uint32_t>, wire::Counters>;  // group id, bucket id

  Forwarding(boost::asio::io_context& loop, const Config& config, Hooks hooks);

  void start();
  // Brings OVS to the registry; `programmed(seq)` follows when the barrier was seen. The first call allows programming at all:
  // a node that does not know its registry must not sweep the rules of one that did.
  void program(Seq seq, const std::vector<LoadBalancerId>& touched, bool everything);
  void set_gate(bool open);
  void reconcile();     // reads Open vSwitch back and repairs what differs
  std::size_t announce_all();    // every VIP that has a port, at once (D5); how many
  void refresh_announcements();  // the same, 100 a second in the minute after announce_all(), then 25

  bool interface_present(const MacAddress& mac) const { return ports_.interface_present(mac); }
  ports::BindingState state_of(const LoadBalancerId& lb) const { return ports_.state_of(lb); }
  void counters(const LoadBalancer& lb, CountersDone done);
  void all_counters(std::function<void(tl::expected<BucketMap, std::string>)> done);  // of every bucket, in one question
  // Which hash this node's Open vSwitch chooses with; absent: not known (yet).
  const std::optional<fingerprint::Fingerprint>& hash() const { return hash_; }
  std::string ovs_version() const { return ovsdb_.open_vswitch().ovs_version; }
  Health health() const;
  const programmer::Statistics& programmer_statistics() const { return programmer_.statistics(); }
  const api::TimeHistogram& programming_times() const { return programming_times_; }  // of every change of the bridge, barrier included
  std::uint64_t announcements_sent() const { return announcements_sent_; }
  std::uint64_t solicitations_answered() const { return neighbours_.solicitations_answered(); }

 private:
  struct Waiting {
    Seq seq;
    std::set<LoadBalancerId> unsettled;  // their port is on its way
    std::chrono::steady_clock::time_point give_up;
  };
  programmer::Events programmer_events();
  Neighbours::Hooks neighbour_hooks();
  void on_capabilities(const programmer::Capabilities& capabilities);
  void take_fingerprint();
  std::optional<Neighbours::Place> place_of(const LoadBalancer* lb) const;
  void maintain_bridge();
  void on_binding(const LoadBalancerId& lb, const std::optional<pipeline::PortBinding>& binding, const std::string& reason);
  void bring(const LoadBalancer& lb);  // ports and rules
  void end(const LoadBalancerId& lb);
  void take_rules_away(const LoadBalancerId& lb);
  void render_set_aside();
  void report_desired();
  void render(const LoadBalancer& lb);
  void start_programming_if_known();
  bool is_settled(const LoadBalancerId& lb) const;
  void advance();
  void commit(Seq seq);
  void report_programmed(Seq seq);
  void plan_announcements(const LoadBalancer& lb);
  void add_targets(const LoadBalancer& lb, std::vector<announce::Target>& targets) const;
  void refresh_turn();
  void stop_announcing();
  void run_planner();
  bool send(const std::vector<announce::Target>& targets);  // false: there is no connection

  boost::asio::io_context& loop_;
  const Config& config_;
  Hooks hooks_;
  ovsdb::Client ovsdb_;
  ports::PortManager ports_;
  programmer::Programmer programmer_;
  Neighbours neighbours_;
  std::optional<fingerprint::Fingerprint> hash_;
  bool taking_fingerprint_ = false;
  pipeline::Options pipeline_options_;  // what the datapath can do
  announce::Planner planner_;
  boost::asio::steady_timer announce_timer_;
  boost::asio::steady_timer refresh_timer_;
  std::optional<LoadBalancerId> refreshed_;  // up to here, in this round
  bool refreshing_ = false;
  std::chrono::steady_clock::time_point announced_all_;
  boost::asio::steady_timer give_up_timer_;
  boost::asio::steady_timer bridge_timer_;
  std::deque<Waiting> waiting_;
  std::map<LoadBalancerId, std::string> set_aside_;   // rules that another one has the names of, and why
  std::map<LoadBalancerId, std::uint32_t> ordinals_;  // of what has desired rules, to take them away after UNPLUG
  Seq desired_;     // everything up to it is in the programmer's desired state
  Seq programmed_;  // everything up to it was confirmed by OVS
  std::uint64_t epoch_ = 0;  // counts states that replaced the one before: what was confirmed of it counts no more
  bool bridge_ensured_ = false;
  bool bridge_pending_ = false;
  bool binding_commit_posted_ = false;
  bool registry_known_ = false;
  bool gate_known_ = false;
  bool programming_ = false;
  bool synchronised_ = false;
  bool ovsdb_connected_ = false;
  bool owner_ = false;
  std::uint64_t announcements_sent_ = 0;
  api::TimeHistogram programming_times_;
};

}  // namespace distributor::node
