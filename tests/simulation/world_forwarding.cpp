// Open vSwitch as node/daemon/forwarding uses it: the desired state follows the core's `touched` lists, one commit at a time, a
// barrier at its end; a switch that restarted empty gets everything.
#include <algorithm>

#include "tests/simulation/world.hpp"

namespace distributor::simulation {

void World::program(std::size_t host, const replica::Program& wanted) {
  auto& daemon = *hosts[host].daemon;
  const auto& registry = daemon.core->applied();
  if (wanted.everything) {
    daemon.desired = registry.all();
    daemon.programmed_seq = Seq{0};
    ++daemon.epoch;
  } else {
    for (const auto& id : wanted.touched) {
      if (auto lb = registry.find(id)) {
        daemon.desired.insert_or_assign(id, std::move(lb));
      } else {
        daemon.desired.erase(id);
      }
    }
  }
  daemon.known = true;
  daemon.desired_seq = wanted.seq;
  timeline.trace(name(host), "program", wanted.seq.value, wanted.touched.size(), [&] {
    return std::string(wanted.everything ? "everything" : std::to_string(wanted.touched.size()) + " load balancers") + " at change " + std::to_string(wanted.seq.value);
  });
  commit(host);
}

void World::commit(std::size_t host) {
  auto& self = hosts[host];
  auto& daemon = *self.daemon;
  if (!daemon.known || daemon.committing || !self.ovs.up) return;
  daemon.committing = true;
  const auto time = microseconds(300 + random.below(1500)) + self.ovs.slowness;
  post(host, Part::daemon, time, [this, host, seq = daemon.desired_seq, told = daemon.desired, epoch = daemon.epoch, life = self.ovs.life] {
    commit_done(host, seq, told, epoch, life);
  });
}

void World::commit_done(std::size_t host, Seq seq, const Registry::Map& told, std::uint64_t epoch, std::uint64_t ovs_life) {
  auto& self = hosts[host];
  auto& daemon = *self.daemon;
  daemon.committing = false;
  if (!self.ovs.up || self.ovs.life != ovs_life) return;  // the pulse begins again
  if (self.ovs.refusing) {
    daemon.synchronised = false;
    refresh_soon(host);
    return;
  }
  self.ovs.table = told;
  if (daemon.gate) self.ovs.gate = *daemon.gate;
  if (!daemon.synchronised) {
    daemon.synchronised = true;
    refresh_soon(host);
  }
  if (seq != daemon.desired_seq || epoch != daemon.epoch) return commit(host);
  daemon.programmed_seq = seq;
  if (observer != nullptr) observer->barrier(host, told, seq);
  post_core(host, replica::Programmed{seq});
}

// Connects again, and notices what is not as it should be.
void World::ovs_pulse(std::size_t host) {
  auto& self = hosts[host];
  auto& daemon = *self.daemon;
  if (!self.ovs.up && daemon.synchronised) {
    daemon.synchronised = false;
    refresh_soon(host);
  }
  const bool gate_differs = daemon.gate && self.ovs.gate != daemon.gate;
  if (self.ovs.up && daemon.known && (!daemon.synchronised || daemon.programmed_seq < daemon.desired_seq || gate_differs)) commit(host);
  post(host, Part::daemon, milliseconds(100), [this, host] { ovs_pulse(host); });
}

void World::set_gate(std::size_t host, bool open) {
  auto& self = hosts[host];
  self.daemon->gate = open;
  if (self.ovs.up && !self.ovs.refusing) self.ovs.gate = open;
  timeline.trace(name(host), "gate", open ? 1 : 0, 0, [&] { return std::string(open ? "open" : "closed"); });
  refresh_soon(host);
}

void World::stop_ovs(std::size_t host) {
  auto& ovs = hosts[host].ovs;
  ovs.up = false;
  ++ovs.life;
  ovs.table.clear();
  ovs.gate.reset();
  if (hosts[host].daemon) refresh_soon(host);
}

void World::start_ovs(std::size_t host) {
  auto& ovs = hosts[host].ovs;
  if (ovs.up) stop_ovs(host);
  ovs.up = true;
  timeline.trace(name(host), "ovs", 1, 0, [] { return std::string("started, empty"); });
  if (!hosts[host].daemon) return;
  hosts[host].daemon->synchronised = false;
  refresh_soon(host);
}

node::ForwardingHealth World::health(std::size_t host) const {
  const auto& daemon = *hosts[host].daemon;
  node::ForwardingHealth health;
  health.synchronised = daemon.synchronised && hosts[host].ovs.up;
  health.programmed = health.synchronised && daemon.programmed_seq >= daemon.desired_seq;
  health.links_up = static_cast<std::uint32_t>(daemon.desired.size());
  health.links_wanted = health.links_up;
  return health;
}

}  // namespace distributor::simulation
