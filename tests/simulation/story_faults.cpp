// Faults: what, where, how long.
#include <algorithm>
#include <iterator>

#include "tests/simulation/story.hpp"

namespace distributor::simulation {
namespace {

// 0.1 to 30 s, short ones more often.
Duration pause_time(Prng& random) {
  const std::uint64_t bounds[] = {500, 3'000, 30'000};
  return milliseconds(random.between(100, bounds[random.below(3)]));
}

}  // namespace

void Story::schedule_fault() {
  const auto mean = static_cast<std::uint64_t>(world.plan.fault_every.count());
  world.after(Duration(static_cast<std::int64_t>(random_.below(2 * mean) + 1'000'000)), [this] {
    if (!faults_) return;
    std::uint32_t sum = 0;
    for (const auto weight : world.plan.weight) sum += weight;
    auto pick = static_cast<std::uint32_t>(random_.below(sum));
    std::size_t kind = 0;
    while (pick >= world.plan.weight[kind]) pick -= world.plan.weight[kind++];
    inject(static_cast<Fault>(kind), random_.below(2));
    schedule_fault();
  });
}

void Story::break_contact() {
  if (!faults_ || world.plan.contact_breaks == 0 || !random_.chance(world.plan.contact_breaks)) return;
  static constexpr Fault kKinds[] = {Fault::link_reset,      Fault::link_reset, Fault::flap,        Fault::cut_sync_one_way, Fault::daemon_crash, Fault::host_crash, Fault::daemon_hang,
                                     Fault::keepalived_flap, Fault::resync,     Fault::fsync_error, Fault::wipe,             Fault::old_disk};
  const auto kind = kKinds[random_.below(std::size(kKinds))];
  const auto host = random_.below(2);
  world.after(microseconds(random_.below(20'000)), [this, kind, host] {
    if (faults_) inject(kind, host);
  });
}

void Story::inject(Fault fault, std::size_t host) {
  const auto time = pause_time(random_);
  world.timeline.trace(world.name(host), "FAULT", static_cast<std::uint64_t>(fault), static_cast<std::uint64_t>(time.count()), [&] {
    return std::string(kFaultNames[static_cast<std::size_t>(fault)]) + " " + std::to_string(std::chrono::duration_cast<milliseconds>(time).count()) + " ms";
  });
  switch (fault) {
    case Fault::daemon_crash:
    case Fault::host_crash:
    case Fault::daemon_hang:
    case Fault::host_pause:
    case Fault::clock_jump:
    case Fault::keepalived_kill:
    case Fault::keepalived_flap:
    case Fault::keepalived_none:
    case Fault::gatekeeper_kill:
      return inject_process(fault, host, time);
    case Fault::acknowledge:
      judge.acknowledges(host, true);
      if (const auto* daemon = world.hosts[host].daemon.get(); daemon != nullptr) {
        const auto& dropped = daemon->core->dropped();
        world.post_core(host, replica::AcknowledgeDropped{replica::mark_of(dropped, 1 + random_.below(dropped.size() + 1))});
      }
      return judge.acknowledges(host, false);
    case Fault::resync:
      return world.post_core(host, replica::Resync{});
    case Fault::switchover:
      return hand_over(host, std::min<Duration>(time, seconds(2)));
    case Fault::cut_sync:
    case Fault::cut_sync_one_way:
    case Fault::cut_vrrp:
    case Fault::cut_all:
    case Fault::flap:
    case Fault::link_reset:
      return inject_network(fault, host, time);
    default:
      return inject_switch_or_disk(fault, host, time);
  }
}

void Story::inject_process(Fault fault, std::size_t host, Duration time) {
  auto& self = world.hosts[host];
  const auto restart = [this, host] {
    if (world.hosts[host].wants_daemon) world.start_daemon(host);
  };
  switch (fault) {
    case Fault::daemon_crash:
      world.kill_daemon(host);
      return world.after(std::min<Duration>(time, seconds(10)), restart);
    case Fault::host_crash:
      world.crash_host(host);
      return world.after(time, [this, host] { world.start_host(host); });
    case Fault::daemon_hang:
      return world.freeze(host, Part::daemon, time);
    case Fault::host_pause:
      for (const auto part : {Part::daemon, Part::gatekeeper, Part::keepalived}) world.freeze(host, part, time);
      return;
    case Fault::clock_jump:
      self.clock_offset += time;
      world.post_core(host, replica::Tick{});
      return world.post_role(host, role::Tick{});
    case Fault::keepalived_kill:
      world.vrrp.kill(host, false);
      return world.after(std::min<Duration>(time, seconds(3)), [this, host] { world.vrrp.start(host); });
    case Fault::keepalived_flap:
      return world.vrrp.flap(host);
    case Fault::keepalived_none: {
      const bool both = random_.below(3) == 0;
      for (std::size_t i = 0; i < 2; ++i) {
        if (i != host && !both) continue;
        world.vrrp.set_fault(i, true);
        world.after(time, [this, i] { world.vrrp.set_fault(i, false); });
      }
      return;
    }
    default:
      world.kill_gatekeeper(host);
      return world.after(milliseconds(500), [this, host] { world.start_gatekeeper(host); });
  }
}

// As node/daemon/switchover_shell does it: held until the peer has everything, then refused here, and keepalived is told to leave.
void Story::hand_over(std::size_t host, Duration limit) {
  world.post_core(host, replica::HoldWrites{replica::Writes::held, limit});
  world.after(limit / 4, [this, host, limit] {
    if (!world.up(host) || !world.status(host).drained) return world.post_core(host, replica::HoldWrites{replica::Writes::open, Duration(0)});
    world.post_core(host, replica::HoldWrites{replica::Writes::moved, limit});
    world.vrrp.set_readiness(host, keepalived::kReadinessLeaving);
    world.after(limit, [this, host] { world.vrrp.set_readiness(host, world.hosts[host].readiness); });
  });
}

void Story::inject_network(Fault fault, std::size_t host, Duration time) {
  const auto cut_sync = [this](std::size_t from, Duration begin, Duration length) {
    world.after(begin, [this, from] {
      if (faults_) world.cut_sync(from, true);
    });
    world.after(begin + length, [this, from] { world.cut_sync(from, false); });
  };
  const auto cut_vrrp = [this](std::size_t from, Duration length) {
    world.vrrp.set_cut(from, true);
    world.after(length, [this, from] { world.vrrp.set_cut(from, false); });
  };
  switch (fault) {
    case Fault::cut_sync:
      cut_sync(0, Duration(0), time);
      return cut_sync(1, Duration(0), time);
    case Fault::cut_sync_one_way:
      return cut_sync(host, Duration(0), time);
    case Fault::cut_vrrp:
      cut_vrrp(host, time);
      if (random_.below(2) == 0) cut_vrrp(1 - host, time);
      return;
    case Fault::cut_all:
      for (std::size_t i = 0; i < 2; ++i) {
        cut_sync(i, Duration(0), time);
        cut_vrrp(i, time);
      }
      return;
    case Fault::flap:
      for (std::uint64_t i = 0, count = random_.between(2, 8); i < count; ++i) {
        cut_sync(random_.below(2), milliseconds(i * 300 + random_.below(200)), milliseconds(random_.below(200)));
      }
      return;
    default:
      return world.reset_link();
  }
}

void Story::inject_switch_or_disk(Fault fault, std::size_t host, Duration time) {
  auto& self = world.hosts[host];
  switch (fault) {
    case Fault::ovs_restart:
      return world.start_ovs(host);
    case Fault::ovs_dead:
      world.stop_ovs(host);
      return world.after(time, [this, host] {
        if (!world.hosts[host].ovs.up) world.start_ovs(host);
      });
    case Fault::ovs_slow:
      self.ovs.slowness = milliseconds(random_.between(5, 1500));
      return world.after(time, [this, host] { world.hosts[host].ovs.slowness = Duration(0); });
    case Fault::ovs_refusing:
      self.ovs.refusing = true;
      return world.after(time, [this, host] { world.hosts[host].ovs.refusing = false; });
    case Fault::fsync_error:
      self.disk.sync_fails = true;
      return;
    case Fault::disk_full:
      self.disk.full = true;
      return world.after(time, [this, host] { world.hosts[host].disk.full = false; });
    default:
      break;
  }
  // A disk is lost only while the other one holds all that was promised: any single failure (H3).
  if (!judge.may_lose_disk(host)) return;
  const bool back = fault == Fault::old_disk && self.disk.old_copy;
  if (fault == Fault::old_disk && !back) return;
  world.kill_daemon(host);
  if (fault == Fault::bit_rot) {
    self.disk.rotten = true;
    world.start_daemon(host);  // refused; until an operator wipes it
    judge.disk_lost(host);
    return world.after(time, [this, host] {
      if (!world.hosts[host].disk.rotten) return;
      world.hosts[host].disk.replace({});
      judge.disk_lost(host);
      world.start_daemon(host);
    });
  }
  self.disk.replace(back ? *self.disk.old_copy : replica::DurableState{});
  judge.disk_lost(host);
  world.after(std::min<Duration>(time, seconds(5)), [this, host] {
    if (world.hosts[host].wants_daemon) world.start_daemon(host);
  });
}

}  // namespace distributor::simulation
