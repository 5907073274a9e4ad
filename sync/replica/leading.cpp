// The leader: raises its term, brings the follower up to its log, commits what both disks hold, or its own alone (H3).
#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "sync/registry/codec.hpp"
#include "sync/replica/detail/core.hpp"
#include "sync/replica/planted.hpp"

namespace distributor::replica {
namespace {

constexpr std::size_t kDroppedNamedMax = 8;  // in the journal, of one batch
constexpr Duration kRefusalsPause = std::chrono::seconds(5);  // between two tries with a follower that does not take an entry
constexpr Duration kOrphansGoOn = std::chrono::seconds(2);  // a follower repeats its batch with each heartbeat

}  // namespace

// The term is on disk before it is used. What stands in the log counts as applied, as after a restart: the leader before may have
// acknowledged all of it.
void Replica::Impl::promote(const std::string& why, Term above) {
  meta.term = next_term(above);
  if (meta.pairing.term >= meta.survivor.term) meta.survivor = {config.boot_id, meta.term};  // else none paired since: the older word stands
  if (standalone()) meta.ever_synced = true;
  mode = Mode::leading;
  term_ready = false;
  edge = false;
  fenced = false;
  reconciled = false;
  verdict.clear();
  follower = Follower{};
  follower.progress = now;
  follower_locator.reset();
  refused_entry.reset();
  moved_at = now;
  moved_to = Seq{};
  moved_chunks = 0;
  snapshot_in.running = false;
  ceiling_durable = Seq{};
  PersistBatch batch;
  if (!planted(Planted::skip_persisted_term)) batch.meta = meta;
  persist(std::move(batch), [this, why, term = meta.term] {
    if (mode != Mode::leading || meta.term != term) return;
    term_ready = true;
    durable = history.last();
    log(Severity::info, "leads in term " + std::to_string(term.value) + ": " + why);
    if (history.committed() < history.last().seq) commit_through(history.last().seq);
    program_everything_once();
    if (follower_locator) {
      lead_follower(std::move(*follower_locator));
    } else if (peer.connected && !comparison.running) {
      start_comparison("a new term");
    }
  });
}

void Replica::Impl::lead_follower(std::vector<LogPoint> locator) {
  if (!term_ready) {
    follower_locator = std::move(locator);
    return;
  }
  follower_locator.reset();
  snapshot_out.running = false;
  snapshot_patience = kSnapshotPatience;
  follower = Follower{};
  follower.progress = now;
  const auto common = history.newest_common(locator);
  snapshot_mends = false;
  if (!common) return begin_snapshot();
  begin_streaming(common->seq);
}

// From here on every entry of the log may reach the follower's disk, and so be answered `pair`: that is written down before the first one is.
void Replica::Impl::begin_streaming(Seq common) {
  follower.streaming = true;
  follower.boot = peer.boot;
  follower.common = common;
  follower.next = common.next();
  if (meta.pairing.peer_boot != follower.boot && common < meta.pairing.ceiling.seq) follower.owed = meta.pairing.ceiling.seq;
  raise_ceiling();
  PersistBatch batch;
  batch.meta = meta;
  persist(std::move(batch), [this, term = meta.term, ceiling = meta.pairing.ceiling.seq] {
    if (mode != Mode::leading || meta.term != term) return;
    ceiling_durable = std::max(ceiling_durable, ceiling);
    advance_commit();
  });
  send_entries();
}

// What an earlier process of the peer may have acknowledged, the present one may have lost (an old disk): until it has all of that, its word
// that something never arrived counts for nothing.
void Replica::Impl::raise_ceiling() {
  const bool witness = follower.durable.seq >= follower.owed;
  meta.pairing = {meta.term, history.last(), witness ? follower.boot : 0};
}

// Sends what the follower lacks, in portions; always at least one Append, which compares.
void Replica::Impl::send_entries() {
  if (!follower.streaming || !term_ready || comparison.running) return;
  do {
    const auto previous = history.point(Seq{follower.next.value - 1});
    if (!previous) return begin_snapshot();  // the log was cut short meanwhile
    Append append;
    append.previous = *previous;
    append.last = history.last();
    append.committed = history.committed();
    std::size_t bytes = 0;
    while (append.entries.size() < config.message_entries_max) {
      const auto* entry = history.entry(follower.next);
      if (entry == nullptr || (bytes > 0 && bytes + entry->command.size() > config.message_bytes_max)) break;
      bytes += entry->command.size();
      append.entries.push_back(*entry);
      follower.next = follower.next.next();
    }
    send(std::move(append));
  } while (follower.next <= history.last().seq && follower.next.value - follower.durable.seq.value <= 4 * config.message_entries_max);
}

void Replica::Impl::on_message(const Header& header, const Ack& ack) {
  if (mode != Mode::leading || header.term != meta.term) return;
  peer.programmed = ack.programmed;  // as it says now: its Open vSwitch may have been emptied
  take_ack(ack.durable, ack.synced, ack.snapshot);
}

void Replica::Impl::take_ack(const LogPoint& point, bool synced, std::uint64_t snapshot) {
  if (snapshot < peer.snapshot_given) return;  // a late one, of the log that the snapshot replaced
  if (!follower.streaming || !history.holds(point) || point.seq < follower.durable.seq) return;
  if (point.seq > follower.durable.seq) follower.progress = now;
  if (point.seq > moved_to) {
    moved_to = point.seq;
    moved_at = now;
  }
  const bool has_all = synced && point.seq == history.last().seq;  // also where a snapshot was refused that is not needed any more
  if (refused_entry && (has_all || point.seq >= refused_entry->seq)) refused_entry.reset();
  const bool first = !follower.synced && synced;
  follower.durable = point;
  follower.synced = follower.synced || synced;
  if (follower.next <= point.seq) follower.next = point.seq.next();
  // Not persisted at once: the entry itself is on both disks, and the follower persisted the floor together with it.
  const auto floor = std::min(point.seq, durable.seq);
  if (synced && floor > meta.pair_floor.seq) {
    meta.pair_floor = *history.point(floor);
    floor_dirty = true;
  }
  if (first) log(Severity::info, "the peer is in sync up to change " + std::to_string(point.seq.value));
  advance_commit();
  answer_orphans();
  if (follower.next <= history.last().seq) send_entries();
}

void Replica::Impl::on_message(const Header& header, const Nack& nack) {
  if (mode != Mode::leading || header.term > meta.term || planted(Planted::drop_nack)) return;
  // A follower that lacks what was sent first has not taken this term over yet: its base moved on after its Hello. Unheard, it would ask for ever.
  const bool before_this_term = header.term != meta.term;
  const bool unreadable = snapshot_out.running && nack.reason == NackReason::mismatch;
  if (before_this_term && nack.reason != NackReason::gap && !unreadable) return;
  if (unreadable) refuses_on(refused_entry ? refused_entry->seq : snapshot_out.point.seq.next());
  if (snapshot_out.running) return;
  if (nack.reason == NackReason::diverged) {
    diverged = true;
    log(Severity::error, "the peer held another state at the same place of the history: it takes a snapshot");
  }
  if (nack.reason == NackReason::diverged || nack.reason == NackReason::resync) {
    snapshot_mends = true;
    return begin_snapshot();
  }
  const auto common = nack.reason == NackReason::mismatch ? history.newest_common(nack.locator) : std::nullopt;
  if (common && common->seq != history.last().seq && refuses_on(common->seq.next())) return;
  lead_follower(nack.locator);
}

// The next entry, or the whole state, again. It is asked seldom then, and after a while nobody waits for it any more: changes go on as if it
// were away.
bool Replica::Impl::refuses_on(Seq seq) {
  if (!refused_entry || refused_entry->seq != seq) refused_entry = RefusedEntry{seq, now, now};
  if (!follower_refuses()) return false;
  if (now - refused_entry->asked < kRefusalsPause) return true;
  refused_entry->asked = now;
  log(Severity::error, "the peer does not take change " + std::to_string(seq.value) +
                           ", and says why in its own log: until it does, changes are on this node alone; is it of an older version? upgrade it");
  return false;
}

void Replica::Impl::on_message(const Header& header, const ProgrammedAck& ack) {
  if (mode != Mode::leading || header.term != meta.term) return;
  peer.programmed = ack.programmed;
  answer_programmed();
}

// What the follower had done alone since the last common entry: proposed again where this node touched nothing of the same load
// balancer meanwhile, else listed. Taken only when both are durable here, and what was made is in the follower's log too (H8).
void Replica::Impl::on_message(const Header& header, const Orphans& orphans) {
  if (mode != Mode::leading || header.term != meta.term || !term_ready) return;
  const std::pair identity(header.sender_boot, orphans.batch);
  orphans_heard = now;
  if (!follower.streaming) return;  // it would forget what only this disk has; it asks again
  if (orphans_taken == identity) {
    orphans_answered = false;  // it asks again
    return answer_orphans();
  }
  if (orphans_taken.first != identity.first) {
    orphans_judged.clear();
    adopted.clear();
  }
  if (orphans_taken.first != identity.first || orphans_common_then != orphans.common) orphans_closed.clear();
  orphans_common_then = orphans.common;
  orphans_taken = identity;
  orphans_durable = orphans_answered = false;
  const auto compared = compare(orphans);
  // What a batch before could not have stays out.
  for (const auto& lb : compared.touched) orphans_closed.emplace(lb, "the leader changed the same load balancer meanwhile");
  std::vector<LogEntry> made;
  std::vector<DroppedChange> refused;
  for (const auto& change : orphans.changes) {
    // Once is enough, also where its answer was lost and it comes in another batch: a sequence done twice does not end as one done once (O2).
    const bool again = !orphans_judged.emplace(change.term, change.seq, sha256(change.command)).second;
    if (again || compared.done.contains(&change)) continue;
    const auto command = decode_command(change.command);
    if (auto reason = refusal_of(change, command, orphans)) {
      if (command) orphans_closed.emplace(load_balancer_of(*command), "an earlier change of the same load balancer is not made here");
      refused.push_back(change);
      refused.back().reason = std::move(*reason);
    } else if (history.tail().check(*command)->changed) {
      made.push_back(enter(*command, change.request_id));
      adopted.insert(made.back().digest);
    }
  }
  tell_dropped(refused);
  PersistBatch batch;
  list_dropped(std::move(refused), batch);
  orphans_through = history.last().seq;
  persist_entered(std::move(made), std::move(batch), [this, identity] {
    if (orphans_taken != identity) return;
    orphans_durable = true;
    orphans_heard = now;
    answer_orphans();
  });
}

// Told earlier, the follower would forget changes that its log lacks still: alone again, it would make others in their place (O2).
void Replica::Impl::answer_orphans() {
  if (orphans_answered || !orphans_durable || orphans_taken.first != peer.boot || follower.durable.seq < orphans_through) return;
  orphans_answered = true;
  send(OrphansTaken{orphans_taken.second});
}

// Why a change that the peer had made alone is not made here; nothing if it may be.
std::optional<std::string> Replica::Impl::refusal_of(const DroppedChange& change, const Parsed<Command>& command, const Orphans& orphans) const {
  if (!command) return "it cannot be read: " + command.error().message;
  if (!orphans.propose) return change.reason;
  if (!history.holds(orphans.common)) return "the leader's log does not reach back to what both had";
  if (const auto closed = orphans_closed.find(load_balancer_of(*command)); closed != orphans_closed.end() && !planted(Planted::undo_the_leader)) {
    return closed->second;
  }
  const auto judged = history.tail().check(*command);
  if (!judged) return "proposed again and refused: " + judged.error().message;
  return std::nullopt;
}

void Replica::Impl::tell_dropped(const std::vector<DroppedChange>& changes) {
  const auto named = std::min(changes.size(), kDroppedNamedMax);
  for (std::size_t i = 0; i < named; ++i) {
    log(Severity::warning, "a change that the peer had made alone is dropped (term " + std::to_string(changes[i].term.value) + ", change " +
                               std::to_string(changes[i].seq.value) + "): " + changes[i].reason);
  }
  if (changes.size() == named) return;
  log(Severity::warning, std::to_string(changes.size() - named) + " more changes that the peer had made alone are dropped; `distributorctl losses` has them all");
}

// The load balancers that this node changed since the last common entry. What came from the peer's own list is no such change: an earlier
// batch of it, or this one, taken by this node before it was restarted. A client's own retry at this node looks like one of those; only the
// first changes of a load balancer, in their order, are taken for them, or an amphora could get the position that another one was told.
Replica::Impl::Compared Replica::Impl::compare(const Orphans& orphans) const {
  std::map<LoadBalancerId, std::deque<const DroppedChange*>> theirs;
  for (const auto& change : orphans.changes) {
    if (const auto command = decode_command(change.command)) theirs[load_balancer_of(*command)].push_back(&change);
  }
  Compared compared;
  for (auto seq = std::max(orphans.common.seq, history.base().seq).next(); seq <= history.last().seq; seq = seq.next()) {
    const auto& entry = *history.entry(seq);
    const auto& lb = *history.touched(seq);
    auto& next = theirs[lb];
    // Without an id both may have been asked the same.
    if (!next.empty() && !entry.request_id.empty() && next.front()->command == entry.command && next.front()->request_id == entry.request_id) {
      compared.done.insert(next.front());
      next.pop_front();
    } else if (!adopted.contains(entry.digest)) {
      compared.touched.insert(lb);
    }
  }
  return compared;
}

// At the end of the log, and not on its way to any disk yet.
LogEntry Replica::Impl::enter(const Command& command, const std::string& request_id) {
  auto entry = history.append_new(meta.term, request_id, history.tail().settled(command));
  remember(request_id, entry.seq);
  return entry;
}

void Replica::Impl::append_command(const Command& command, const std::string& request_id) { persist_entered({enter(command, request_id)}, {}, {}); }

// To the peer first, so that its disk and ours work at the same time; here in one transaction with the rest of the batch.
void Replica::Impl::persist_entered(std::vector<LogEntry> entries, PersistBatch batch, std::function<void()> then) {
  const bool for_both = follower.streaming && !entries.empty();
  if (for_both) raise_ceiling();
  if (for_both && follower.next == entries.front().seq) send_entries();
  if (for_both || floor_dirty) batch.meta = meta;
  batch.append = std::move(entries);
  persist(std::move(batch), [this, then = std::move(then), point = history.last(), for_both, term = meta.term, generation = log_generation] {
    if (generation == log_generation && history.holds(point)) durable = std::max(durable, point, [](const LogPoint& a, const LogPoint& b) { return a.seq < b.seq; });
    if (then) then();
    if (mode != Mode::leading) return;
    if (for_both && meta.term == term) ceiling_durable = std::max(ceiling_durable, point.seq);
    advance_commit();
  });
}

bool Replica::Impl::solo() const {
  if (standalone()) return true;
  return (peer_silent() || holds_up_nobody()) && config.solo_policy == SoloPolicy::automatic;
}

// Committed = on both disks; alone: on this one.
void Replica::Impl::advance_commit() {
  if (mode != Mode::leading || !term_ready) return;
  auto through = history.committed();
  if (follower.streaming && follower.synced) through = std::max(through, std::min(durable.seq, follower.durable.seq));
  if (solo()) through = std::max(through, durable.seq);
  if (through > history.committed()) commit_through(through);
  mark_committed();
}

void Replica::Impl::commit_through(Seq seq) {
  auto touched = history.commit_through(seq);
  if (everything_asked) out.push_back(Program{history.committed(), std::move(touched), false});  // else all of it follows
  if (mode == Mode::leading && follower.streaming) send(Commit{history.committed()});
}

// Folds old entries into the base. While the peer is away the log reaches back to the last entry that both have, up to its bound; and
// always a little further: a leader that crashed may come back with a log that ends as many entries earlier as were on their way, and the
// newest request ids are known from the log.
void Replica::Impl::checkpoint() {
  const auto safe = std::min(history.committed(), durable.seq);
  const std::uint64_t kept = std::max(2 * config.in_flight_max, ids_remembered());
  auto through = std::min(safe, Seq{meta.pair_floor.seq.value - std::min(meta.pair_floor.seq.value, kept)});
  // What this node touched since then is asked of the log with each batch.
  const bool on_its_way = orphans_taken.first != 0 && !orphans_durable;
  const bool orphans_go_on = orphans_heard && (on_its_way || now - *orphans_heard < kOrphansGoOn);
  if (orphans_go_on) through = std::min(through, orphans_common_then.seq);
  if (standalone()) through = Seq{safe.value - std::min<std::uint64_t>(safe.value, ids_remembered())};
  if (history.size() > config.log_keep_max) through = std::max(through, Seq{safe.value - std::min(safe.value, config.log_keep_max / 2)});
  through = std::min(through, safe);
  const bool worth_it = through.value >= history.base().seq.value + config.checkpoint_every;
  if (!worth_it && !floor_dirty) return;
  PersistBatch batch;
  if (worth_it) {
    auto moved = history.advance_base(through);
    meta.base = moved.base;
    batch.base_upsert = std::move(moved.upsert);
    batch.base_erase = std::move(moved.erase);
    batch.prune_through = moved.base.seq;
  }
  batch.meta = meta;
  persist(std::move(batch), {});
}

}  // namespace distributor::replica
