// keepalived's FIFO and readiness file, and the gatekeeper.
#include "tests/simulation/world.hpp"

namespace distributor::simulation {

bool World::write_readiness(std::size_t host, int value) {
  const bool fails = random.chance(plan.readiness_fails);
  timeline.trace(name(host), "readiness", static_cast<std::uint64_t>(value), fails ? 1 : 0, [&] { return std::to_string(value) + (fails ? " (not written)" : ""); });
  if (fails) return false;
  hosts[host].readiness = value;
  hosts[host].readiness_present = true;
  vrrp.set_readiness(host, value);
  refresh_soon(host);
  return true;
}

// ---- lines of keepalived: to the daemon, to the gatekeeper in charge, or kept until somebody reads

void World::fifo_line(std::size_t host, keepalived::VrrpEvent line) {
  if (random.chance(plan.fifo_lost)) {
    if (random.below(2) == 0) post(host, Part::daemon, Duration(0), [this, host] { post_role(host, role::KeepalivedLineLost{}); });
    return;
  }
  const auto arrive = [this, host, line] {
    hosts[host].fifo.push_back(line);
    if (hosts[host].fifo.size() > 64) hosts[host].fifo.pop_front();
    fifo_read(host);
  };
  const int times = random.chance(plan.fifo_doubled) ? 2 : 1;
  for (int i = 0; i < times; ++i) {
    auto delay = microseconds(200);
    if (random.chance(plan.fifo_late)) delay = milliseconds(random.between(1, 200));
    after(delay, arrive);
  }
}

void World::fifo_read(std::size_t host) {
  auto& self = hosts[host];
  if (self.daemon) {
    if (frozen(host, Part::daemon)) {
      const bool taken = self.gatekeeper && self.gatekeeper_follows;
      if (!taken) {
        post(host, Part::daemon, Duration(0), [this, host] { fifo_read(host); });
        return;
      }
    } else {
      while (!self.fifo.empty()) {
        const auto line = self.fifo.front();
        self.fifo.pop_front();
        post_role(host, role::KeepalivedSaid{line});
      }
      return;
    }
  }
  if (!self.gatekeeper || !self.gatekeeper_follows) return;
  while (!self.fifo.empty()) {
    const auto line = self.fifo.front();
    self.fifo.pop_front();
    post(host, Part::gatekeeper, Duration(0), [this, host, line] { step_gatekeeper(host, gatekeeper::KeepalivedSaid{line}); });
  }
}

void World::keepalived_alive(std::size_t host, bool alive) {
  timeline.trace(name(host), "keepalived", alive ? 1 : 0, 0, [&] { return std::string(alive ? "runs" : "died"); });
  const auto delay = alive ? milliseconds(1) : milliseconds(10);
  post(host, Part::daemon, delay, [this, host, alive] {
    alive ? post_role(host, role::KeepalivedAlive{}) : post_role(host, role::KeepalivedDead{});
  });
  post(host, Part::gatekeeper, delay, [this, host, alive] {
    alive ? step_gatekeeper(host, gatekeeper::KeepalivedAlive{}) : step_gatekeeper(host, gatekeeper::KeepalivedDead{});
  });
}

void World::query_keepalived(std::size_t host, bool by_daemon) {
  const auto delay = microseconds(200 + random.below(3000));
  const bool answers = vrrp.running(host) && !frozen(host, Part::keepalived) && !random.chance(plan.fifo_lost);
  const auto state = vrrp.state(host);
  if (by_daemon) {
    post(host, Part::daemon, delay, [this, host, answers, state] {
      answers ? post_role(host, role::KeepalivedQueried{state}) : post_role(host, role::KeepalivedQueryFailed{});
    });
  } else {
    post(host, Part::gatekeeper, delay, [this, host, answers, state] {
      answers ? step_gatekeeper(host, gatekeeper::KeepalivedQueried{state}) : step_gatekeeper(host, gatekeeper::KeepalivedSilent{});
    });
  }
}

// ---- the gatekeeper

void World::start_gatekeeper(std::size_t host) {
  auto& self = hosts[host];
  if (self.gatekeeper) return;
  gatekeeper::CoreConfig config;
  config.episode_base = random.next();
  self.gatekeeper = std::make_unique<gatekeeper::Core>(config, local_now(host));
  self.gatekeeper_follows = false;
  self.armed[2] = TimePoint{0};
  step_gatekeeper(host, gatekeeper::Tick{});
}

void World::kill_gatekeeper(std::size_t host) {
  auto& self = hosts[host];
  if (!self.gatekeeper) return;
  self.gatekeeper.reset();
  self.gatekeeper_follows = false;
  ++self.life[static_cast<std::size_t>(Part::gatekeeper)];
}

// The daemon's side: four times a second, the state that its role machine has.
void World::beat(std::size_t host) {
  auto& daemon = *hosts[host].daemon;
  const auto role = daemon.role->status();
  const gatekeeper::Beat beat{++daemon.beat_seq, daemon.episode_seen, role.vrrp, role.gate == role::Gate::open};
  if (hosts[host].gatekeeper) {
    post(host, Part::gatekeeper, microseconds(50), [this, host, beat] { step_gatekeeper(host, gatekeeper::BeatReceived{beat}); });
  }
  post(host, Part::daemon, milliseconds(250), [this, host] { this->beat(host); });
}

void World::step_gatekeeper(std::size_t host, const gatekeeper::Event& event) {
  auto& self = hosts[host];
  std::deque<gatekeeper::Event> todo{event};
  while (!todo.empty()) {
    const auto one = todo.front();
    todo.pop_front();
    for (const auto& effect : self.gatekeeper->step(one, local_now(host))) {
      if (const auto* reply = std::get_if<gatekeeper::SendReply>(&effect)) {
        post(host, Part::daemon, microseconds(50), [this, host, sent = reply->reply] {
          auto& daemon = *hosts[host].daemon;
          if (!sent.declared_dead || sent.episode == daemon.episode_seen) return;
          daemon.episode_seen = sent.episode;
          post_role(host, role::DeclaredDead{});
          refresh_soon(host);
        });
      } else if (const auto* follow = std::get_if<gatekeeper::FollowFifo>(&effect)) {
        self.gatekeeper_follows = follow->on;
        after(Duration(0), [this, host] { fifo_read(host); });
      } else if (std::holds_alternative<gatekeeper::QueryKeepalived>(effect)) {
        query_keepalived(host, false);
      } else if (std::holds_alternative<gatekeeper::ClearReadiness>(effect)) {
        const bool done = write_readiness(host, 0);
        todo.emplace_back(gatekeeper::ReadinessCleared{done});
      } else if (std::holds_alternative<gatekeeper::CloseGate>(effect)) {
        const bool done = self.ovs.up && !self.ovs.refusing;
        if (done) self.ovs.gate = false;
        todo.emplace_back(gatekeeper::GateClosed{done});
      } else if (const auto* line = std::get_if<gatekeeper::LogLine>(&effect)) {
        timeline.trace(name(host), "gatekeeper", line->text.size(), 0, [&] { return line->text; });
      }
    }
  }
  arm(host, 2, Part::gatekeeper, self.gatekeeper->next_deadline(), [this, host] { step_gatekeeper(host, gatekeeper::Tick{}); });
}

}  // namespace distributor::simulation
