// A follower that the log no longer reaches gets the whole state: in chunks, on credit, installed in one transaction once its digest fits.
#include <algorithm>
#include <utility>

#include "sync/registry/codec.hpp"
#include "sync/replica/detail/core.hpp"
#include "sync/replica/detail/restoring.hpp"
#include "sync/replica/planted.hpp"

namespace distributor::replica {

void Replica::Impl::begin_snapshot() {
  follower = Follower{};
  follower.progress = now;
  snapshot_out = SnapshotOut{};
  snapshot_out.running = true;
  snapshot_out.id = ++snapshot_ids;
  snapshot_out.progress = now;
  snapshot_out.point = *history.point(snapshot_seq());
  const auto state = history.state_at(snapshot_out.point.seq);
  for (const auto& [id, lb] : state.all()) snapshot_out.load_balancers.push_back(lb);
  snapshot_out.digest = state.digest();
  log(Severity::info, "the peer gets a snapshot of " + std::to_string(snapshot_out.load_balancers.size()) + " load balancers at change " +
                          std::to_string(snapshot_out.point.seq.value));
  own_the_point(snapshot_out.point);
  send(SnapshotBegin{snapshot_out.id, snapshot_out.point, static_cast<std::uint32_t>(snapshot_out.load_balancers.size()), snapshot_out.digest});
  send_chunks();
}

// Not the newest state: what the follower gets from the log on top of it has the request ids of the newest changes, by which it knows a call
// that comes again once it leads (H2). But nothing below what it may have helped to answer `pair`: that must not leave its disk (H1).
Seq Replica::Impl::snapshot_seq() const {
  const auto committed = history.committed();
  if (snapshot_mends || !comparison.other) return committed;
  const Seq wanted{committed.value - std::min<std::uint64_t>(committed.value, ids_remembered())};
  const auto& theirs = *comparison.other;
  return std::min(committed, std::max({history.base().seq, wanted, theirs.pair_floor.seq, theirs.pairing.ceiling.seq}));
}

// The follower's floor will be this point, and the base here may pass it before a word of that comes back: it is of this history all the same.
void Replica::Impl::own_the_point(const LogPoint& point) {
  const bool covered = meta.pairing.term == meta.term && meta.pairing.ceiling.seq >= point.seq;
  if (covered) return;
  const auto& ceiling = meta.pairing.ceiling.seq > point.seq && history.holds(meta.pairing.ceiling) ? meta.pairing.ceiling : point;
  meta.pairing = {meta.term, LogPoint(ceiling), meta.pairing.peer_boot == peer.boot ? peer.boot : 0};
  PersistBatch batch;
  batch.meta = meta;
  persist(std::move(batch), {});
}

void Replica::Impl::send_chunks() {
  auto& snapshot = snapshot_out;
  while (snapshot.running && !snapshot.finished && snapshot.next_index < snapshot.credited + config.snapshot_window) {
    SnapshotChunk chunk{snapshot.id, snapshot.next_index++, {}, false};
    std::size_t bytes = 0;
    while (snapshot.sent < snapshot.load_balancers.size() && bytes < config.message_bytes_max) {
      chunk.load_balancers.push_back(encode(*snapshot.load_balancers[snapshot.sent++]));
      bytes += chunk.load_balancers.back().size();
    }
    chunk.last = snapshot.sent == snapshot.load_balancers.size();
    snapshot.finished = chunk.last;
    send(std::move(chunk));
  }
}

void Replica::Impl::on_message(const Header& header, const SnapshotCredit& credit) {
  // Only with the last chunk does a follower take this term over: until then it speaks in its own (H1).
  if (mode != Mode::leading || header.term > meta.term || !snapshot_out.running || credit.id != snapshot_out.id) return;
  snapshot_out.progress = now;
  if (credit.next_index > moved_chunks) {
    moved_chunks = credit.next_index;
    moved_at = now;
  }
  snapshot_out.credited = std::max(snapshot_out.credited, credit.next_index);
  if (!snapshot_out.finished || snapshot_out.credited < snapshot_out.next_index) return send_chunks();
  // All of it arrived and is installed: what was appended meanwhile follows from the log.
  const auto point = snapshot_out.point;
  peer.snapshot_given = snapshot_out.id;
  refused_entry.reset();
  moved_to = std::min(moved_to, point.seq);
  snapshot_patience = kSnapshotPatience;
  snapshot_out = SnapshotOut{};
  if (!history.point(point.seq)) return begin_snapshot();
  begin_streaming(point.seq);
}

void Replica::Impl::on_message(const Header& header, const SnapshotBegin& begin_of) {
  if (mode != Mode::following || of_lower_term(header) || comparison.running) return;
  if (begin_of.id <= peer.snapshot_begun) return;  // a late one: its state is older than what followed
  peer.snapshot_begun = begin_of.id;
  snapshot_in = SnapshotIn{};
  snapshot_in.running = true;
  snapshot_in.begin = begin_of;
  peer.leads = true;
  if (begin_of.point.seq > peer.last.seq) peer.last = begin_of.point;  // it is older than what the leader has
}

void Replica::Impl::on_message(const Header& header, const SnapshotChunk& chunk) {
  auto& snapshot = snapshot_in;
  if (mode != Mode::following || of_lower_term(header) || !snapshot.running || chunk.id != snapshot.begin.id || chunk.index != snapshot.next_index) return;
  led_at = now;
  for (const auto& bytes : chunk.load_balancers) {
    auto lb = decode_load_balancer(bytes);
    if (!lb || snapshot.load_balancers.size() >= snapshot.begin.load_balancers) {
      log(Severity::error, "the leader's snapshot cannot be read" + (lb ? std::string() : ": " + lb.error().message));
      snapshot = SnapshotIn{};
      return send_nack(NackReason::mismatch);
    }
    snapshot.load_balancers.push_back(std::move(*lb));
  }
  ++snapshot.next_index;
  if (!chunk.last) {
    send(SnapshotCredit{snapshot.begin.id, snapshot.next_index});
    return;
  }
  meta.term = header.term;
  install_snapshot();
}

// What this node did alone and the leader's state may lack. Of what is folded into the base there is no change to list any more: then the
// commands that would bring back what the base held; the changes that came after it follow.
void Replica::Impl::list_as_replaced(const Registry& state, const LogPoint& point, PersistBatch& batch) {
  const auto own_floor = allow_below_floor || !leader_has_floor ? Seq{0} : meta.pair_floor.seq;
  forget_after(own_floor);  // also what is folded into the base: its entries are gone, and a retry would be taken for done
  std::vector<DroppedChange> replaced;
  if (history.base().seq > own_floor) {
    for (const auto& command : restoring(history.base_state(), state)) {
      replaced.push_back({history.base().term, history.base().seq, {}, encode(command),
                          "this node held this load balancer otherwise and the changes themselves are no longer kept: this call brings its state back"});
    }
  }
  for (auto seq = std::max(history.base().seq, std::min(own_floor, point.seq)).next(); seq <= history.last().seq; seq = seq.next()) {
    const auto* entry = history.entry(seq);
    if (entry == nullptr || seq <= own_floor) continue;
    replaced.push_back({entry->term, entry->seq, entry->request_id, entry->command, "not in the log that the leader still has: it sent its state instead"});
  }
  if (replaced.empty()) return;
  log(Severity::warning, std::to_string(replaced.size()) + " changes made alone may be lost with the leader's snapshot; they are listed");
  list_dropped(std::move(replaced), batch);
}

void Replica::Impl::keep_beyond(const std::vector<LogEntry>& beyond, PersistBatch& batch) {
  std::vector<DroppedChange> lost;
  for (const auto& entry : beyond) {
    if (lost.empty() && history.append(entry)) {
      batch.append.push_back(entry);
      continue;
    }
    forget(entry.request_id, entry.seq);
    lost.push_back({entry.term, entry.seq, entry.request_id, entry.command, "does not fit the state that the leader sent"});
  }
  if (lost.empty()) return;
  log(Severity::warning, std::to_string(lost.size()) + " changes do not fit the state that the leader sent; they are listed");
  list_dropped(std::move(lost), batch);
}

void Replica::Impl::install_snapshot() {
  auto snapshot = std::exchange(snapshot_in, SnapshotIn{});
  Registry state;
  if (planted(Planted::renumber_positions)) {
    for (auto& lb : snapshot.load_balancers) std::erase_if(lb.slots, [](const Slot& slot) { return !slot.occupant; });
  }
  if (planted(Planted::half_snapshot)) snapshot.load_balancers.resize(snapshot.load_balancers.size() / 2);
  const bool unchecked = planted(Planted::renumber_positions) || planted(Planted::half_snapshot);
  bool whole = snapshot.load_balancers.size() == snapshot.begin.load_balancers;
  for (const auto& lb : snapshot.load_balancers) whole = state.restore(lb) && whole;
  if (!unchecked && (!whole || state.digest() != snapshot.begin.state_digest)) {
    log(Severity::error, "the leader's snapshot does not fit its digest: refused, it comes again");
    return send_nack(NackReason::mismatch);
  }
  PersistBatch batch;
  const auto end_before = history.last().seq;
  // Where the own log reaches beyond it in the same history, that stays: the pair may rest on it, and the leader may be about to lose it.
  const bool same_history = history.holds(snapshot.begin.point);
  const auto beyond = same_history ? history.after(snapshot.begin.point.seq) : std::vector<LogEntry>{};
  if (!same_history) list_as_replaced(state, snapshot.begin.point, batch);
  history.install(std::move(state), snapshot.begin.point);
  keep_beyond(beyond, batch);
  if (!same_history || history.last().seq < end_before) log_was_cut();
  meta.base = snapshot.begin.point;
  if (meta.pair_floor.seq <= meta.base.seq || !history.holds(meta.pair_floor)) meta.pair_floor = meta.base;
  meta.pairing = {meta.term, meta.pair_floor, 0};
  leader_has_floor = true;
  diverged = false;
  programmed = Seq{0};
  batch.meta = meta;
  batch.install_base = std::move(snapshot.load_balancers);
  log(Severity::info, "took over the leader's state at change " + std::to_string(meta.base.seq.value));
  if (everything_asked) out.push_back(Program{history.committed(), {}, true});  // what it has is of another history, or differs; else once all is there
  persist(std::move(batch), [this, end = history.last(), generation = log_generation, credit = SnapshotCredit{snapshot.begin.id, snapshot.next_index}] {
    if (generation != log_generation) return;  // replaced by a later one
    durable = end;
    if (peer.snapshot_begun == credit.id) peer.snapshot_installed = credit.id;
    send(credit);
  });
}

}  // namespace distributor::replica
