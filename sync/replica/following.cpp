// The follower: takes the leader's log as it is, acknowledges what is on its disk, never cuts what the pair may have acknowledged.
// Heartbeats of both sides are here too.
#include <algorithm>
#include <set>

#include "sync/registry/codec.hpp"
#include "sync/registry/limits.hpp"
#include "sync/replica/detail/core.hpp"
#include "sync/replica/planted.hpp"

namespace distributor::replica {
namespace {

constexpr Duration kSilentLeader = std::chrono::seconds(1);         // that leads and sends a follower nothing, or does not lead at all
constexpr Duration kRefusalPause = std::chrono::milliseconds(100);  // between two NACKs or two STALEs

}  // namespace

void Replica::Impl::on_message(const Header& header, const Append& append) {
  if (of_lower_term(header)) {
    if (now >= next_stale) {
      next_stale = now + kRefusalPause;
      send(Stale{});
    }
    return;
  }
  if (comparison.running) return;
  if (mode != Mode::following) return start_comparison("the peer leads in a term that was not agreed");
  led_at = now;
  peer.leads = true;
  peer.last = append.last;
  peer.committed = append.committed;
  if (!history.holds(append.previous)) return send_nack(NackReason::gap);

  auto taken = take_entries(append);
  if (taken.agreed.seq == append.last.seq && !taken.refused) reconciled = true;
  meta.term = header.term;
  if (reconciled) meta.ever_synced = true;
  if (taken.agreed.seq > meta.pair_floor.seq) meta.pair_floor = taken.agreed;
  const bool may_hold_more = !reconciled && taken.agreed.seq < meta.pairing.ceiling.seq;  // that was promised in an older pairing
  if (!may_hold_more) meta.pairing = {meta.term, meta.pair_floor, 0};
  taken.batch.meta = meta;
  if (!taken.cut.empty() && !planted(Planted::forget_dropped)) list_as_orphans(taken.cut, taken.batch);
  if (reconciled) given_up.clear();
  if (planted(Planted::acknowledge_before_fsync)) send(Ack{taken.agreed, meta.ever_synced, programmed, peer.snapshot_installed});
  const bool nothing_new = taken.batch.append.empty() && taken.cut.empty() && meta == meta_asked;
  auto then = [this, agreed = taken.agreed, refused = taken.refused, whole = reconciled, committed = append.committed, term = header.term, generation = log_generation] {
    if (mode != Mode::following || meta.term != term || generation != log_generation || !history.holds(agreed)) return;
    agreement_durable = agreement_durable || (whole && reconciled);
    // A late or repeated Append must not take back what a newer one brought.
    if (!reconciled || agreed.seq > durable.seq || !history.holds(durable)) durable = agreed;
    follow_commit(committed);
    acknowledge();
    send_orphans();
    if (refused) send_nack(NackReason::mismatch);
  };
  nothing_new ? after_what_is_on_its_way(std::move(then)) : persist(std::move(taken.batch), std::move(then));  // a repeat costs a slow disk nothing
}

// Brings the own log to the leader's: entries that are there already are passed over, a conflicting tail is cut (only before this term's
// first agreement, and never below the floor), the rest is appended. What was done before a refusal stands and is persisted.
Replica::Impl::Taken Replica::Impl::take_entries(const Append& append) {
  Taken taken;
  taken.agreed = append.previous;
  for (const auto& entry : append.entries) {
    const LogPoint point{entry.term, entry.seq, entry.digest};
    if (history.holds(point)) {
      taken.agreed = point;
      continue;
    }
    taken.refused = entry.seq <= history.last().seq && !cut_after(taken.agreed, taken);
    if (taken.refused) return taken;
    if (const auto done = history.append(entry); !done) {
      log(Severity::error, "change " + std::to_string(entry.seq.value) + " of the leader: " + done.error().message);
      taken.refused = true;
      return taken;
    }
    remember(entry.request_id, entry.seq);
    taken.batch.append.push_back(entry);
    taken.agreed = point;
  }
  // The leader's log ends where ours goes on: what follows was done alone.
  const bool beyond = !reconciled && taken.agreed.seq == append.last.seq && history.last().seq > taken.agreed.seq;
  if (beyond) taken.refused = !cut_after(taken.agreed, taken);
  return taken;
}

bool Replica::Impl::cut_after(const LogPoint& point, Taken& taken) {
  if (reconciled) return false;
  if (point.seq < meta.pair_floor.seq) {
    if (!allow_below_floor && meta.ever_synced) {  // a restored node's floor is of another time
      diverged = true;
      log(Severity::error, "the leader's history lacks change " + std::to_string(meta.pair_floor.seq.value) + ", which the pair may have acknowledged: nothing is cut");
      return false;
    }
    meta.pair_floor = point;
  }
  // Changes of an earlier reunion that the leader has not taken yet go with these: judged from the older common entry, or what came between is undone.
  if (orphans_unsent == 0 || point.seq < orphans_common.seq) orphans_common = point;
  taken.cut = history.truncate_after(point.seq);
  for (const auto& entry : taken.cut) forget(entry.request_id, entry.seq);
  taken.batch.truncate_after = point.seq;
  log_was_cut();
  programmed = std::min(programmed, history.committed());
  return true;
}

void Replica::Impl::log_was_cut() {
  // What was made here of the peer's own changes may be gone with it: asked again, it is judged anew.
  orphans_taken = {0, 0};
  orphans_judged.clear();
  adopted.clear();
  ++log_generation;
  durable = std::min(durable, history.last(), [](const LogPoint& a, const LogPoint& b) { return a.seq < b.seq; });
}

// They stay in the durable list of this node until the leader has them: nothing disappears silently (H8).
void Replica::Impl::list_as_orphans(const std::vector<LogEntry>& cut, PersistBatch& batch) {
  log(Severity::warning, std::to_string(cut.size()) + " changes that were made alone are cut off; the leader is asked to take them");
  // A change that was made without an earlier one of the same load balancer, which the leader has not taken yet, does not fit behind it.
  auto waiting_for = offered();
  waiting_for.insert(given_up.begin(), given_up.end());
  std::vector<DroppedChange> orphans;
  std::vector<DroppedChange> listed;
  for (const auto& entry : cut) {
    DroppedChange change{entry.term, entry.seq, entry.request_id, entry.command, "done alone, and the peer led without it"};
    const auto command = decode_command(entry.command);
    const bool fits = command && !waiting_for.contains(load_balancer_of(*command));
    if (!fits) change.reason = "done alone, and an earlier change of the same load balancer waits for the leader still";
    (fits ? orphans : listed).push_back(std::move(change));
  }
  if (orphans_unsent == 0) orphans_first = dropped.size();
  ++orphan_batch;  // what the leader may have taken of the last one says nothing of these
  batch.dropped.insert(batch.dropped.end(), orphans.begin(), orphans.end());
  dropped.insert(dropped.begin() + static_cast<std::ptrdiff_t>(orphans_first + orphans_unsent), orphans.begin(), orphans.end());
  orphans_unsent += orphans.size();
  list_dropped(std::move(listed), batch);
  if (everything_asked) out.push_back(Program{history.committed(), {}, true});
}

// Onto the durable list.
void Replica::Impl::list_dropped(std::vector<DroppedChange> changes, PersistBatch& batch) {
  batch.dropped.insert(batch.dropped.end(), changes.begin(), changes.end());
  dropped.insert(dropped.end(), changes.begin(), changes.end());
  bound_dropped(batch);
}

// Full, it loses its oldest: an operator has had five long reunions to look at them.
void Replica::Impl::bound_dropped(PersistBatch& batch) {
  if (dropped.size() <= limits::kDroppedChangesMax) return;
  const auto excess = dropped.size() - limits::kDroppedChangesMax;
  log(Severity::error, "the list of lost changes is full: the " + std::to_string(excess) + " oldest are listed no more; look at `distributorctl losses` and acknowledge them");
  dropped.erase(dropped.begin(), dropped.begin() + static_cast<std::ptrdiff_t>(excess));
  const auto unsent_gone = std::min(orphans_unsent, excess - std::min(excess, orphans_first));
  orphans_first -= std::min(excess, orphans_first);
  orphans_unsent -= unsent_gone;
  if (unsent_gone > 0) ++orphan_batch;
  batch.forget_dropped = true;
  batch.dropped = dropped;
}

void Replica::Impl::acknowledge() { send(Ack{durable, meta.ever_synced && agreement_durable, programmed, peer.snapshot_installed}); }

void Replica::Impl::send_nack(NackReason reason) {
  if (now < next_nack) return;
  next_nack = now + kRefusalPause;
  send(Nack{reason, history.locator()});
}

void Replica::Impl::on(const Resync&) {
  if (mode != Mode::following || !peer.connected || snapshot_in.running) return;
  log(Severity::info, "told to resynchronise: the leader is asked for its whole state");
  send_nack(NackReason::resync);
}

// One batch at a time, sent again with each heartbeat until it is taken.
void Replica::Impl::send_orphans() {
  if (orphans_unsent == 0 || !reconciled) return;
  if (orphan_batch == orphan_batch_sent && now < next_orphan_send) return;
  orphan_batch_sent = orphan_batch;
  next_orphan_send = now + config.heartbeat_every / 2;
  Orphans orphans{orphan_batch, orphans_common, true, {}};
  orphans_sent = next_orphans();
  const auto first = dropped.begin() + static_cast<std::ptrdiff_t>(orphans_first);
  orphans.changes.assign(first, first + static_cast<std::ptrdiff_t>(orphans_sent));
  send(std::move(orphans));
}

// How many of the waiting orphans fit into one message.
std::size_t Replica::Impl::next_orphans() const {
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (; count < std::min(orphans_unsent, config.message_entries_max); ++count) {
    bytes += dropped[orphans_first + count].command.size();
    if (bytes > config.message_bytes_max && count > 0) break;
  }
  return count;
}

std::set<LoadBalancerId> Replica::Impl::offered() const {
  std::set<LoadBalancerId> result;
  for (std::size_t i = 0; i < orphans_unsent; ++i) {
    if (const auto command = decode_command(dropped[orphans_first + i].command)) result.insert(load_balancer_of(*command));
  }
  return result;
}

void Replica::Impl::on_message(const Header&, const OrphansTaken& taken) {
  if (taken.batch != orphan_batch || orphans_unsent == 0) return;
  const auto first = dropped.begin() + static_cast<std::ptrdiff_t>(orphans_first);
  dropped.erase(first, first + static_cast<std::ptrdiff_t>(orphans_sent));
  ++orphan_batch;
  orphans_unsent -= orphans_sent;
  PersistBatch batch;
  batch.forget_dropped = true;
  batch.dropped = dropped;  // forget comes first
  persist(std::move(batch), [this] { send_orphans(); });
}

void Replica::Impl::on_message(const Header& header, const Commit& commit) {
  if (mode != Mode::following || header.term != meta.term || !reconciled) return;
  peer.committed = commit.committed;
  follow_commit(commit.committed);
}

// Half a history is no state to program: a node that catches up begins with all of it (H1).
void Replica::Impl::follow_commit(Seq committed) {
  if (!agreement_durable) return;
  const auto through = std::min(committed, durable.seq);
  if (through > history.committed()) commit_through(through);
  if (meta.ever_synced) program_everything_once();
}

void Replica::Impl::on_message(const Header& header, const Stale&) {
  if (header.term <= meta.term || comparison.running) return;
  if (mode == Mode::leading) {
    fenced = ownership == Ownership::master;
    step_down("the peer is in term " + std::to_string(header.term.value));
  }
  start_comparison("this node's term is over");
}

void Replica::Impl::send_heartbeat() {
  Heartbeat beat;
  beat.leads = mode == Mode::leading && term_ready;
  beat.last = history.last();
  beat.committed = history.committed();
  beat.state_digest = history.applied().digest();
  beat.programmed = programmed;
  beat.durable = durable;
  beat.synced = meta.ever_synced && (mode == Mode::leading || agreement_durable);
  beat.snapshot = peer.snapshot_installed;
  beat.facts = facts;
  send(std::move(beat));
}

void Replica::Impl::on_message(const Header& header, const Heartbeat& beat) {
  peer.facts = beat.facts;
  peer.leads = beat.leads;
  peer.committed = beat.committed;
  peer.state_digest = beat.state_digest;
  // What a follower says before it agrees is of another history.
  if (mode != Mode::leading || header.term == meta.term) peer.programmed = beat.programmed;
  if (comparison.running) return;
  if (beat.leads && mode == Mode::leading) return start_comparison("both nodes lead");
  if (beat.leads && of_lower_term(header)) {
    if (now >= next_stale) {
      next_stale = now + kRefusalPause;
      send(Stale{});
    }
    return;
  }
  peer.last = beat.last;
  if (mode == Mode::leading && header.term == meta.term) {
    take_ack(beat.durable, beat.synced, beat.snapshot);
    return;
  }
  if (beat.leads && mode != Mode::following) return start_comparison("the peer leads");
  if (!beat.leads) {
    const bool unled = mode == Mode::following && now - led_at >= kSilentLeader;
    return unled ? start_comparison("the peer was to lead and does not") : void();
  }
  if (reconciled) led_at = now;
  // It may have told before this node asked anew: then it believes that it is followed, and has nothing to send.
  if (!reconciled && now - led_at >= kSilentLeader) {
    led_at = now;
    return send_nack(NackReason::gap);
  }
  if (header.term != meta.term || !reconciled) return;
  follow_commit(beat.committed);
  compare_digests(beat);
  send_orphans();
}

void Replica::Impl::compare_digests(const Heartbeat& beat) {
  if (beat.committed != history.committed() || snapshot_in.running) return;
  const bool equal = beat.state_digest == history.applied().digest();
  if (equal) {
    diverged = false;
    return;
  }
  if (!diverged) log(Severity::error, "this node's state differs from the leader's at change " + std::to_string(beat.committed.value) + ": taking a snapshot");
  diverged = true;
  send_nack(NackReason::diverged);
}

}  // namespace distributor::replica
