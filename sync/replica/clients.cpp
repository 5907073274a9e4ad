// Clients that wait for their change: judged in order, answered exactly once, never later than their deadline (H2, H3).
#include <algorithm>
#include <utility>

#include "sync/registry/limits.hpp"
#include "sync/replica/detail/core.hpp"

namespace distributor::replica {

void Replica::Impl::on(const Submit& event) {
  if (mode == Mode::failed) return refuse(event.handle, RefusalCode::store_failed, "the store cannot be used: " + store_fault);
  if (writes == Writes::moved) return refuse(event.handle, RefusalCode::moved, "ownership moves to the peer: ask the management address again");
  if (!takes_changes()) return refuse(event.handle, RefusalCode::not_leader, "this node does not lead: " + why_not());
  const bool not_owner = !standalone() && (ownership == Ownership::backup || ownership == Ownership::fault);
  if (not_owner) return refuse(event.handle, RefusalCode::not_leader, "keepalived does not have this node as the owner: ask the management address");
  const bool alone = !standalone() && peer_silent();
  if (alone && config.solo_policy == SoloPolicy::strict) {
    return refuse(event.handle, RefusalCode::no_peer_strict, "the peer is away and solo_policy is strict: bring the peer back");
  }
  if (waiting.size() + queue.size() >= config.in_flight_max * 4) return refuse(event.handle, RefusalCode::too_many_waiting, "too many changes wait already");
  queue.push_back({event, now + config.request_timeout});
  serve_queue();
}

// A node that keepalived has just named leads within an fsync or a comparison: refusing for so short a time would fail a client's call.
bool Replica::Impl::takes_changes() const { return mode == Mode::leading || (ownership == Ownership::master && is_entitled()); }

void Replica::Impl::on(const HoldWrites& event) {
  writes = event.writes;
  writes_until = now + event.limit;
  if (writes != Writes::moved) return;
  for (const auto& one : std::exchange(queue, {})) refuse(one.submit.handle, RefusalCode::moved, "ownership moves to the peer; nothing was changed: ask the management address again");
}

void Replica::Impl::expire_hold() {
  if (writes == Writes::open || now < writes_until) return;
  writes = Writes::open;
  log(Severity::warning, "changes were held for as long as they may be: they are taken here again");
}

// Whatever was acknowledged, and whatever may still be, is with the peer.
bool Replica::Impl::drained() const {
  const auto last = history.last().seq;
  const bool here = mode == Mode::leading && term_ready && !comparison.running && waiting.empty() && durable.seq == last && history.committed() == last;
  return here && follower.streaming && follower.synced && follower.durable.seq == last && peer_alive() && peer.programmed >= last;
}

bool Replica::Impl::writes_may_proceed() const {
  const auto uncommitted = history.last().seq.value - history.committed().value;
  return writes == Writes::open && mode == Mode::leading && term_ready && !held_by_comparison() && uncommitted < config.in_flight_max;
}

void Replica::Impl::serve_queue() {
  while (!queue.empty() && writes_may_proceed()) {
    const auto next = std::move(queue.front());
    queue.pop_front();
    judge(next.submit, next.deadline);
  }
}

// Judged against everything in the log: what is before it will be applied before it.
void Replica::Impl::judge(const Submit& submit, TimePoint deadline) {
  Waiting client;
  client.handle = submit.handle;
  client.lb = load_balancer_of(submit.command);
  client.deadline = deadline;
  const auto seen = submit.request_id.empty() ? request_ids.end() : request_ids.find(submit.request_id);
  if (seen != request_ids.end()) {
    client.seq = history.last().seq;
    waiting.push_back(std::move(client));
    return advance_commit();
  }
  const auto judged = history.tail().check(submit.command);
  if (!judged) client.refusal = judged.error();
  client.changed = judged && judged->changed;
  if (client.changed) {
    if (auto above = above_ceilings(config.ceilings, history.tail(), submit.command)) {
      client.refusal = std::move(*above);
      client.changed = false;
    }
  }
  if (client.changed) append_command(submit.command, submit.request_id);
  client.seq = history.last().seq;  // an answer without a change, a refusal too, rests on everything that came before
  waiting.push_back(std::move(client));
  advance_commit();
}

// Says of each waiting client whether its change is committed, and on how many disks.
void Replica::Impl::mark_committed() {
  const bool peer_has = follower.streaming && follower.synced;
  for (auto& client : waiting) {
    if (client.committed || client.seq > history.committed()) continue;
    // All that the list in the answer shows is on both disks, not the client's own change alone.
    const bool on_both = peer_has && std::min({follower.durable.seq, durable.seq, ceiling_durable}) >= history.committed();
    // Without the peer's word an answer has to wait, unless this node is on its own.
    if (!on_both && !solo()) continue;
    client.committed = true;
    client.durability = on_both ? Durability::pair : Durability::local;
    client.after = history.applied().find(client.lb);
    client.programmed_deadline = std::min(now + config.programmed_wait, client.deadline);
  }
}

// Committed clients are answered once Open vSwitch has their change wherever it can have it soon; at the latest after programmed_wait.
void Replica::Impl::answer_programmed() {
  const bool peer_can = peer_alive() && follower.streaming && follower.synced && !holds_up_nobody() && peer.facts.ovs_programmed;
  std::erase_if(waiting, [&](const Waiting& client) {
    if (!client.committed) return false;
    // `programmed` is of an Open vSwitch that may have been emptied, or be gone, since then.
    const bool here = facts.ovs_programmed && programmed >= client.seq;
    const bool there = peer_alive() && peer.facts.ovs_programmed && peer.programmed >= client.seq;
    const bool enough = here && (there || !peer_can);
    if (client.refusal) {
      out.push_back(Reply{client.handle, ChangeRefused{RefusalCode::registry, *client.refusal, client.refusal->message}});
      return true;
    }
    if (!enough && now < client.programmed_deadline) return false;
    out.push_back(Reply{client.handle, ChangeAccepted{client.durability, client.changed, client.seq, here, there, client.after}});
    return true;
  });
}

void Replica::Impl::expire_clients() {
  const std::string late = "not durable in time: the outcome is unknown, ask again";
  std::erase_if(waiting, [&](const Waiting& client) {
    if (client.committed || now < client.deadline) return false;
    refuse(client.handle, RefusalCode::timed_out, late);
    return true;
  });
  while (!queue.empty() && now >= queue.front().deadline) {
    refuse(queue.front().submit.handle, RefusalCode::timed_out, "not durable in time: nothing was changed, ask again");
    queue.pop_front();
  }
  // It was about to lead, and does not.
  while (!queue.empty() && !takes_changes()) {
    refuse(queue.front().submit.handle, RefusalCode::moved, "this node does not lead after all; nothing was changed: ask again");
    queue.pop_front();
  }
  // A leader of a strict pair that lost its peer answers at once instead of at the deadline.
  const bool strict_alone = mode == Mode::leading && config.solo_policy == SoloPolicy::strict && !standalone() && peer_silent();
  while (strict_alone && !queue.empty()) {
    refuse(queue.front().submit.handle, RefusalCode::no_peer_strict, "the peer is away and solo_policy is strict: nothing was changed");
    queue.pop_front();
  }
}

void Replica::Impl::refuse(RequestHandle handle, RefusalCode code, std::string message) {
  out.push_back(Reply{handle, ChangeRefused{code, {}, std::move(message)}});
}

void Replica::Impl::refuse_all(RefusalCode code, const std::string& message) {
  for (const auto& client : std::exchange(waiting, {})) refuse(client.handle, code, message);
  for (const auto& one : std::exchange(queue, {})) refuse(one.submit.handle, code, message);
}

// Bounded: the oldest id is forgotten; a replay that late is judged by the state, as any call without an id.
void Replica::Impl::remember(const std::string& request_id, Seq seq) {
  if (request_id.empty() || !request_ids.emplace(request_id, seq).second) return;
  request_order.push_back(request_id);
  if (request_order.size() <= config.request_ids_remembered) return;
  request_ids.erase(request_order.front());
  request_order.pop_front();
}

// Of an entry that is not in the history any more: a retry of that call must be judged anew, not taken for done (H2, H8).
void Replica::Impl::forget(const std::string& request_id, Seq seq) {
  const auto found = request_ids.find(request_id);
  if (found == request_ids.end() || found->second != seq) return;
  request_ids.erase(found);
  std::erase(request_order, request_id);
}

void Replica::Impl::forget_after(Seq seq) {
  std::erase_if(request_order, [&](const std::string& id) { return request_ids.at(id) > seq; });
  std::erase_if(request_ids, [&](const auto& one) { return one.second > seq; });
}

}  // namespace distributor::replica
