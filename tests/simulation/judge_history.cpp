// The whole history, once both nodes are in sync and quiet.
//
// Linearizability, per load balancer: the pair's log is the witness. It is a total order of all changes; an answer says by its
// sequence number where in that order it stands, and carries the load balancer as it was then or later. So instead of searching
// for an order (Wing & Gong), this one is checked to explain every answer and to respect real time:
//   - a change that was accepted is in the log, made between its call and its answer: the log's order is the order in time;
//   - an answer without a change, or a refusal, fits the state at some place of the log between what had been answered `pair`
//     before the call and what was committed at the answer;
//   - the load balancer in an answer is the one at some place from its change to the answer.
// An unknown outcome may have taken effect or not: either is explained by the log. Answers `local` whose change the pair went on
// without are not held to that; they have to be listed.
#include <algorithm>

#include "tests/simulation/judge.hpp"

namespace distributor::simulation {
namespace {

std::string describe(const Attempt& attempt) {
  static constexpr const char* kNames[] = {"PLUG", "UNPLUG", "REGISTER", "UNREGISTER", "REPLACE"};
  return std::string(kNames[attempt.command.index()]) + " of " + load_balancer_of(attempt.command).text().substr(33) + " called at " +
         std::to_string(std::chrono::duration_cast<milliseconds>(attempt.invoked).count()) + " ms";
}

}  // namespace

std::vector<Key> Judge::chain_to(Key last) const {
  std::vector<Key> chain;
  for (auto key = last; key != 0; key = entries_.at(key).previous) chain.push_back(key);
  chain.push_back(0);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

void Judge::final_verdict() {
  const auto& log = logs_[0];
  const auto last = log.keys.back();
  if (!entries_.contains(last)) return violation("the final history is unknown");
  const auto chain = chain_to(last);
  if (chain.size() <= promised_seq_.value || chain[promised_seq_.value] != promised_) violation("what was answered `pair` is not in the final history");
  check_answers(chain);
  check_kept(chain);
  check_proposed_again(chain);
  check_request_ids(chain);
}

// A call that comes again by its id is not done again, whoever leads by then: as long as it is one of the newest (H2). A state that was
// mended from the leader's leaves the ids that were on the disk behind.
void Judge::check_request_ids(const std::vector<Key>& chain) {
  const auto& plan = world_.plan;
  if (plan.silent_corruption || plan.weight[static_cast<std::size_t>(Fault::resync)] > 0 || plan.weight[static_cast<std::size_t>(Fault::old_disk)] > 0) return;
  const auto remembered = std::min(plan.core.request_ids_remembered, plan.core.log_keep_max / 4);
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 1; i < chain.size(); ++i) {
    const auto& id = entries_.at(chain[i]).request_id;
    if (id.empty()) continue;
    if (const auto found = place.find(id); found != place.end() && i - found->second <= remembered) {
      violation("request " + id + " was done twice, as change " + std::to_string(found->second) + " and as change " + std::to_string(i));
    }
    place[id] = i;
  }
}

void Judge::check_answers(const std::vector<Key>& chain) {
  std::unordered_map<Key, std::size_t> place;
  for (std::size_t i = 0; i < chain.size(); ++i) place.emplace(chain[i], i);
  for (const auto& [handle, attempt] : attempts_) {
    if (!attempt.answered) continue;
    // What this node had done beyond, alone, may be gone since; the answer must rest on what was kept.
    auto kept = attempt.committed;
    while (kept != 0 && !place.contains(kept)) kept = entries_.contains(kept) ? entries_.at(kept).previous : 0;
    const bool all_kept = kept == attempt.committed;
    const auto at_call = place.find(attempt.at_call);
    const auto* accepted = std::get_if<replica::ChangeAccepted>(&attempt.result);
    if (at_call == place.end()) continue;  // said already: a promise is not in the history
    if (!all_kept && (accepted == nullptr || accepted->durability != replica::Durability::pair)) continue;
    const auto low = at_call->second;
    const auto high = place.at(kept);
    if (accepted != nullptr) {
      check_accepted(attempt, chain, low, high);
      continue;
    }
    const auto& refused = std::get<replica::ChangeRefused>(attempt.result);
    if (refused.code != replica::RefusalCode::registry) continue;
    bool explained = false;
    for (auto i = std::min(low, high); i <= high && !explained; ++i) {
      const auto judged = state(chain[i])->check(attempt.command);
      explained = !judged && judged.error().code == refused.registry.code;
    }
    if (!explained) violation(describe(attempt) + ": refused (" + refused.registry.message + "), and no state between call and answer refuses it");
  }
}

void Judge::check_accepted(const Attempt& attempt, const std::vector<Key>& chain, std::size_t low, std::size_t high) {
  const auto& accepted = std::get<replica::ChangeAccepted>(attempt.result);
  const auto seq = static_cast<std::size_t>(accepted.seq.value);
  if (seq >= chain.size() || chain[seq] != attempt.own) {
    if (accepted.durability == replica::Durability::pair) violation(describe(attempt) + ": answered `pair` and not in the final history");
    return;
  }
  if (accepted.durability == replica::Durability::pair && high < low) violation(describe(attempt) + ": answered from a state older than what had been answered before the call");
  if (accepted.changed) {
    const auto& entry = entries_.at(attempt.own);
    if (!is_of(attempt, entry)) violation(describe(attempt) + ": the change at its place is another one");
    // A node whose disk was lost may use a term anew, and then make the very entry anew that went with the disk.
    const bool again = last_disk_loss_ && entry.created <= *last_disk_loss_;
    if ((entry.created < attempt.invoked && !again) || entry.created > *attempt.answered) violation(describe(attempt) + ": its change was not made between call and answer");
  } else {
    bool explained = false;
    for (auto i = std::min(low, high); i <= high && !explained; ++i) {
      const auto judged = state(chain[i])->check(attempt.command);
      explained = judged && !judged->changed;
      const auto& entry = entries_.at(chain[i]);
      explained = explained || (!attempt.request_id.empty() && entry.request_id == attempt.request_id);
    }
    // A replayed request id is known from the log, however long ago that was.
    for (std::size_t i = 0; i < low && !explained; ++i) explained = !attempt.request_id.empty() && entries_.at(chain[i]).request_id == attempt.request_id;
    if (!explained) violation(describe(attempt) + ": accepted without a change, and in no state between call and answer it stands already");
  }
  bool listed = false;
  for (auto i = seq; i <= std::max(seq, high) && !listed; ++i) {
    const auto lb = state(chain[i])->find(load_balancer_of(attempt.command));
    listed = lb == accepted.after || (lb && accepted.after && *lb == *accepted.after);
  }
  if (!listed) violation(describe(attempt) + ": the load balancer in its answer never stood so between its change and the answer");
}

// Every change that was ever on a disk is in the history, was proposed again, stands there anyhow, or is listed; but for what went with
// the only disk that had it.
void Judge::check_kept(const std::vector<Key>& chain) {
  const std::unordered_set<Key> kept(chain.begin(), chain.end());
  std::set<std::pair<std::string, std::string>> again;
  for (const auto key : chain) again.emplace(entries_.at(key).bytes, entries_.at(key).request_id);
  for (const auto& [key, entry] : entries_) {
    const bool on_a_disk = entry.on_platter[0] || entry.on_platter[1];
    if (key == 0 || !on_a_disk || kept.contains(key)) continue;
    const std::pair identity(entry.bytes, entry.request_id);
    if (listed_.contains(identity) || again.contains(identity) || listed_as_state_.contains(key)) continue;
    const auto stands = [&](Key at) {
      const auto judged = state(at)->check(entry.command);
      return judged && !judged->changed;
    };
    if (std::any_of(chain.begin(), chain.end(), stands)) continue;
    violation("change " + std::to_string(entry.seq.value) + " of term " + std::to_string(entry.term.value) + " was on a disk, the pair went on without it, and it is listed nowhere");
  }
}

// The log says in each command what the state decided for the caller.
bool Judge::is_of(const Attempt& attempt, const Entry& entry) const {
  return attempt.command == entry.command || state(entry.previous)->settled(attempt.command) == entry.command;
}

// Whoever a registration or a replacement names is where it was told, or nowhere: at no other position (O2).
bool Judge::stands_as_told(const Entry& told, const Entry& now) const {
  std::vector<MacAddress> named;
  if (const auto* one = std::get_if<ReplaceCommand>(&told.command); one != nullptr && one->standby) named.push_back(*one->standby);
  if (const auto* one = std::get_if<RegisterCommand>(&told.command)) {
    for (const auto& item : one->items) named.push_back(item.amphora.mac);
  }
  const auto lb = load_balancer_of(told.command);
  const auto place = [&lb](const Registry& of, const MacAddress& mac) -> std::optional<std::size_t> {
    const auto found = of.find(lb);
    if (!found) return std::nullopt;
    for (std::size_t i = 0; i < found->slots.size(); ++i) {
      if (found->slots[i].occupant && found->slots[i].occupant->mac == mac) return i;
    }
    return std::nullopt;
  };
  return std::ranges::all_of(named, [&](const MacAddress& mac) { return place(told.after, mac) == place(now.after, mac); });
}

// A client's own call made this change, as far as anybody can tell: where its outcome stayed unknown, it may have.
bool Judge::was_called_for(Key key) const {
  const auto& entry = entries_.at(key);
  if (entry.of_a_batch) return false;
  return std::ranges::any_of(attempts_, [&](const auto& one) {
    const auto& attempt = one.second;
    if (attempt.host != entry.maker || attempt.request_id != entry.request_id || attempt.invoked > entry.created || !is_of(attempt, entry)) return false;
    if (!attempt.answered) return !attempt.forgotten || *attempt.forgotten >= entry.created;
    if (*attempt.answered < entry.created) return false;
    const auto* refused = std::get_if<replica::ChangeRefused>(&attempt.result);
    return refused != nullptr ? refused->code != replica::RefusalCode::registry : attempt.own == key;
  });
}

// What one node did alone may be done again behind what the other did meanwhile, unless that was to the same load balancer: it would undo an
// answer that nobody is told of. A call that both were asked for by the same request id is one call.
bool Judge::may_follow(const std::vector<Key>& chain, std::size_t place, std::size_t common, const Gone& gone) const {
  const auto& lb = load_balancer_of(entries_.at(chain[place]).command);
  for (auto i = common + 1; i < place; ++i) {
    const auto& meanwhile = entries_.at(chain[i]);
    if (load_balancer_of(meanwhile.command) != lb) continue;
    const bool the_same = gone.contains({meanwhile.bytes, meanwhile.request_id});
    // A node whose disk was lost may use a term anew: then the very entry that a client had asked it for may be the peer's, done again.
    const bool made_anew = last_disk_loss_ && meanwhile.created <= *last_disk_loss_;
    if (!the_same || (meanwhile.request_id.empty() && !made_anew && was_called_for(chain[i]))) return false;
  }
  return true;
}

void Judge::check_proposed_again(const std::vector<Key>& chain) {
  std::unordered_map<Key, std::size_t> place;
  for (std::size_t i = 0; i < chain.size(); ++i) place.emplace(chain[i], i);
  Gone gone;
  std::map<std::pair<std::string, std::string>, std::size_t> made;        // and is not in the history, on a disk or not
  std::map<std::pair<std::string, std::string>, std::size_t> done_again;  // in the history, and no client asked for it
  for (const auto& [key, entry] : entries_) {
    if (key != 0 && !place.contains(key)) ++made[{entry.bytes, entry.request_id}];
    if (key != 0 && entry.was_on_a_platter && !place.contains(key)) gone.emplace(std::pair(entry.bytes, entry.request_id), key);
  }
  for (std::size_t i = 1; i < chain.size(); ++i) {
    const auto& entry = entries_.at(chain[i]);
    const auto [begin, end] = gone.equal_range({entry.bytes, entry.request_id});
    if (begin == end || was_called_for(chain[i])) continue;
    if (++done_again[{entry.bytes, entry.request_id}] > made[{entry.bytes, entry.request_id}] && !(last_disk_loss_ && entry.created <= *last_disk_loss_)) {
      violation("change " + std::to_string(entry.seq.value) + " was done again more often than it had been made");
    }
    if (std::none_of(begin, end, [&](const auto& one) { return stands_as_told(entries_.at(one.second), entry); })) {
      violation("change " + std::to_string(entry.seq.value) + " was done again, and somebody stands at another position than was told");
    }
    const bool fits = std::any_of(begin, end, [&](const auto& one) {
      auto common = entries_.at(one.second).previous;
      while (!place.contains(common)) common = entries_.at(common).previous;
      return place.at(common) >= i || may_follow(chain, i, place.at(common), gone);
    });
    if (!fits) violation("change " + std::to_string(entry.seq.value) + " was done again although the same load balancer had been changed meanwhile: what was answered then is undone, and nothing is listed");
  }
}

}  // namespace distributor::simulation
