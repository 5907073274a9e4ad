// One seed: faults, then healing, then the demand that everything is well again within a stated time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/clients.hpp"
#include "tests/simulation/judge.hpp"
#include "tests/simulation/world.hpp"

namespace distributor::simulation {

// Bounds of virtual time. From the end of all faults to both in sync, one owner, all programmed. Both nodes may have flapped so much
// that each is trusted again after 30 s only, and one waits for the other:
inline constexpr Duration kConvergeMax = seconds(80);
// and from there to an answer `pair` for a new change:
inline constexpr Duration kWriteMax = seconds(15);  // the slowest disks take 0.3 s for a write

struct Verdict {
  std::uint64_t seed = 0;
  std::uint64_t trace_hash = 0;
  Duration virtual_time{0};
  std::vector<std::string> violations;
  std::deque<std::string> trace;  // the tail, only if asked for
  std::uint64_t events = 0;
  std::size_t calls = 0, accepted = 0, promised = 0, locals = 0, listed = 0, entries = 0;
  Duration converged_after{0};
  bool failed() const { return !violations.empty(); }
};

class Story {
 public:
  Story(std::uint64_t seed, Plan plan, bool keep_text);
  Verdict run();

  World world;
  Judge judge;
  Clients clients;

 private:
  void schedule_fault();
  void inject(Fault fault, std::size_t host);
  void break_contact();
  void inject_process(Fault fault, std::size_t host, Duration time);
  void inject_network(Fault fault, std::size_t host, Duration time);
  void inject_switch_or_disk(Fault fault, std::size_t host, Duration time);
  void hand_over(std::size_t host, Duration limit);
  void heal();
  void corrupt_silently();
  void require_settled(const char* when, Duration bound);
  void require_write();
  bool quiet() const;
  void supervise();

  std::uint64_t seed_;
  Prng random_;
  std::vector<std::string> broken_;
  bool faults_ = true;
  Duration converged_after_{0};
};

Verdict run_seed(std::uint64_t seed, bool keep_text);

}  // namespace distributor::simulation
