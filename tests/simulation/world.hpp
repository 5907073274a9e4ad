// Two hosts in one process and one thread, everything between them simulated, everything in them real: replica::Replica, Registry,
// role::RoleMachine, gatekeeper::Core, the message codec, and the translations of node/daemon/facts.
//   world.cpp          time, processes, effects of the two cores
//   world_link.cpp     the sync link and its faults
//   world_forwarding.cpp  Open vSwitch as node/daemon/forwarding uses it
//   world_ha.cpp       FIFO, readiness file, gatekeeper
#pragma once

#include <array>
#include <functional>
#include <string>

#include "tests/simulation/host.hpp"
#include "tests/simulation/plan.hpp"
#include "tests/simulation/prng.hpp"
#include "tests/simulation/timeline.hpp"
#include "tests/simulation/vrrp.hpp"

namespace distributor::simulation {

// Who looks on: the judge and the clients.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void booted(std::size_t host) = 0;                                                // the core was made from the platter
  virtual void asked_to_persist(std::size_t host, const replica::PersistBatch& batch) = 0;  // in the order of effects
  virtual void on_platter(std::size_t host, const replica::PersistBatch& batch) = 0;
  virtual void replied(std::size_t host, const replica::Reply& reply) = 0;
  virtual void stepped(std::size_t host) = 0;                        // after every step of a core
  virtual void barrier(std::size_t host, const Registry::Map& told, Seq seq) = 0;
  virtual void incomplete_program(std::size_t host, const std::string& what) = 0;
  virtual void unreadable(std::size_t host, const std::string& what) = 0;
};

class World {
 public:
  World(std::uint64_t seed, Plan plan, bool keep_text);

  // ---- processes
  void start_host(std::size_t host);  // everything on it
  void start_daemon(std::size_t host);
  void kill_daemon(std::size_t host);
  void start_gatekeeper(std::size_t host);
  void kill_gatekeeper(std::size_t host);
  void crash_host(std::size_t host);
  void freeze(std::size_t host, Part part, Duration time);
  void thaw(std::size_t host);
  // ---- network
  void cut_sync(std::size_t from, bool cut);
  void reset_link();
  // ---- Open vSwitch
  void stop_ovs(std::size_t host);
  void start_ovs(std::size_t host);  // empty
  // ---- clients
  void submit(std::size_t host, replica::RequestHandle handle, const Command& command, const std::string& request_id);
  void post_core(std::size_t host, replica::Event event);
  void post_role(std::size_t host, role::Event event);

  // ---- views
  bool up(std::size_t host) const { return hosts[host].daemon != nullptr; }
  replica::Status status(std::size_t host) const { return hosts[host].daemon->core->status(); }
  TimePoint local_now(std::size_t host) const { return timeline.now() + hosts[host].clock_offset; }
  bool settled() const;         // both in sync, one owner, equal states, all programmed
  std::string why_unsettled() const;
  static const char* name(std::size_t host) { return host == 0 ? "a" : "b"; }

  void after(Duration delay, std::function<void()> action) { timeline.at(timeline.now() + delay, std::move(action)); }
  // For a process: void if it dies first, later if it stands still.
  void post(std::size_t host, Part part, Duration delay, std::function<void()> action);
  void when_running(std::size_t host, Part part, std::function<void()> action);
  bool frozen(std::size_t host, Part part) const { return hosts[host].frozen_until[static_cast<std::size_t>(part)] > timeline.now(); }

  Plan plan;
  Timeline timeline;
  Prng random;
  std::array<Host, 2> hosts;
  std::array<bool, 2> sync_cut{};  // frames from this host are lost
  VrrpPair vrrp;
  Observer* observer = nullptr;
  std::function<void(std::size_t host)> on_connected;  // of the sync link

 private:
  void fire(std::size_t host, Part part, std::uint64_t life, std::function<void()> action);
  void run_deferred(std::size_t host, Part part);
  void arm(std::size_t host, std::size_t timer, Part part, TimePoint local_deadline, std::function<void()> tick);
  // cores
  void drain_core(std::size_t host);
  void perform(std::size_t host, replica::Effect& effect);
  void persist(std::size_t host, replica::Persist& effect);
  void finish_persist(std::size_t host, const replica::Persist& effect);
  void drain_role(std::size_t host);
  void perform(std::size_t host, const role::Effect& effect);
  void refresh_soon(std::size_t host);
  void refresh(std::size_t host);
  node::ForwardingHealth health(std::size_t host) const;
  void daemon_pulse(std::size_t host);
  // forwarding
  void program(std::size_t host, const replica::Program& program);
  void commit(std::size_t host);
  void commit_done(std::size_t host, Seq seq, const Registry::Map& told, std::uint64_t epoch, std::uint64_t ovs_life);
  void ovs_pulse(std::size_t host);
  void set_gate(std::size_t host, bool open);
  // link
  void send(std::size_t from, const replica::Message& message);
  void deliver(std::size_t to, const std::string& bytes);
  void link_pulse();
  void judge_link(std::size_t host);
  // ha
  void fifo_line(std::size_t host, keepalived::VrrpEvent line);
  void fifo_read(std::size_t host);
  void keepalived_alive(std::size_t host, bool alive);
  void query_keepalived(std::size_t host, bool by_daemon);
  void beat(std::size_t host);
  void step_gatekeeper(std::size_t host, const gatekeeper::Event& event);
  bool write_readiness(std::size_t host, int value);

  std::array<TimePoint, 2> last_delivery_{};
};

}  // namespace distributor::simulation
