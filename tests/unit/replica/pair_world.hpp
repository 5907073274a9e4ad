// Two real cores in one thread: simulated link, disks, Open vSwitch, keepalived and clock, all from one seed.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "sync/replica/message_codec.hpp"
#include "sync/replica/replica.hpp"

namespace distributor::replica::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What a store does with a batch, without a disk.
void apply_batch(DurableState& disk, const PersistBatch& batch);

struct Answer {
  std::size_t node = 0;
  Command command;
  std::variant<ChangeAccepted, ChangeRefused> result;
  Term term;  // of the node that answered
};

struct World {
  explicit World(std::uint64_t seed, std::size_t nodes = 2);

  struct Node {
    NodeId id;
    std::uint64_t boot_id = 0;      // of its present process
    DurableState disk;
    std::unique_ptr<Replica> core;  // null: dead
    Ownership ownership = Ownership::unknown;
    TimePoint disk_free{0};         // writes are done in order
    std::optional<std::chrono::microseconds> disk_work;  // of every write; else random and short
    std::uint64_t life = 0;         // events of an earlier life are void
    bool store_broken = false;
    bool ovs_works = true;
    Term term_seen;
    std::vector<std::string> log;
  };

  // ---- faults and events
  void boot(std::size_t node);
  void crash(std::size_t node);  // what was not fsynced may be lost
  void wipe(std::size_t node);
  void set_link(bool up);
  void own(std::size_t node, Ownership ownership, bool fresh = true);
  void give_ownership_to(std::size_t node);  // the other one becomes BACKUP
  RequestHandle submit(std::size_t node, Command command, const std::string& request_id = "");
  void hold_writes(std::size_t node, Writes writes, milliseconds limit);
  void tell(std::size_t node, const Event& event) { step(node, event); }
  void run(milliseconds time);
  // Runs until the condition holds; false if it did not within the time.
  bool run_until(const std::function<bool()>& condition, milliseconds limit = seconds(30));
  bool step_one_event(TimePoint until);  // false: nothing happens before `until`

  // ---- views
  Status status(std::size_t node) const { return nodes[node].core->status(); }
  bool up(std::size_t node) const { return nodes[node].core != nullptr; }
  bool converged() const;  // both up, one leads, equal digests, all programmed
  std::optional<Answer> answer(RequestHandle handle) const;
  std::string story() const;  // what each node logged, with the time, and where it stands: for a failed test

  std::mt19937_64 random;
  TimePoint now{seconds(1000)};
  std::vector<Node> nodes;
  Config config;            // of both, but for the ids
  double loss = 0;          // of single messages
  std::optional<std::chrono::microseconds> fixed_delay;  // of every message; else random
  std::map<RequestHandle, Answer> answers;
  std::map<RequestHandle, std::pair<std::size_t, Command>> asked;
  std::set<RequestHandle> answered_twice;
  std::function<void(const Answer&)> on_answer;
  std::function<void(std::size_t to, Message&)> on_delivery;  // may change it
  std::function<void(std::size_t node, const Program&)> on_program;
  std::vector<std::string> violations;

 private:
  void post(Duration delay, std::function<void()> action);
  void step(std::size_t node, const Event& event);
  void perform(std::size_t node, Effect& effect);
  void connect(std::size_t node);

  bool link_up = true;
  std::uint64_t link_life = 0;
  std::multimap<TimePoint, std::function<void()>> events;
  TimePoint last_delivery[2]{};
  RequestHandle next_handle = 1;
};

Command plug(const LoadBalancerId& lb);
Command registration(const LoadBalancerId& lb, std::uint32_t number, std::optional<Position> position = {});
LoadBalancerId lb_number(unsigned number);

}  // namespace distributor::replica::testing
