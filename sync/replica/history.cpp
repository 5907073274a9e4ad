#include "sync/replica/detail/history.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <set>
#include <utility>

#include "sync/registry/codec.hpp"
#include "sync/replica/planted.hpp"
#include "sync/replica/log_chain.hpp"
#include "sync/replica/message.hpp"

namespace distributor::replica {

History::History(const DurableState& durable) : base_point_(durable.meta.base) {
  for (const auto& lb : durable.base) {
    if (!base_.restore(lb)) {
      broken_ = "load balancer " + lb.id.text() + " in the stored base has an ordinal that another one holds";
      return;
    }
  }
  tail_ = base_;
  for (const auto& entry : durable.log) {
    if (auto done = append(entry); !done) {
      broken_ = "stored log entry " + std::to_string(entry.seq.value) + ": " + done.error().message;
      return;
    }
  }
  applied_ = tail_;
  committed_ = last().seq;
}

LogPoint History::last() const { return log_.empty() ? base_point_ : point_of(log_.back().entry); }

const History::Item* History::item(Seq seq) const {
  if (seq <= base_point_.seq) return nullptr;
  const auto index = seq.value - base_point_.seq.value - 1;
  return index < log_.size() ? &log_[static_cast<std::size_t>(index)] : nullptr;
}

const LogEntry* History::entry(Seq seq) const {
  const auto* found = item(seq);
  return found == nullptr ? nullptr : &found->entry;
}

std::vector<LogEntry> History::after(Seq seq) const {
  std::vector<LogEntry> entries;
  for (const auto& one : log_) {
    if (one.entry.seq > seq) entries.push_back(one.entry);
  }
  return entries;
}

const LoadBalancerId* History::touched(Seq seq) const {
  const auto* found = item(seq);
  return found == nullptr ? nullptr : &load_balancer_of(found->command);
}

std::optional<LogPoint> History::point(Seq seq) const {
  if (seq == base_point_.seq) return base_point_;
  const auto* found = item(seq);
  if (found == nullptr) return std::nullopt;
  return point_of(found->entry);
}

bool History::holds(const LogPoint& wanted) const {
  const auto here = point(wanted.seq);
  return here && (here->digest == wanted.digest || planted(Planted::ignore_digest));
}

std::vector<LogPoint> History::locator() const {
  std::vector<LogPoint> points;
  std::uint64_t step = 1;
  for (std::uint64_t seq = last().seq.value; seq > base_point_.seq.value;) {
    points.push_back(*point(Seq{seq}));
    if (points.size() >= 8) step *= 2;
    if (seq - base_point_.seq.value <= step || points.size() + 1 >= kLocatorPointsMax) break;
    seq -= step;
  }
  points.push_back(base_point_);
  return points;
}

std::optional<LogPoint> History::newest_common(const std::vector<LogPoint>& locator) const {
  std::optional<LogPoint> best;
  for (const auto& candidate : locator) {
    if (holds(candidate) && (!best || candidate.seq > best->seq)) best = candidate;
  }
  return best;
}

tl::expected<void, History::AppendFailure> History::append(LogEntry entry) {
  const auto before = last();
  if (entry.seq != before.seq.next() || entry.previous != before.digest || entry_digest(entry) != entry.digest) {
    return tl::unexpected(AppendFailure{
        AppendError::broken_chain, "does not fit its digest or its predecessor " + std::to_string(before.seq.value)});
  }
  auto command = decode_command(entry.command);
  if (!command) {
    return tl::unexpected(AppendFailure{AppendError::not_understood,
                                        "not understood (" + command.error().message + "); was it written by a newer version?"});
  }
  if (auto done = tail_.apply(*command); !done) {
    return tl::unexpected(AppendFailure{AppendError::refused, "refused by the registry: " + done.error().message});
  }
  log_.push_back(Item{std::move(entry), std::move(*command)});
  return {};
}

LogEntry History::append_new(Term term, std::string request_id, const Command& command) {
  const auto before = last();
  LogEntry entry{term, before.seq.next(), before.digest, std::move(request_id), encode(command), Digest{}};
  entry.digest = entry_digest(entry);
  [[maybe_unused]] const auto done = tail_.apply(command);
  assert(done.has_value());
  log_.push_back(Item{entry, command});
  return entry;
}

std::vector<LoadBalancerId> History::commit_through(Seq seq) {
  std::set<LoadBalancerId> touched;
  for (auto next = committed_.next(); next <= seq; next = next.next()) {
    const auto* found = item(next);
    assert(found != nullptr);
    const auto done = applied_.apply(found->command);
    assert(done.has_value());  // tail_ accepted the same command in the same state
    if (done) touched.insert(done->touched.begin(), done->touched.end());
    committed_ = next;
  }
  return {touched.begin(), touched.end()};
}

Registry History::state_at(Seq seq) const {
  if (seq == committed_) return applied_;
  Registry state = base_;
  for (const auto& one : log_) {
    if (one.entry.seq > seq) break;
    [[maybe_unused]] const auto done = state.apply(one.command);
    assert(done.has_value());
  }
  return state;
}

void History::rebuild(Seq committed) {
  tail_ = base_;
  if (committed == base_point_.seq) applied_ = tail_;
  for (const auto& one : log_) {
    [[maybe_unused]] const auto done = tail_.apply(one.command);
    assert(done.has_value());
    if (one.entry.seq == committed) applied_ = tail_;
  }
  committed_ = committed;
}

std::vector<LogEntry> History::truncate_after(Seq seq) {
  assert(seq >= base_point_.seq);
  std::vector<LogEntry> cut;
  while (!log_.empty() && log_.back().entry.seq > seq) {
    cut.push_back(std::move(log_.back().entry));
    log_.pop_back();
  }
  std::reverse(cut.begin(), cut.end());
  if (!cut.empty()) rebuild(std::min(committed_, seq));
  return cut;
}

History::Checkpoint History::advance_base(Seq seq) {
  assert(seq <= committed_);
  std::set<LoadBalancerId> touched;
  while (!log_.empty() && log_.front().entry.seq <= seq) {
    const auto done = base_.apply(log_.front().command);
    assert(done.has_value());
    if (done) touched.insert(done->touched.begin(), done->touched.end());
    base_point_ = point_of(log_.front().entry);
    log_.pop_front();
  }
  Checkpoint checkpoint{base_point_, {}, {}};
  for (const auto& id : touched) {
    if (const auto lb = base_.find(id)) {
      checkpoint.upsert.push_back(*lb);
    } else {
      checkpoint.erase.push_back(id);
    }
  }
  return checkpoint;
}

void History::install(Registry state, const LogPoint& point) {
  log_.clear();
  base_point_ = point;
  base_ = std::move(state);
  applied_ = base_;
  tail_ = base_;
  committed_ = point.seq;
}

}  // namespace distributor::replica
