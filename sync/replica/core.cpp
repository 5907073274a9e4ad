// Events that are not messages, the passing of time, and what the core says of itself.
#include <algorithm>
#include <utility>

#include "sync/replica/detail/core.hpp"
#include "sync/replica/planted.hpp"

namespace distributor::replica {
namespace {

constexpr Duration kHelloResend = std::chrono::milliseconds(500);
constexpr Duration kResendAfter = std::chrono::milliseconds(500);  // entries or chunks that nobody acknowledged

}  // namespace

Replica::Impl::Impl(Config wanted, DurableState state, TimePoint start)
    : config(std::move(wanted)), now(start), started(start), meta(state.meta), history(state), dropped(std::move(state.dropped)) {
  config.message_bytes_max = std::clamp<std::size_t>(config.message_bytes_max, 1, kBatchBytesMax);
  config.message_entries_max = std::clamp<std::size_t>(config.message_entries_max, 1, kEntriesPerMessageMax);
  config.snapshot_window = std::clamp<std::uint64_t>(config.snapshot_window, 1, kSnapshotWindow);
  meta.pair_id = config.pair_id;
  meta.node_id = config.node_id;
  durable = history.last();
  peer.heard = start;
  for (const auto& entry : state.log) remember(entry.request_id, entry.seq);
}

void Replica::Impl::begin() {
  begun = true;
  if (!history.broken().empty()) {
    mode = Mode::failed;
    store_fault = history.broken();
    log(Severity::error, "the stored history cannot be used: " + history.broken() + "; restore a backup, or wipe the store so that the peer's state is taken over");
    return;
  }
  if (standalone()) return promote("no peer is configured", meta.term);
  // A node that was never in sync knows nothing: it must not program an empty table over rules that stand.
  if (meta.ever_synced) program_everything_once();
}

void Replica::Impl::program_everything_once() {
  if (std::exchange(everything_asked, true)) return;
  out.push_back(Program{history.committed(), {}, true});
}

void Replica::Impl::on(const Tick&) {}

void Replica::Impl::on(const PeerConnected&) {
  if (mode == Mode::failed) return;
  peer.connected = true;
  start_comparison("connected", std::exchange(comparison.other, std::nullopt));  // maybe its Hello came before our connection stood
}

void Replica::Impl::on(const PeerDisconnected&) {
  peer.connected = false;
  comparison.running = false;
  comparison.decided = false;
  comparison.other.reset();
  follower.streaming = false;
  follower_locator.reset();
  snapshot_out.running = false;
  snapshot_in.running = false;
}

void Replica::Impl::on(const PeerMessage& event) {
  if (mode == Mode::failed || standalone()) return;
  const auto& header = event.message.header;
  if (header.sender != *config.peer_id) {
    if (header.sender == config.node_id && refused_hellos++ % 256 == 0) {
      log(Severity::error, "the peer says that it is " + config.node_id.text() + ", as this node: was a disk or configuration copied? give the copy a node_id and a store of its own");
    }
    return;
  }
  if (const auto* hello = std::get_if<Hello>(&event.message.body)) return on_hello(header, *hello);
  // Frames of an earlier life of either node say nothing about this one.
  if (header.sender_boot != peer.boot || header.receiver_boot != config.boot_id) return;
  if (header.term < peer.told_term && !planted(Planted::accept_lower_term)) return;  // a late one: a process's term never goes back
  peer.told_term = header.term;
  peer.hear(now);
  peer.ever_heard = true;
  peer.term = std::max(peer.term, header.term);
  std::visit(
      [&](const auto& body) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(body)>, Hello>) on_message(header, body);
      },
      event.message.body);
}

void Replica::Impl::on(const PersistDone& event) {
  const auto found = persisting.find(event.token);
  if (found == persisting.end()) return;
  const auto then = std::move(found->second);
  persisting.erase(found);
  for (const auto& one : then) {
    if (mode != Mode::failed && one) one();
  }
}

void Replica::Impl::on(const PersistFailed& event) {
  persisting.erase(event.token);
  if (mode == Mode::failed) return;
  mode = Mode::failed;
  comparison.running = false;
  // From here on this node is silent: the peer takes it for dead and goes on alone.
  refuse_all(RefusalCode::store_failed, "the store refused a write: " + event.error);
  store_fault = event.error;
  log(Severity::error, "the store refused a write: this node takes no part any more: " + event.error);
}

void Replica::Impl::on(const OwnershipChanged& event) {
  const bool becomes_master = event.ownership == Ownership::master && ownership != Ownership::master;
  ownership = event.ownership;
  if (ownership == Ownership::master) {
    edge = edge || (event.fresh_edge && becomes_master);
    // Of a settled leader it asks for nothing. Kept, it would raise a term against the peer that takes over in order, before BACKUP is read here.
    if (mode == Mode::leading && !comparison.running) edge = false;
    // Histories may have been compared before keepalived was asked (a restart, a lost line): the owner would follow for ever.
    if (becomes_master && !event.fresh_edge && mode != Mode::leading && mode != Mode::failed) start_comparison("keepalived has this node as the owner");
    return;
  }
  edge = false;
  if (fenced && ownership == Ownership::backup) fenced = false;
}

void Replica::Impl::on(const Programmed& event) {
  programmed = std::max(programmed, std::min(event.seq, history.committed()));
  if (mode == Mode::following && peer.connected && reconciled) send(ProgrammedAck{programmed});
  answer_programmed();
}

void Replica::Impl::on(const LocalFactsChanged& event) {
  facts = event.facts;
  if (peer.connected && peer.boot != 0 && mode != Mode::failed) send_heartbeat();
}

void Replica::Impl::on(const InitAlone&) {
  if (meta.ever_synced || mode == Mode::failed) return;
  if (peer_alive() && comparison.other && comparison.other->ever_synced) {
    log(Severity::error, "told to begin alone, and the peer is here with a history: nothing was changed, this node takes that over; stop the peer's daemon first if this node's data counts");
    return;
  }
  meta.ever_synced = true;
  verdict.clear();
  PersistBatch batch;
  batch.meta = meta;
  persist(std::move(batch), [this] {
    log(Severity::warning, "told to begin alone: this node's data is the pair's from here on");
    if (history.committed() < history.last().seq) commit_through(history.last().seq);
    program_everything_once();
    if (peer.connected) start_comparison("begun alone");
  });
}

void Replica::Impl::on(const AcknowledgeDropped& event) {
  const auto seen = marked_by(event.mark, dropped);
  if (seen == 0 || mode == Mode::failed) return;
  // What the leader is being asked to take is not lost, and nobody has seen it as such: that stays.
  const bool asked = mode == Mode::following && peer.connected;
  const auto offered_end = orphans_first + orphans_unsent;
  if (!asked && orphans_unsent > 0 && seen > orphans_first) {
    given_up.merge(offered());
    orphans_unsent = 0;
    ++orphan_batch;
  }
  std::vector<DroppedChange> kept;
  std::size_t before_offered = 0;
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    const bool is_offered = asked && i >= orphans_first && i < offered_end;
    if (i < seen && !is_offered) continue;
    if (i < orphans_first) ++before_offered;
    kept.push_back(std::move(dropped[i]));
  }
  dropped = std::move(kept);
  orphans_first = before_offered;
  PersistBatch batch;
  batch.forget_dropped = true;
  batch.dropped = dropped;
  persist(std::move(batch), {});
}

// What follows from the passing of time, and from what an event left to do.
void Replica::Impl::run_time() {
  if (mode == Mode::failed) return;
  if (in_sync()) in_sync_at = now;
  if (mode == Mode::leading) watch_follower();
  if (comparison.running && peer_silent() && now - comparison.started >= config.solo_after) comparison.running = false;
  if (comparison.running && now >= comparison.resend) {
    comparison.resend = now + kHelloResend;
    send_hello();
  }
  // Connected, and not a word that is meant for this process: the peer may take it for an earlier one, and would for ever.
  if (peer.connected && !comparison.running && peer_silent() && now >= comparison.resend) {
    comparison.resend = now + 2 * kHelloResend;
    send_hello();
  }
  // A clock that jumped, or a lost frame, may end a comparison on one side only: the peer is here, and nobody says from where it follows.
  const bool unled = mode == Mode::leading && term_ready && !follower.streaming && !snapshot_out.running;
  if (unled && peer.connected && peer_alive() && !comparison.running && now >= comparison.resend) start_comparison("the peer follows nothing");
  const bool contact_without_result = peer.connected && !comparison.running && mode == Mode::idle && peer_alive() && now >= comparison.resend;
  if (contact_without_result) start_comparison("nobody leads");
  if (mode != Mode::leading && may_promote()) promote(peer_silent() ? "the peer is silent and this node owns the VIPs" : "keepalived made this node the owner", std::max(meta.term, peer.term));
  expire_hold();
  if (mode == Mode::leading && term_ready) {
    advance_commit();
    serve_queue();
    send_again();
  }
  expire_clients();
  answer_programmed();
  if (now >= next_heartbeat) {
    next_heartbeat = now + config.heartbeat_every;
    if (peer.connected && peer.boot != 0 && !comparison.running) send_heartbeat();
    checkpoint();
  }
}

// Whether anything that a change has to wait for goes on there.
void Replica::Impl::watch_follower() {
  const bool has_all = follower.streaming && follower.synced && follower.durable.seq == history.last().seq;
  if (peer_silent() || has_all) {
    moved_at = now;
    moved_to = has_all ? history.last().seq : Seq{};
    moved_chunks = 0;
  }
  const bool stuck = follower_stuck() && !standalone();
  if (stuck && !told_stuck) {
    log(Severity::error, "the peer is heard and does not get in step: changes are on this node alone until it does; look at its log, and at both versions");
  }
  told_stuck = stuck;
}

// What the follower has not answered.
void Replica::Impl::send_again() {
  const bool unanswered = !follower.synced || follower.durable.seq < history.last().seq;
  if (follower.streaming && unanswered && now - follower.progress >= kResendAfter) {
    follower.next = std::max(follower.durable.seq, follower.common).next();
    follower.progress = now;
    send_entries();
  }
  if (!snapshot_out.running || now - snapshot_out.progress < snapshot_patience) return;
  if (snapshot_patience == kSnapshotPatienceMax) {
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(snapshot_patience).count();
    log(Severity::warning, "the peer did not take the whole state within " + std::to_string(waited) + " s and is not in sync: it gets it again; look at its disk and at the link");
  }
  snapshot_patience = std::min(2 * snapshot_patience, kSnapshotPatienceMax);
  begin_snapshot();
}

TimePoint Replica::Impl::next_deadline() const {
  if (mode == Mode::failed) return now + std::chrono::hours(1);  // nothing will come of itself
  auto deadline = next_heartbeat;
  if (comparison.running) deadline = std::min(deadline, comparison.resend);
  for (const auto& one : waiting) deadline = std::min(deadline, one.committed ? one.programmed_deadline : one.deadline);
  for (const auto& one : queue) deadline = std::min(deadline, one.deadline);
  if (writes != Writes::open) deadline = std::min(deadline, writes_until);
  if (!peer_silent()) deadline = std::min(deadline, peer.heard + config.solo_after);
  return deadline;
}

Phase Replica::Impl::phase() const {
  if (mode == Mode::failed) return Phase::failed;
  if (fenced && !in_sync()) return Phase::fenced;
  if (held_by_comparison()) return Phase::negotiating;
  switch (mode) {
    case Mode::leading:
      if (follower.streaming && peer_alive() && follower.synced && !holds_up_nobody()) return Phase::leading;
      return solo() ? Phase::solo : Phase::holding;
    case Mode::following:
      return keeps_up() ? Phase::following : Phase::catching_up;
    default:
      return Phase::waiting;
  }
}

bool Replica::Impl::is_entitled() const {
  if (mode == Mode::failed || !meta.ever_synced || fenced) return false;
  if (mode == Mode::leading || keeps_up()) return true;
  return peer_silent();  // alone: whatever it has
}

std::string Replica::Impl::why_not() const {
  if (is_entitled()) return "";
  if (mode == Mode::failed) return "its store cannot be used: " + store_fault;
  if (!meta.ever_synced) return "it was never in sync with the pair: it waits for the peer, or for `distributorctl init --alone`";
  if (fenced) return "it was deposed by a higher term and waits until keepalived says BACKUP";
  if (mode == Mode::following) return "it is catching up with its peer";
  return verdict.empty() ? "histories have not been compared yet" : verdict;
}

Status Replica::Impl::status() const {
  Status status;
  status.phase = phase();
  status.term = meta.term;
  status.last = history.last().seq;
  status.committed = history.committed();
  status.programmed = programmed;
  status.pair_floor = meta.pair_floor.seq;
  status.state_digest = history.applied().digest();
  status.leads = mode == Mode::leading && term_ready;
  status.takes_changes = takes_changes();
  status.writes = writes;
  status.drained = drained();
  status.entitled = is_entitled();
  status.why_not = why_not();
  status.ever_synced = meta.ever_synced;
  status.diverged = diverged;
  status.waiting_requests = waiting.size() + queue.size();
  status.dropped = dropped.size();
  status.peer.connected = peer.connected;
  status.peer.alive = peer_alive();
  status.peer.term = peer.term;
  status.peer.last = peer.last.seq;
  status.peer.durable = mode == Mode::leading ? follower.durable.seq : peer.last.seq;
  status.peer.programmed = peer.programmed;
  status.peer.state_digest = peer.state_digest;
  status.peer.leads = peer.leads && peer_alive();
  status.peer.facts = peer.facts;
  return status;
}

void Replica::Impl::persist(PersistBatch batch, std::function<void()> then) {
  const auto token = ++tokens;
  if (batch.meta) {
    floor_dirty = false;
    meta_asked = *batch.meta;
  }
  persisting[token].push_back(std::move(then));
  out.push_back(Persist{token, std::move(batch)});
}

void Replica::Impl::after_what_is_on_its_way(std::function<void()> then) {
  if (persisting.empty()) return then();
  persisting.rbegin()->second.push_back(std::move(then));
}

void Replica::Impl::send(Body body) { send(std::move(body), peer.boot); }

void Replica::Impl::send(Body body, std::uint64_t to_boot) {
  if (!peer.connected || standalone()) return;
  out.push_back(SendMessage{Message{{config.node_id, config.boot_id, to_boot, meta.term}, std::move(body)}});
}

void Replica::Impl::log(Severity severity, std::string text) { out.push_back(LogLine{severity, std::move(text)}); }

Term Replica::Impl::next_term(Term above) const {
  const auto counter = (std::max(meta.term, above).value >> 1U) + 1;
  const std::uint64_t bit = config.peer_id && config.node_id > *config.peer_id ? 1 : 0;
  return Term{(counter << 1U) | bit};
}

}  // namespace distributor::replica
