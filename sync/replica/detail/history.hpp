// The log in memory with the three states that belong to it. Pure bookkeeping: who may append, cut or commit is decided elsewhere.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "sync/registry/registry.hpp"
#include "sync/replica/durable_state.hpp"

namespace distributor::replica {

class History {
 public:
  // Replays what the store holds; committed = the newest entry. If it does not replay, broken() says why and nothing else may be used.
  explicit History(const DurableState& durable);
  const std::string& broken() const { return broken_; }

  const LogPoint& base() const { return base_point_; }
  LogPoint last() const;
  Seq committed() const { return committed_; }
  std::size_t size() const { return log_.size(); }

  const Registry& base_state() const { return base_; }
  const Registry& applied() const { return applied_; }  // at committed()
  const Registry& tail() const { return tail_; }        // at last(): new commands are judged against it

  Registry state_at(Seq seq) const;  // base <= seq <= last; replays the log up to there
  // The point at seq, if it is within base..last.
  std::optional<LogPoint> point(Seq seq) const;
  bool holds(const LogPoint& point) const;
  const LogEntry* entry(Seq seq) const;        // null if not in the log
  std::vector<LogEntry> after(Seq seq) const;  // the entries that follow, oldest first
  const LoadBalancerId* touched(Seq seq) const;  // the load balancer that the entry at seq is about; null if not in the log

  // Newest first: every one of the last 8, then ever wider steps, the base at the end. At most kLocatorPointsMax.
  std::vector<LogPoint> locator() const;
  std::optional<LogPoint> newest_common(const std::vector<LogPoint>& locator) const;

  enum class AppendError : std::uint8_t { broken_chain, not_understood, refused };
  struct AppendFailure {
    AppendError error = AppendError::broken_chain;
    std::string message;
  };
  // Appends the entry that follows last() and applies it to tail(). On failure nothing changes.
  tl::expected<void, AppendFailure> append(LogEntry entry);
  // The same for an entry made here of a command that tail() accepted: only to be called after tail().check().
  LogEntry append_new(Term term, std::string request_id, const Command& command);

  // Applies entries up to seq; answers the load balancers touched. seq <= last().
  std::vector<LoadBalancerId> commit_through(Seq seq);

  // Cuts what follows seq (>= base) and answers it, oldest first. Where applied() reached further it goes back to seq.
  std::vector<LogEntry> truncate_after(Seq seq);

  struct Checkpoint {
    LogPoint base;
    std::vector<LoadBalancer> upsert;
    std::vector<LoadBalancerId> erase;
  };
  // Moves the base forward to seq (<= committed) and forgets the entries up to it.
  Checkpoint advance_base(Seq seq);

  // Replaces everything by a state.
  void install(Registry state, const LogPoint& point);

 private:
  struct Item {
    LogEntry entry;
    Command command;
  };
  const Item* item(Seq seq) const;
  void rebuild(Seq committed);

  LogPoint base_point_;
  std::deque<Item> log_;
  Seq committed_;
  Registry base_;
  Registry applied_;
  Registry tail_;
  std::string broken_;
};

}  // namespace distributor::replica
