// Looks on after every step and says what must never happen (H1, H3, H6, H8, H13, the guarantee of DESIGN). It keeps its own book
// of every log entry that any node ever made, and applies each to a registry of its own; it never asks the cores what is right.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tests/simulation/world.hpp"

namespace distributor::simulation {

using Key = std::uint64_t;  // the first octets of an entry's digest, which names its whole history
Key key_of(const Digest& digest);

struct Entry {
  Key previous = 0;
  Term term;
  Seq seq;
  std::string request_id;
  std::string bytes;
  Command command;
  TimePoint created{0};
  std::size_t maker = 0;  // the node that led then
  std::array<bool, 2> on_platter{};  // of each node: was, and the disk was not lost since
  bool was_on_a_platter = false;
  bool of_a_batch = false;  // made together with others: of the peer's at a reunion, a client's is made by itself
  Registry after;  // the state when it is applied to what its predecessors left
};

// One call of a client at a node, with the node's answer.
struct Attempt {
  std::size_t host = 0;
  Command command;
  std::string request_id;
  TimePoint invoked{0};
  std::optional<TimePoint> answered;  // absent: the node died first
  std::optional<TimePoint> forgotten;  // when that node was there again
  std::variant<replica::ChangeAccepted, replica::ChangeRefused> result;
  Key own = 0;        // accepted: the entry that the answer rests on
  Key committed = 0;  // the newest applied one at the answer
  Key at_call = 0;    // accepted `pair` before the call, anywhere: the newest
};

class Judge : public Observer {
 public:
  explicit Judge(World& world);

  // ---- the world tells
  void booted(std::size_t host) override;
  void asked_to_persist(std::size_t host, const replica::PersistBatch& batch) override;
  void on_platter(std::size_t host, const replica::PersistBatch& batch) override;
  void replied(std::size_t host, const replica::Reply& reply) override;
  void stepped(std::size_t host) override;
  void barrier(std::size_t host, const Registry::Map& told, Seq seq) override;
  void incomplete_program(std::size_t host, const std::string& what) override;
  void unreadable(std::size_t host, const std::string& what) override;
  // ---- the clients and the faults tell
  void called(replica::RequestHandle handle, std::size_t host, const Command& command, const std::string& request_id);
  void disk_lost(std::size_t host);                      // wiped, or an earlier state of it came back
  void disk_corrupted(std::size_t host) { excused_[host] = true; }  // silently: only the digests can tell
  bool corruption_healed(std::size_t host) const { return !excused_[host]; }
  bool may_lose_disk(std::size_t host) const;            // the other one holds all that was promised
  void acknowledges(std::size_t host, bool now) { acknowledging_[host] = now; }  // an operator: what the node lists
  void settled();                                        // both nodes are in sync: a disk may be lost again
  std::function<void(replica::RequestHandle, const replica::Reply&)> to_clients;

  // Once both are in sync and quiet: the whole history, against everything that was answered.
  void final_verdict();

  const std::vector<std::string>& violations() const { return violations_; }
  const std::map<replica::RequestHandle, Attempt>& attempts() const { return attempts_; }
  std::size_t promised() const { return promised_count_; }
  std::size_t locals() const { return local_count_; }
  std::size_t listed() const { return listed_.size(); }
  std::size_t entries() const { return entries_.size(); }

 private:
  using Gone = std::multimap<std::pair<std::string, std::string>, Key>;  // command and request id of what the pair went on without
  // A node's log as its effects so far make it, in memory; base first.
  struct Log {
    Seq base;
    std::vector<Key> keys;  // keys[0] is the base, keys[i] the entry base + i
    Key at(Seq seq) const { return seq < base || seq.value - base.value >= keys.size() ? ~Key{0} : keys[seq.value - base.value]; }
    Seq last() const { return Seq{base.value + keys.size() - 1}; }
  };
  void violation(std::string text);
  void book(std::size_t host, const replica::LogEntry& entry, bool of_a_batch);
  void follow(Log& log, const replica::PersistBatch& batch);
  void check_replaced(std::size_t host, const Log& before, const replica::PersistBatch& batch);
  void follow_list(std::size_t host, const replica::PersistBatch& batch);
  bool is_accounted_for(std::size_t host, const replica::DroppedChange& change) const;
  void check_positions(const Entry& entry, const Registry& before);
  void promise(std::size_t host, Key key, Seq seq);
  bool has_been_durable(std::size_t host, Key key, Seq seq) const;
  bool descends(Key from, Key ancestor, Seq seq) const;
  bool holds_promises(const Log& log);
  const Registry* state(Key key) const;
  Key key_at(const Log& log, Seq seq) const;  // below the base too
  // judge_history.cpp
  std::vector<Key> chain_to(Key last) const;
  void check_answers(const std::vector<Key>& chain);
  void check_accepted(const Attempt& attempt, const std::vector<Key>& chain, std::size_t low, std::size_t high);
  void check_kept(const std::vector<Key>& chain);
  void check_proposed_again(const std::vector<Key>& chain);
  void check_request_ids(const std::vector<Key>& chain);
  bool is_of(const Attempt& attempt, const Entry& entry) const;
  bool stands_as_told(const Entry& told, const Entry& now) const;
  bool was_called_for(Key key) const;
  bool may_follow(const std::vector<Key>& chain, std::size_t place, std::size_t common, const Gone& gone) const;

  World& world_;
  std::vector<std::string> violations_;
  std::unordered_map<Key, Entry> entries_;
  std::array<Log, 2> logs_;
  std::array<Log, 2> platters_;
  std::array<std::unordered_set<Key>, 2> durable_;
  std::array<Term, 2> term_seen_{};
  std::array<bool, 2> excused_{};      // silently corrupted, not healed yet
  std::array<bool, 2> wiped_{};        // ... and nothing was on it: then it knows that it knows nothing
  std::array<bool, 2> suspect_{};      // its disk was lost and the pair was not in sync since
  std::array<std::pair<Key, Key>, 2> base_checked_{};  // a base that was found to descend from the promised entry, and that entry
  Key promised_ = 0;                   // the newest entry that was answered `pair`
  Seq promised_seq_;
  std::size_t promised_count_ = 0, local_count_ = 0;
  std::map<Term, std::size_t> answers_in_term_;
  std::map<Term, std::size_t> maker_of_term_;
  std::array<Seq, 2> barrier_seen_{};                  // the newest change that an Open vSwitch was ever told
  std::map<replica::RequestHandle, Attempt> attempts_;
  std::set<std::pair<std::string, std::string>> listed_;  // command and request id
  std::unordered_set<Key> listed_as_state_;               // folded into a base, and the difference of states is listed
  std::array<std::vector<replica::DroppedChange>, 2> lists_;  // what each node lists now
  std::set<std::pair<std::string, std::string>> acknowledged_;  // by an operator, on either node
  std::array<bool, 2> acknowledging_{};                       // an operator does, in this very step
  std::optional<TimePoint> last_disk_loss_;
};

}  // namespace distributor::simulation
