#include "tests/simulation/world.hpp"

#include <algorithm>
#include <utility>

#include "ha/keepalived/vrrp.hpp"
#include "node/daemon/overloaded.hpp"

namespace distributor::simulation {

World::World(std::uint64_t seed, Plan wanted, bool keep_text)
    : plan(std::move(wanted)),
      timeline(keep_text),
      random(seed),
      vrrp(timeline, random.fork(),
           {[this](std::size_t host, keepalived::VrrpEvent line) { fifo_line(host, line); },
            [this](std::size_t host, bool alive) { keepalived_alive(host, alive); },
            [this](std::size_t host, std::function<void()> action) { when_running(host, Part::keepalived, std::move(action)); }}) {
  hosts[0].id = NodeId::parse("node-a").value();
  hosts[1].id = NodeId::parse("node-b").value();
  timeline.at(milliseconds(0), [this] { link_pulse(); });
}

// ---- processes and their time

void World::post(std::size_t host, Part part, Duration delay, std::function<void()> action) {
  timeline.at(timeline.now() + delay, [this, host, part, life = hosts[host].life[static_cast<std::size_t>(part)], action = std::move(action)]() mutable {
    when_running(host, part, [this, host, part, life, action = std::move(action)] { fire(host, part, life, action); });
  });
}

void World::fire(std::size_t host, Part part, std::uint64_t life, std::function<void()> action) {
  const auto& self = hosts[host];
  const bool gone = (part == Part::daemon && !self.daemon) || (part == Part::gatekeeper && !self.gatekeeper);
  if (self.life[static_cast<std::size_t>(part)] != life || gone) return;
  action();
}

// Now; or, while the process stands still, once it runs again, in the order in which it was to happen.
void World::when_running(std::size_t host, Part part, std::function<void()> action) {
  if (!frozen(host, part) && hosts[host].deferred[static_cast<std::size_t>(part)].empty()) return action();
  hosts[host].deferred[static_cast<std::size_t>(part)].push_back(std::move(action));
}

void World::run_deferred(std::size_t host, Part part) {
  auto& waiting = hosts[host].deferred[static_cast<std::size_t>(part)];
  while (!frozen(host, part) && !waiting.empty()) {
    const auto action = std::move(waiting.front());
    waiting.pop_front();
    action();
  }
}

void World::arm(std::size_t host, std::size_t timer, Part part, TimePoint local_deadline, std::function<void()> tick) {
  if (local_deadline == TimePoint::max()) return;
  const auto when = std::max(local_deadline - hosts[host].clock_offset, timeline.now() + microseconds(50));
  auto& armed = hosts[host].armed[timer];
  if (armed > timeline.now() && armed <= when) return;
  armed = when;
  post(host, part, when - timeline.now(), [this, host, timer, when, tick = std::move(tick)] {
    if (hosts[host].armed[timer] == when) hosts[host].armed[timer] = TimePoint{0};
    tick();
  });
}

void World::freeze(std::size_t host, Part part, Duration time) {
  auto& until = hosts[host].frozen_until[static_cast<std::size_t>(part)];
  until = std::max(until, timeline.now() + time);
  timeline.at(until, [this, host, part] { run_deferred(host, part); });
}

void World::thaw(std::size_t host) {
  hosts[host].frozen_until = {};
  for (const auto part : {Part::daemon, Part::gatekeeper, Part::keepalived}) {
    after(Duration(0), [this, host, part] { run_deferred(host, part); });
  }
}

void World::start_host(std::size_t host) {
  if (!hosts[host].ovs.up) start_ovs(host);  // up: the end of the faults was before the end of this crash
  start_gatekeeper(host);
  vrrp.start(host);
  start_daemon(host);
}

void World::start_daemon(std::size_t host) {
  auto& self = hosts[host];
  if (self.daemon || self.disk.rotten) return;  // a store that does not open: the daemon ends at once
  self.boot_id = random.next() | 1U;
  self.disk.free = timeline.now();
  auto config = plan.core;
  config.node_id = self.id;
  config.peer_id = hosts[1 - host].id;
  config.boot_id = self.boot_id;
  role::Config role_config;
  if (self.readiness_present) role_config.readiness_found = self.readiness;
  role_config.start_grace = config.solo_after + seconds(2);
  self.daemon = std::make_unique<Daemon>();
  auto& daemon = *self.daemon;
  daemon.started = local_now(host);
  daemon.core = std::make_unique<replica::Replica>(config, self.disk.platter, daemon.started);
  daemon.role = std::make_unique<role::RoleMachine>(role_config, daemon.started);
  self.armed = {TimePoint{0}, TimePoint{0}, self.armed[2]};
  timeline.trace(name(host), "start", self.boot_id, self.disk.platter.log.size(), [&] {
    return "daemon, log " + std::to_string(self.disk.platter.meta.base.seq.value) + "+" + std::to_string(self.disk.platter.log.size()) + " term " +
           std::to_string(self.disk.platter.meta.term.value);
  });
  if (observer != nullptr) observer->booted(host);
  post_core(host, replica::Tick{});
  post_role(host, role::Tick{});
  if (vrrp.running(host)) post_role(host, role::KeepalivedAlive{});
  else post_role(host, role::KeepalivedDead{});
  fifo_read(host);
  ovs_pulse(host);
  daemon_pulse(host);
  beat(host);
}

void World::kill_daemon(std::size_t host) {
  auto& self = hosts[host];
  if (!self.daemon) return;
  timeline.trace(name(host), "killed", 0, 0, [] { return std::string("daemon"); });
  self.daemon.reset();
  ++self.life[static_cast<std::size_t>(Part::daemon)];
  ++self.disk.life;
}

void World::crash_host(std::size_t host) {
  kill_daemon(host);
  kill_gatekeeper(host);
  vrrp.kill(host, true);
  stop_ovs(host);
  hosts[host].fifo.clear();
  hosts[host].readiness_present = false;  // a file under /run
  vrrp.set_readiness(host, 0);
  hosts[host].readiness = 0;
  ++hosts[host].life[static_cast<std::size_t>(Part::keepalived)];
  thaw(host);
}

// ---- the replication core

void World::post_core(std::size_t host, replica::Event event) {
  auto* daemon = hosts[host].daemon.get();
  if (daemon == nullptr) return;
  daemon->core_queue.push_back(std::move(event));
  if (!daemon->draining_core) drain_core(host);
}

void World::drain_core(std::size_t host) {
  auto& daemon = *hosts[host].daemon;
  daemon.draining_core = true;
  while (!daemon.core_queue.empty()) {
    const auto event = std::move(daemon.core_queue.front());
    daemon.core_queue.pop_front();
    auto effects = daemon.core->step(event, local_now(host));
    for (auto& effect : effects) perform(host, effect);
    if (observer != nullptr) observer->stepped(host);
  }
  daemon.draining_core = false;
  arm(host, 0, Part::daemon, daemon.core->next_deadline(), [this, host] { post_core(host, replica::Tick{}); });
  refresh_soon(host);
}

void World::perform(std::size_t host, replica::Effect& effect) {
  std::visit(node::Overloaded{
                 [&](replica::SendMessage& one) { send(host, one.message); },
                 [&](replica::Persist& one) { persist(host, one); },
                 [&](replica::Reply& one) {
                   timeline.trace(name(host), "reply", one.handle, one.result.index(), [&] {
                     const auto* ok = std::get_if<replica::ChangeAccepted>(&one.result);
                     if (ok == nullptr) return "#" + std::to_string(one.handle) + " refused: " + std::get<replica::ChangeRefused>(one.result).message;
                     return "#" + std::to_string(one.handle) + (ok->durability == replica::Durability::pair ? " pair" : " local") + " change " +
                            std::to_string(ok->seq.value) + (ok->changed ? "" : " (stood already)");
                   });
                   if (observer != nullptr) observer->replied(host, one);
                 },
                 [&](replica::Program& one) { program(host, one); },
                 [&](replica::ResetLink&) { reset_link(); },
                 [&](replica::LogLine& one) {
                   timeline.trace(name(host), "log", one.text.size(), static_cast<std::uint64_t>(one.severity), [&] { return one.text; });
                 },
             },
             effect);
}

// The real shell waits for the disk; here it is a simulated moment, so that a crash can fall into it.
void World::persist(std::size_t host, replica::Persist& effect) {
  auto& self = hosts[host];
  if (observer != nullptr) observer->asked_to_persist(host, effect.batch);
  const auto work = microseconds(200 + random.below(static_cast<std::uint64_t>(plan.disk_write_max.count() / 1000)));
  self.disk.free = std::max(self.disk.free, timeline.now()) + work;
  const auto done = self.disk.free;
  const auto shared = std::make_shared<replica::Persist>(std::move(effect));
  // Somewhere in the second half of the write it is on the platter; the answer is seen at its end.
  const auto platter = done - Duration(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(work.count() / 2))));
  timeline.at(platter, [this, host, shared, life = self.disk.life] {
    auto& disk = hosts[host].disk;
    if (disk.life != life) return;
    auto& broken = hosts[host].daemon->store_broken;
    if (broken) return;
    broken = disk.full || disk.sync_fails;
    if (disk.full) return;
    if (disk.sync_fails) {
      if (random.below(2) == 0) return;  // it may be on the platter all the same
    }
    disk.apply(shared->batch);
    if (observer != nullptr) observer->on_platter(host, shared->batch);
  });
  post(host, Part::daemon, done - timeline.now(), [this, host, shared] { finish_persist(host, *shared); });
}

void World::finish_persist(std::size_t host, const replica::Persist& effect) {
  auto& disk = hosts[host].disk;
  auto& broken = hosts[host].daemon->store_broken;
  broken = broken || disk.full || disk.sync_fails;
  const bool failed = broken;
  timeline.trace(name(host), failed ? "disk-failed" : "on-disk", effect.token, effect.batch.append.size(), [&] {
    return std::to_string(effect.batch.append.size()) + " entries" + (effect.batch.meta ? ", term " + std::to_string(effect.batch.meta->term.value) : std::string()) +
           (effect.batch.truncate_after ? ", cut after " + std::to_string(effect.batch.truncate_after->value) : std::string()) +
           (effect.batch.install_base ? ", snapshot" : "");
  });
  if (failed) return post_core(host, replica::PersistFailed{effect.token, disk.full ? "disk full" : "fsync: input/output error"});
  post_core(host, replica::PersistDone{effect.token});
}

void World::submit(std::size_t host, replica::RequestHandle handle, const Command& command, const std::string& request_id) {
  post_core(host, replica::Submit{handle, command, request_id});
}

// ---- the role machine and what goes between the two

void World::post_role(std::size_t host, role::Event event) {
  auto* daemon = hosts[host].daemon.get();
  if (daemon == nullptr) return;
  daemon->role_queue.push_back(std::move(event));
  if (!daemon->draining_role) drain_role(host);
}

void World::drain_role(std::size_t host) {
  auto& daemon = *hosts[host].daemon;
  daemon.draining_role = true;
  while (!daemon.role_queue.empty()) {
    const auto event = std::move(daemon.role_queue.front());
    daemon.role_queue.pop_front();
    for (const auto& effect : daemon.role->step(event, local_now(host))) perform(host, effect);
  }
  daemon.draining_role = false;
  arm(host, 1, Part::daemon, daemon.role->next_deadline(), [this, host] { post_role(host, role::Tick{}); });
}

void World::perform(std::size_t host, const role::Effect& effect) {
  auto& daemon = *hosts[host].daemon;
  std::visit(node::Overloaded{
                 [&](const role::SetReadiness& one) {
                   if (!write_readiness(host, one.value)) daemon.role_queue.emplace_back(role::ReadinessWriteFailed{});
                 },
                 [&](const role::OpenGate&) { set_gate(host, true); },
                 [&](const role::CloseGate&) { set_gate(host, false); },
                 [](const role::Announce&) {},
                 [&](const role::OwnershipChanged& one) {
                   post_core(host, replica::OwnershipChanged{node::to_replica(one.ownership), one.fresh_edge});
                   refresh_soon(host);
                 },
                 [&](const role::DeleteManagementAddress&) {
                   if (!vrrp.running(host)) vrrp.delete_address(host);
                 },
                 [&](const role::QueryKeepalived&) { query_keepalived(host, true); },
                 [&](const role::LogLine& one) {
                   timeline.trace(name(host), "role", one.text.size(), static_cast<std::uint64_t>(one.severity), [&] { return one.text; });
                 },
             },
             effect);
}

void World::refresh_soon(std::size_t host) {
  auto* daemon = hosts[host].daemon.get();
  if (daemon == nullptr || daemon->refresh_pending) return;
  daemon->refresh_pending = true;
  post(host, Part::daemon, Duration(0), [this, host] {
    hosts[host].daemon->refresh_pending = false;
    refresh(host);
  });
}

// As Daemon::refresh of node/daemon.
void World::refresh(std::size_t host) {
  auto& daemon = *hosts[host].daemon;
  const auto up_for = std::chrono::duration_cast<milliseconds>(local_now(host) - daemon.started);
  const auto now = daemon.core->status();
  const auto forwarding = health(host);
  const auto health_now = node::health_facts(now, forwarding);
  if (daemon.told_health != health_now) {
    daemon.told_health = health_now;
    post_role(host, role::HealthChanged{health_now});
  }
  const auto sync_now = node::sync_facts(now, false, daemon.core->applied().size(), up_for, std::chrono::duration_cast<milliseconds>(plan.core.solo_after));
  if (daemon.told_sync != sync_now) {
    daemon.told_sync = sync_now;
    post_role(host, role::SyncChanged{sync_now});
  }
  const auto facts = node::node_facts(daemon.role->status(), forwarding, "murmur3");
  if (daemon.told_peer == facts) return;
  daemon.told_peer = facts;
  post_core(host, replica::LocalFactsChanged{facts});
}

void World::daemon_pulse(std::size_t host) {
  refresh(host);
  post(host, Part::daemon, milliseconds(500), [this, host] { daemon_pulse(host); });
}

// ---- views

std::string World::why_unsettled() const {
  for (std::size_t i = 0; i < 2; ++i) {
    if (!up(i)) return std::string(name(i)) + ": no daemon";
  }
  const auto a = status(0);
  const auto b = status(1);
  if (a.leads == b.leads) return a.leads ? "both lead" : "nobody leads: a: " + a.why_not + "; b: " + b.why_not;
  const std::size_t leader = a.leads ? 0 : 1;
  const auto& leading = a.leads ? a : b;
  const auto& following = a.leads ? b : a;
  if (leading.phase != replica::Phase::leading) return "the leader has no peer in sync";
  if (following.phase != replica::Phase::following) return "the follower is not in sync";
  if (a.last != b.last || a.committed != a.last || b.committed != b.last) return "logs are not equal or not committed";
  if (a.state_digest != b.state_digest) return "states differ";
  if (a.programmed != a.committed || b.programmed != b.committed) return "not programmed";
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& host = hosts[i];
    const bool owner = i == leader;
    const auto role = host.daemon->role->status();
    if (vrrp.state(i) != (owner ? keepalived::VrrpState::master : keepalived::VrrpState::backup)) return std::string(name(i)) + ": keepalived is not as the leader wants it";
    if (role.owner != owner || host.ovs.gate != owner) return std::string(name(i)) + ": gate";
    if (vrrp.holds_address(i) != owner) return std::string(name(i)) + ": management address";
    if (host.readiness != keepalived::kReadinessReady) return std::string(name(i)) + ": not ready: " + role.readiness_reason + (status(i).entitled ? "" : "; the core: " + status(i).why_not);
  }
  return {};
}

bool World::settled() const { return why_unsettled().empty(); }

}  // namespace distributor::simulation
