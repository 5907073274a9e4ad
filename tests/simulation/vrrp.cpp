#include "tests/simulation/vrrp.hpp"

#include <utility>

namespace distributor::simulation {

using keepalived::VrrpEvent;
using keepalived::VrrpState;

namespace {
constexpr Duration kAdvert = milliseconds(100);
}

Duration VrrpPair::skew(std::size_t host) const { return kAdvert * (256 - priority(host)) / 256; }

void VrrpPair::start(std::size_t host) {
  auto& self = at(host);
  if (self.running) return;
  self.running = true;
  self.address = false;  // it takes off what a dead one left
  hooks_.alive(host, true);
  enter(host, self.faulty() ? VrrpState::fault : VrrpState::backup);
}

void VrrpPair::kill(std::size_t host, bool with_host) {
  auto& self = at(host);
  if (with_host) self.address = false;
  if (!self.running) return;
  self.running = false;
  self.state = VrrpState::stopped;
  ++self.timer;
  hooks_.alive(host, false);
}

void VrrpPair::set_readiness(std::size_t host, int value) {
  at(host).readiness = value;
  run(host, [this, host] { follow_faults(host); });
}

void VrrpPair::set_fault(std::size_t host, bool fault) {
  at(host).fault = fault;
  follow_faults(host);
}

// An owner whose interface works says goodbye with priority 0.
void VrrpPair::follow_faults(std::size_t host) {
  const auto& self = one(host);
  if (!self.running || self.faulty() == (self.state == VrrpState::fault)) return;
  if (self.state == VrrpState::master && !self.fault) send_advert(host, 0);
  enter(host, self.faulty() ? VrrpState::fault : VrrpState::backup);
}

void VrrpPair::flap(std::size_t host) {
  if (!one(host).running || one(host).faulty()) return;
  const bool master = one(host).state == VrrpState::master;
  for (int step = 0; step < 2; ++step) {
    const auto next = (step == 0) == master ? VrrpState::backup : VrrpState::master;
    timeline_.at(timeline_.now() + milliseconds(step * 5), [this, host, next] {
      run(host, [this, host, next] {
        if (one(host).running && !one(host).faulty()) enter(host, next);
      });
    });
  }
}

void VrrpPair::enter(std::size_t host, VrrpState state) {
  auto& self = at(host);
  if (self.state == state) return;
  self.state = state;
  self.address = state == VrrpState::master;
  const auto line = state == VrrpState::master ? VrrpEvent::master : state == VrrpState::backup ? VrrpEvent::backup : VrrpEvent::fault;
  timeline_.trace(host == 0 ? "a" : "b", "vrrp", static_cast<std::uint64_t>(state), 0, [&] {
    return std::string(state == VrrpState::master ? "MASTER" : state == VrrpState::backup ? "BACKUP" : "FAULT") + " priority " + std::to_string(priority(host));
  });
  hooks_.line(host, line);
  ++self.timer;
  if (state == VrrpState::master) advertise(host);
  if (state == VrrpState::backup) wait_for_adverts(host, 3 * kAdvert + skew(host));
}

void VrrpPair::wait_for_adverts(std::size_t host, Duration time) {
  const auto timer = ++at(host).timer;
  timeline_.at(timeline_.now() + time, [this, host, timer] {
    run(host, [this, host, timer] {
      if (one(host).timer == timer && one(host).state == VrrpState::backup) enter(host, VrrpState::master);
    });
  });
}

void VrrpPair::advertise(std::size_t host) {
  const auto timer = at(host).timer;
  send_advert(host, priority(host));
  timeline_.at(timeline_.now() + kAdvert, [this, host, timer] {
    run(host, [this, host, timer] {
      if (one(host).timer == timer && one(host).state == VrrpState::master) advertise(host);
    });
  });
}

void VrrpPair::send_advert(std::size_t host, int priority) {
  if (cut_[host]) return;
  const auto to = 1 - host;
  timeline_.at(timeline_.now() + microseconds(50 + random_.below(200)), [this, to, priority] {
    run(to, [this, to, priority] { hear(to, priority); });
  });
}

void VrrpPair::hear(std::size_t host, int heard) {
  const auto& self = one(host);
  if (!self.running || self.faulty()) return;
  if (self.state == VrrpState::backup && heard == 0) {
    wait_for_adverts(host, skew(host));
  } else if (self.state == VrrpState::backup) {
    if (heard >= priority(host)) wait_for_adverts(host, 3 * kAdvert + skew(host));  // a lower one is preempted: the timer runs on
  } else if (self.state == VrrpState::master) {
    const bool gives_way = heard > priority(host) || (heard == priority(host) && host == 0);  // equal: the higher address stays
    if (gives_way) {
      enter(host, VrrpState::backup);
    } else {
      hooks_.line(host, VrrpEvent::rx_lower_priority);
      send_advert(host, priority(host));
    }
  }
}

}  // namespace distributor::simulation
