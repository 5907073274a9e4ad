#include "tests/simulation/judge.hpp"

#include <algorithm>
#include <cstring>

#include "sync/registry/codec.hpp"

namespace distributor::simulation {
namespace {

constexpr std::size_t kViolationsMax = 20;  // the first ones tell the story

std::string text_of(Seq seq) { return std::to_string(seq.value); }

}  // namespace

Key key_of(const Digest& digest) {
  Key key = 0;
  std::memcpy(&key, digest.bytes.data(), sizeof key);
  return key;
}

Judge::Judge(World& world) : world_(world) {
  entries_[0];  // before everything: the empty registry
  for (auto& log : logs_) log.keys = {0};
  platters_ = logs_;
  for (auto& durable : durable_) durable.insert(0);
  world.observer = this;
}

void Judge::violation(std::string text) {
  world_.timeline.trace("!", "VIOLATION", violations_.size(), 0, [&] { return text; });
  if (violations_.size() < kViolationsMax) violations_.push_back(std::move(text));
}

const Registry* Judge::state(Key key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second.after;
}

Key Judge::key_at(const Log& log, Seq seq) const {
  if (seq >= log.base) return log.at(seq);
  auto key = log.keys.front();
  for (auto found = entries_.find(key); found != entries_.end() && found->second.seq > seq; found = entries_.find(key)) key = found->second.previous;
  return key;
}

// ---- the book

void Judge::book(std::size_t host, const replica::LogEntry& entry, bool of_a_batch) {
  const auto key = key_of(entry.digest);
  if (entries_.contains(key)) return;
  const auto previous = entries_.find(key_of(entry.previous));
  const auto command = decode_command(entry.command);
  if (previous == entries_.end() || !command) return violation("entry " + text_of(entry.seq) + " has no known predecessor or cannot be read");
  Entry made{key_of(entry.previous), entry.term, entry.seq, entry.request_id, entry.command, *command, world_.timeline.now(), host, {}, false, of_a_batch, previous->second.after};
  const auto before = made.after;
  if (!made.after.apply(*command)) violation("entry " + text_of(entry.seq) + " is refused by the registry");
  check_positions(made, before);
  if (const auto [found, fresh] = maker_of_term_.emplace(entry.term, host); !fresh && found->second != host) {
    violation("both nodes made changes in term " + std::to_string(entry.term.value));
  }
  entries_.emplace(key, std::move(made));
}

// Whoever is at a position stays there, unless the change names it (O2, H1).
void Judge::check_positions(const Entry& entry, const Registry& before) {
  const auto& id = load_balancer_of(entry.command);
  const auto old = before.find(id);
  const auto now = entry.after.find(id);
  if (!old || !now) return;
  std::set<MacAddress> named;
  if (const auto* one = std::get_if<UnregisterCommand>(&entry.command)) named.insert(one->macs.begin(), one->macs.end());
  if (const auto* one = std::get_if<ReplaceCommand>(&entry.command)) named.insert(one->failed);
  if (const auto* one = std::get_if<RegisterCommand>(&entry.command)) {
    for (const auto& item : one->items) named.insert(item.amphora.mac);
  }
  for (std::size_t i = 0; i < old->slots.size(); ++i) {
    const auto& occupant = old->slots[i].occupant;
    if (!occupant || named.contains(occupant->mac)) continue;
    const bool stays = i < now->slots.size() && now->slots[i].occupant && now->slots[i].occupant->mac == occupant->mac;
    if (!stays) violation("change " + text_of(entry.seq) + " moved " + occupant->mac.text() + " from position " + std::to_string(i) + " without naming it");
  }
}

void Judge::follow(Log& log, const replica::PersistBatch& batch) {
  if (batch.truncate_after && *batch.truncate_after >= log.base && *batch.truncate_after < log.last()) log.keys.resize(batch.truncate_after->value - log.base.value + 1);
  if (batch.install_base && batch.meta) log = Log{batch.meta->base.seq, {key_of(batch.meta->base.digest)}};
  if (batch.prune_through && *batch.prune_through > log.base && *batch.prune_through <= log.last()) {
    log.keys.erase(log.keys.begin(), log.keys.begin() + static_cast<std::ptrdiff_t>(batch.prune_through->value - log.base.value));
    log.base = *batch.prune_through;
  }
  for (const auto& entry : batch.append) log.keys.push_back(key_of(entry.digest));
}

void Judge::booted(std::size_t host) {
  const auto& platter = world_.hosts[host].disk.platter;
  Log log{platter.meta.base.seq, {key_of(platter.meta.base.digest)}};
  for (const auto& entry : platter.log) log.keys.push_back(key_of(entry.digest));
  logs_[host] = log;
  lists_[host] = platter.dropped;
  acknowledging_[host] = false;
  platters_[host] = std::move(log);
  base_checked_[host] = {};
  for (auto& [handle, attempt] : attempts_) {
    if (attempt.host == host && !attempt.answered && !attempt.forgotten) attempt.forgotten = world_.timeline.now();
  }
}

void Judge::asked_to_persist(std::size_t host, const replica::PersistBatch& batch) {
  for (const auto& entry : batch.append) book(host, entry, batch.append.size() > 1);
  for (const auto& change : batch.dropped) listed_.emplace(change.command, change.request_id);
  if (batch.install_base) check_replaced(host, logs_[host], batch);
  follow_list(host, batch);
  follow(logs_[host], batch);
}

// What leaves a list was taken by the other node, or an operator saw it.
void Judge::follow_list(std::size_t host, const replica::PersistBatch& batch) {
  auto& list = lists_[host];
  if (!batch.forget_dropped) {
    list.insert(list.end(), batch.dropped.begin(), batch.dropped.end());
    return;
  }
  const auto before = std::exchange(list, batch.dropped);
  for (const auto& change : before) {
    if (std::find(list.begin(), list.end(), change) != list.end()) continue;
    if (acknowledging_[host]) acknowledged_.emplace(change.command, change.request_id);
    if (!is_accounted_for(host, change)) {
      violation(std::string(world_.name(host)) + ": change " + text_of(change.seq) + " of term " + text_of(Seq{change.term.value}) + " left the list, and the other node neither did nor listed it");
    }
  }
}

// In the other node's log or on its list, or was and an operator saw it there, or without effect there at some moment since it was made.
bool Judge::is_accounted_for(std::size_t host, const replica::DroppedChange& change) const {
  const auto other = 1 - host;
  if (suspect_[0] || suspect_[1] || acknowledged_.contains({change.command, change.request_id})) return true;
  const auto same = [&](const replica::DroppedChange& one) { return one.command == change.command && one.request_id == change.request_id; };
  if (std::any_of(lists_[other].begin(), lists_[other].end(), same)) return true;
  const auto command = decode_command(change.command);
  const auto made = std::find_if(entries_.begin(), entries_.end(), [&](const auto& one) {
    return one.second.term == change.term && one.second.seq == change.seq && one.second.bytes == change.command;
  });
  if (!command || made == entries_.end()) return true;  // a call that brings a state back
  bool since = true;  // it was made
  for (auto key = logs_[other].keys.back();; key = entries_.at(key).previous) {
    const auto& entry = entries_.at(key);
    const bool the_same = key != 0 && entry.bytes == change.command && entry.request_id == change.request_id;
    if (the_same && (since || !change.request_id.empty())) return true;  // also a client's call that it had done before, and that was asked here again
    const auto judged = entry.after.check(*command);
    if (since && judged && !judged->changed) return true;
    since = since && entry.created >= made->second.created;
    if (key == 0 || (!since && change.request_id.empty())) return false;
  }
}

// A snapshot replaces a log. What was folded into its base has no entry to list any more: the load balancers that differ are named.
void Judge::check_replaced(std::size_t host, const Log& before, const replica::PersistBatch& batch) {
  const auto old_base = before.keys.front();
  const auto* old_state = state(before.keys.back());
  if (!batch.meta || old_state == nullptr || excused_[host]) return;
  const auto new_base = key_of(batch.meta->base.digest);
  const auto* new_state = state(new_base);
  if (new_state == nullptr || descends(new_base, old_base, before.base)) return;
  std::set<LoadBalancerId> named;
  for (const auto& change : batch.dropped) {
    if (const auto command = decode_command(change.command)) named.insert(load_balancer_of(*command));
  }
  for (const auto& [id, lb] : old_state->all()) {
    const auto theirs = new_state->find(id);
    if ((!theirs || *theirs != *lb) && !named.contains(id)) violation(std::string(world_.name(host)) + ": a snapshot replaced load balancer " + id.text() + " and nothing is listed");
  }
  for (const auto& [id, lb] : new_state->all()) {
    if (!old_state->find(id) && !named.contains(id)) violation(std::string(world_.name(host)) + ": a snapshot brought back load balancer " + id.text() + " and nothing is listed");
  }
  for (auto key = old_base; key != 0; key = entries_.at(key).previous) listed_as_state_.insert(key);
}

void Judge::on_platter(std::size_t host, const replica::PersistBatch& batch) {
  follow(platters_[host], batch);
  for (const auto& entry : batch.append) {
    durable_[host].insert(key_of(entry.digest));
    const auto found = entries_.find(key_of(entry.digest));
    if (found != entries_.end()) found->second.was_on_a_platter = found->second.on_platter[host] = true;
  }
  if (batch.install_base && batch.meta) durable_[host].insert(key_of(batch.meta->base.digest));
  const auto term = world_.hosts[host].disk.platter.meta.term;
  if (term < term_seen_[host]) violation(std::string(world_.name(host)) + ": the term on disk went back from " + std::to_string(term_seen_[host].value) + " to " + std::to_string(term.value));
  term_seen_[host] = term;
}

// ---- promises

bool Judge::descends(Key from, Key ancestor, Seq seq) const {
  for (auto key = from;;) {
    if (key == ancestor) return true;
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.seq <= seq) return false;
    key = found->second.previous;
  }
}

bool Judge::has_been_durable(std::size_t host, Key key, Seq seq) const {
  if (durable_[host].contains(key)) return true;
  const auto& log = platters_[host];  // below its base: the base rests on it
  return log.base >= seq && descends(log.keys.front(), key, seq);
}

void Judge::promise(std::size_t host, Key key, Seq seq) {
  ++promised_count_;
  for (std::size_t disk = 0; disk < 2; ++disk) {
    if (!has_been_durable(disk, key, seq)) {
      violation(std::string(world_.name(host)) + " answered `pair` for change " + text_of(seq) + ", which was never on the disk of " + world_.name(disk));
    }
  }
  const auto term = world_.status(host).term;
  if (const auto [found, fresh] = answers_in_term_.emplace(term, host); !fresh && found->second != host) {
    violation("both nodes answered `pair` in term " + std::to_string(term.value));
  }
  if (seq > promised_seq_) {
    if (!descends(key, promised_, promised_seq_)) violation("change " + text_of(seq) + " is answered `pair` without change " + text_of(promised_seq_) + ", which was, before it");
    promised_ = key;
    promised_seq_ = seq;
  } else if (!descends(promised_, key, seq)) {
    violation("change " + text_of(seq) + " is answered `pair` and is not before change " + text_of(promised_seq_));
  }
}

bool Judge::holds_promises(const Log& log) {
  if (promised_seq_ > log.last()) return false;
  if (promised_seq_ >= log.base) return log.at(promised_seq_) == promised_;
  const auto host = static_cast<std::size_t>(&log == &logs_[1] || &log == &platters_[1] ? 1 : 0);
  const std::pair wanted(log.keys.front(), promised_);
  if (base_checked_[host] == wanted) return true;
  if (!descends(log.keys.front(), promised_, promised_seq_)) return false;
  base_checked_[host] = wanted;
  return true;
}

bool Judge::may_lose_disk(std::size_t host) const {
  auto& self = const_cast<Judge&>(*this);
  const auto other = 1 - host;
  const auto& disk = world_.hosts[other].disk;
  return !suspect_[0] && !suspect_[1] && !excused_[0] && !excused_[1] && !disk.rotten && disk.platter.meta.ever_synced && self.holds_promises(platters_[other]);
}

void Judge::disk_lost(std::size_t host) {
  suspect_[host] = true;
  wiped_[host] = !world_.hosts[host].disk.platter.meta.ever_synced;
  term_seen_[host] = world_.hosts[host].disk.platter.meta.term;
  last_disk_loss_ = world_.timeline.now();
  for (auto& [key, entry] : entries_) entry.on_platter[host] = false;
  for (const auto& entry : world_.hosts[host].disk.platter.log) {
    if (const auto found = entries_.find(key_of(entry.digest)); found != entries_.end()) found->second.on_platter[host] = true;
  }
}

void Judge::settled() { suspect_ = {}; }

// ---- after every step

void Judge::stepped(std::size_t host) {
  const auto now = world_.status(host);
  const auto& log = logs_[host];
  const auto& disk = world_.hosts[host].disk;
  if (now.phase == replica::Phase::failed) return;
  const std::string name = world_.name(host);
  if (now.leads && disk.platter.meta.term < now.term) violation(name + " leads in term " + std::to_string(now.term.value) + ", which is not on its disk");
  if (now.last != log.last()) violation(name + ": its log ends at " + text_of(now.last) + ", what it persists at " + text_of(log.last()));
  const auto* expected = state(log.at(now.committed));
  if (expected == nullptr) {
    violation(name + ": its state is of change " + text_of(now.committed) + ", which nobody made");
  } else if (const bool equal = expected->digest() == now.state_digest; equal) {
    excused_[host] = false;
  } else if (!excused_[host]) {
    violation(name + ": its state is not what the changes up to " + text_of(now.committed) + " make");
  }
  // Alone it cannot know what its lost disk had. It must once it has compared histories with a peer that has it.
  const bool compared = now.peer.connected && now.peer.alive && now.phase != replica::Phase::negotiating;
  const bool trusted = !suspect_[host] || wiped_[host] || compared;
  if (now.leads && trusted && !holds_promises(log)) violation(name + " leads without change " + text_of(promised_seq_) + ", which was answered `pair`");
  // Both disks agree as far as was promised: nothing promised is ever cut or replaced (a lost disk lacks it until it is in sync again).
  if (!suspect_[host] && !holds_promises(platters_[host])) violation(name + ": change " + text_of(promised_seq_) + " was answered `pair` and is not on its disk any more");
}

void Judge::barrier(std::size_t host, const Registry::Map& told, Seq seq) {
  barrier_seen_[host] = std::max(barrier_seen_[host], seq);
  const auto* expected = state(key_at(logs_[host], seq));
  if (expected == nullptr || excused_[host]) return;
  bool equal = expected->all().size() == told.size();
  for (const auto& [id, lb] : told) {
    const auto found = expected->find(id);
    equal = equal && found && (found == lb || *found == *lb);
  }
  if (!equal) violation(std::string(world_.name(host)) + ": Open vSwitch was told something else than the registry says at change " + text_of(seq));
}

void Judge::incomplete_program(std::size_t host, const std::string& what) { violation(std::string(world_.name(host)) + ": " + what); }

void Judge::unreadable(std::size_t host, const std::string& what) { violation(std::string(world_.name(host)) + ": a message of our own cannot be read: " + what); }

// ---- answers

void Judge::called(replica::RequestHandle handle, std::size_t host, const Command& command, const std::string& request_id) {
  Attempt attempt;
  attempt.host = host;
  attempt.command = command;
  attempt.request_id = request_id;
  attempt.invoked = world_.timeline.now();
  attempt.at_call = promised_;
  attempts_.emplace(handle, std::move(attempt));
}

void Judge::replied(std::size_t host, const replica::Reply& reply) {
  const auto found = attempts_.find(reply.handle);
  if (found == attempts_.end()) return violation("an answer to a call that nobody made");
  auto& attempt = found->second;
  if (attempt.answered) return violation("call #" + std::to_string(reply.handle) + " is answered twice");
  attempt.answered = world_.timeline.now();
  attempt.result = reply.result;
  const auto& log = logs_[host];
  attempt.committed = key_at(log, world_.status(host).committed);
  if (const auto* accepted = std::get_if<replica::ChangeAccepted>(&reply.result)) {
    attempt.own = key_at(log, accepted->seq);
    if (attempt.own == 0 || !entries_.contains(attempt.own)) {
      if (accepted->seq != Seq{0}) violation("an answer rests on change " + text_of(accepted->seq) + ", which nobody made");
    }
    for (const auto at : {host, 1 - host}) {
      const bool told = at == host ? accepted->programmed_here : accepted->programmed_on_peer;
      if (told && barrier_seen_[at] < accepted->seq) {
        violation("change " + text_of(accepted->seq) + " is told to be in the Open vSwitch of " + world_.name(at) + ", which never had a barrier behind it");
      }
    }
    const bool strict = world_.plan.core.solo_policy == replica::SoloPolicy::strict;
    if (strict && accepted->durability == replica::Durability::local) violation("change " + text_of(accepted->seq) + " is answered `local` by a strict pair");
    if (accepted->durability == replica::Durability::pair) {
      promise(host, attempt.own, accepted->seq);
    } else {
      ++local_count_;
    }
  }
  if (to_clients) to_clients(reply.handle, reply);
}

}  // namespace distributor::simulation
