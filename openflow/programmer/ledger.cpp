#include "openflow/programmer/ledger.hpp"

#include <algorithm>
#include <functional>

namespace distributor::programmer {
namespace {

std::string key_text(Key key) {
  return key == kBaseKey ? "the base rules" : "owner " + std::to_string(key);
}

tl::unexpected<ProgramError> conflict(Key key, Key other, const std::string& what) {
  return tl::make_unexpected(ProgramError{ProgramErrorCode::conflict,
                                          what + " is wanted by " + key_text(key) + ", but " +
                                              (key == other ? "it names it twice" : key_text(other) + " has it") +
                                              ": nothing was changed",
                                          key});
}

}  // namespace

std::size_t Ledger::FlowNameHash::operator()(const wire::FlowRule* rule) const {
  return std::hash<std::string>()(rule->match.oxm()) * 31 + rule->priority * 257U + rule->table;
}

bool Ledger::FlowNameEqual::operator()(const wire::FlowRule* a, const wire::FlowRule* b) const {
  return a->table == b->table && a->priority == b->priority && a->match == b->match;
}

tl::expected<void, ProgramError> Ledger::check_conflicts(Key key, const wire::Rules& rules) const {
  std::unordered_map<const wire::FlowRule*, Key, FlowNameHash, FlowNameEqual> own_flows;
  for (const wire::FlowRule& flow : rules.flows) {
    if (!own_flows.emplace(&flow, key).second) return conflict(key, key, "flow " + flow.key().text());
    const auto found = flow_owners_.find(&flow);
    if (found != flow_owners_.end() && found->second != key)
      return conflict(key, found->second, "flow " + flow.key().text());
  }
  std::set<std::uint32_t> own_groups;
  for (const wire::Group& group : rules.groups) {
    if (!own_groups.insert(group.id).second) return conflict(key, key, "group " + std::to_string(group.id));
    const auto found = group_owners_.find(group.id);
    if (found != group_owners_.end() && found->second.first != key) {
      return conflict(key, found->second.first, "group " + std::to_string(group.id));
    }
  }
  return {};
}

void Ledger::index(Key key, const wire::Rules& rules) {
  for (const wire::FlowRule& flow : rules.flows) flow_owners_.emplace(&flow, key);
  for (const wire::Group& group : rules.groups) group_owners_[group.id] = {key, &group};
}

void Ledger::unindex(const wire::Rules& rules) {
  for (const wire::FlowRule& flow : rules.flows) flow_owners_.erase(&flow);
  for (const wire::Group& group : rules.groups) group_owners_.erase(group.id);
}

tl::expected<void, ProgramError> Ledger::set_desired(Key key, wire::Rules rules) {
  if (auto checked = check_conflicts(key, rules); !checked) return checked;
  std::sort(rules.flows.begin(), rules.flows.end());
  std::sort(rules.groups.begin(), rules.groups.end());
  Entry& entry = entries_[key];
  if (entry.desired && *entry.desired == rules) {
    if (refused_.count(key) != 0) touch(key);
    return {};
  }
  if (entry.desired) unindex(*entry.desired);
  // Back to what stands: share its value, so that comparing them costs nothing.
  entry.desired = entry.installed && *entry.installed == rules ? entry.installed
                                                               : std::make_shared<const wire::Rules>(std::move(rules));
  index(key, *entry.desired);
  touch(key);
  return {};
}

void Ledger::remove(Key key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  if (found->second.desired) unindex(*found->second.desired);
  found->second.desired.reset();
  touch(key);
}

void Ledger::touch(Key key) {
  refused_.erase(key);
  touched_.insert(key);
}

bool Ledger::in_flight(Key key) const {
  const auto found = entries_.find(key);
  return found != entries_.end() && found->second.in_flight;
}

bool Ledger::refused(Key key) const {
  return refused_.count(key) != 0;
}

Plan Ledger::plan_keys(const std::vector<Key>& keys) {
  Plan plan;
  View actual;
  View desired;
  for (const Key key : keys) {
    touched_.erase(key);
    Entry& entry = entries_[key];
    plan.targets[key] = entry.desired;
    entry.in_flight = true;
    plan.kept.push_back(entry.installed);
    if (entry.desired == entry.installed) continue;
    if (entry.installed) actual.add(key, *entry.installed);
    if (entry.desired) desired.add(key, *entry.desired);
  }
  plan.changes = difference(std::move(actual), std::move(desired));
  return plan;
}

Plan Ledger::plan_touched() {
  std::vector<Key> keys;
  std::copy_if(touched_.begin(), touched_.end(), std::back_inserter(keys), [&](Key key) { return !in_flight(key); });
  return plan_keys(keys);
}

Plan Ledger::plan_key(Key key) {
  if (touched_.count(key) == 0) return {};
  return plan_keys({key});
}

// A refused key that never stood in this process's life has rules of an earlier one, maybe: those that bear its names
// are left alone.
bool Ledger::spared(Key owner) const {
  const auto found = entries_.find(owner);
  return refused(owner) && found != entries_.end() && !found->second.installed;
}

Plan Ledger::plan_all(Snapshot snapshot) {
  const auto read = std::make_shared<const Snapshot>(std::move(snapshot));
  View actual;
  View desired;
  for (const auto& flow : read->flows) {
    const auto owner = flow_owners_.find(&flow.rule);
    if (owner != flow_owners_.end() && spared(owner->second)) continue;
    actual.flows.push_back({&flow.rule, std::nullopt, flow.plain});
  }
  for (const auto& group : read->groups) {
    const auto owner = group_owners_.find(group.group.id);
    if (owner != group_owners_.end() && spared(owner->second.first)) continue;
    actual.groups.push_back({&group.group, std::nullopt, group.plain});
  }
  Plan plan;
  plan.whole = true;
  plan.kept.push_back(read);
  touched_.clear();
  for (auto& [key, entry] : entries_) {
    entry.in_flight = true;
    const Plan::RulesPointer& target = refused(key) ? entry.installed : entry.desired;
    plan.targets[key] = target;
    if (target) desired.add(key, *target);
  }
  plan.changes = difference(std::move(actual), std::move(desired));
  return plan;
}

std::optional<Plan> Ledger::plan_repair(const Sightings& seen) {
  struct Names {
    std::vector<wire::FlowRule> flows;
    std::vector<wire::Group> groups;
  };
  const auto names = std::make_shared<Names>();  // the views point into it
  names->flows.reserve(seen.flows.size());
  names->groups.reserve(seen.groups.size());
  Plan plan;
  plan.repair = true;
  plan.kept.push_back(names);
  View actual;
  View desired;
  const auto take_owner = [&](Key key) {
    Entry& entry = entries_[key];
    if (key == kBaseKey) return false;
    const bool quiet = entry.installed == entry.desired && touched_.count(key) == 0 && refused_.count(key) == 0;
    if (!quiet || (entry.in_flight && plan.targets.count(key) == 0)) return false;
    plan.targets[key] = entry.installed;
    return true;
  };
  for (const auto& [name, stands] : seen.flows) {
    names->flows.push_back({name.table, name.priority, 0, name.match, {}});
    const wire::FlowRule* found = &names->flows.back();
    if (stands) actual.flows.push_back({found, std::nullopt, false});
    const auto owner = flow_owners_.find(found);
    if (owner == flow_owners_.end()) continue;
    if (!take_owner(owner->second)) return std::nullopt;
    desired.flows.push_back({owner->first, owner->second, true});
  }
  for (const auto& [id, stands] : seen.groups) {
    names->groups.push_back({});
    names->groups.back().id = id;
    if (stands) actual.groups.push_back({&names->groups.back(), std::nullopt, false});
    const auto owner = group_owners_.find(id);
    if (owner == group_owners_.end()) continue;
    if (!take_owner(owner->second.first)) return std::nullopt;
    desired.groups.push_back({owner->second.second, owner->second.first, true});
  }
  for (const auto& [key, target] : plan.targets) {
    entries_[key].in_flight = true;
    plan.kept.push_back(target);
  }
  plan.changes = difference(std::move(actual), std::move(desired));
  return plan;
}

void Ledger::confirm(const Plan& plan) {
  for (const auto& [key, target] : plan.targets) {
    Entry& entry = entries_[key];
    entry.installed = target;
    entry.in_flight = false;
    drop_if_empty(key);
  }
}

void Ledger::roll_back(const Plan& plan, const std::set<Key>& culprits) {
  for (const auto& [key, target] : plan.targets) {
    Entry& entry = entries_[key];
    entry.in_flight = false;
    const bool newer = touched_.count(key) != 0;  // changed meanwhile: what was refused is not wanted any more
    if (newer) continue;
    if (culprits.count(key) != 0) {
      refused_.insert(key);
    } else {
      touched_.insert(key);
    }
  }
}

void Ledger::forget_in_flight() {
  for (auto& [key, entry] : entries_) {
    if (entry.in_flight) touched_.insert(key);
    entry.in_flight = false;
  }
}

void Ledger::retry_refused() {
  touched_.insert(refused_.begin(), refused_.end());
  refused_.clear();
}

void Ledger::drop_if_empty(Key key) {
  const auto found = entries_.find(key);
  if (found != entries_.end() && !found->second.desired && !found->second.installed && !found->second.in_flight) {
    entries_.erase(found);
    touched_.erase(key);
    refused_.erase(key);
  }
}

const wire::Group* Ledger::standing_group(std::uint32_t group_id) const {
  const auto owner = group_owners_.find(group_id);
  if (owner == group_owners_.end()) return nullptr;
  const auto entry = entries_.find(owner->second.first);
  if (entry == entries_.end() || !entry->second.installed) return nullptr;
  const auto& groups = entry->second.installed->groups;
  const auto found =
      std::find_if(groups.begin(), groups.end(), [&](const wire::Group& group) { return group.id == group_id; });
  return found == groups.end() ? nullptr : &*found;
}

}  // namespace distributor::programmer
