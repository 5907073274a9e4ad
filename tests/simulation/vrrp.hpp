// A small model of two keepaliveds as this product configures them (FACTS of keepalived 2.2.7): equal base priority, readiness
// adds to it, preemption, adverts of 0.1 s, three of them missing and the other side takes over. Only what the two tell each
// other, their FIFO lines and who holds the management address.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <utility>

#include "ha/keepalived/vrrp.hpp"
#include "tests/simulation/prng.hpp"
#include "tests/simulation/timeline.hpp"

namespace distributor::simulation {

class VrrpPair {
 public:
  struct Hooks {
    std::function<void(std::size_t host, keepalived::VrrpEvent line)> line;  // into its FIFO
    std::function<void(std::size_t host, bool alive)> alive;                 // the FIFO's other end went or came
    std::function<void(std::size_t host, std::function<void()> action)> run;  // now, or once the host stands still no more
  };
  VrrpPair(Timeline& timeline, Prng random, Hooks hooks) : timeline_(timeline), random_(random), hooks_(std::move(hooks)) {}

  void start(std::size_t host);
  void kill(std::size_t host, bool with_host);  // SIGKILL: the address stays; with its host: it is gone
  void set_readiness(std::size_t host, int value);
  void set_cut(std::size_t from, bool cut) { cut_[from] = cut; }
  void set_fault(std::size_t host, bool fault);  // its interface is down
  void flap(std::size_t host);                   // MASTER, BACKUP, MASTER or the reverse within 10 ms

  bool running(std::size_t host) const { return one(host).running; }
  keepalived::VrrpState state(std::size_t host) const { return one(host).state; }
  bool holds_address(std::size_t host) const { return one(host).address; }
  void delete_address(std::size_t host) { at(host).address = false; }
  int priority(std::size_t host) const { return std::max(1, keepalived::kBasePriority + one(host).readiness); }

 private:
  struct One {
    bool running = false;
    bool fault = false;  // of its interface
    bool address = false;
    int readiness = 0;
    keepalived::VrrpState state = keepalived::VrrpState::stopped;
    std::uint64_t timer = 0;  // the timer that counts; an older one is void
    bool faulty() const { return fault || readiness <= keepalived::kReadinessYield; }
  };
  One& at(std::size_t host) { return hosts_[host]; }
  const One& one(std::size_t host) const { return hosts_[host]; }
  void enter(std::size_t host, keepalived::VrrpState state);
  void follow_faults(std::size_t host);
  void wait_for_adverts(std::size_t host, Duration time);
  void advertise(std::size_t host);
  void send_advert(std::size_t host, int priority);
  void hear(std::size_t host, int priority);
  Duration skew(std::size_t host) const;
  void run(std::size_t host, std::function<void()> action) { hooks_.run(host, std::move(action)); }

  Timeline& timeline_;
  Prng random_;
  Hooks hooks_;
  std::array<One, 2> hosts_;
  std::array<bool, 2> cut_{};
};

}  // namespace distributor::simulation
