#include "openflow/programmer/diff.hpp"

#include <algorithm>
#include <tuple>

#include "openflow/wire/message.hpp"

namespace distributor::programmer {
namespace {

using FlowName = std::tuple<std::uint8_t, std::uint16_t, const wire::Match&>;

FlowName name(const View::Flow& flow) {
  return {flow.rule->table, flow.rule->priority, flow.rule->match};
}
std::uint32_t name(const View::Group& group) {
  return group.group->id;
}

template <typename T>
void sort_by_name(std::vector<T>& list) {
  std::stable_sort(list.begin(), list.end(), [](const T& a, const T& b) { return name(a) < name(b); });
  list.erase(std::unique(list.begin(), list.end(), [](const T& a, const T& b) { return name(a) == name(b); }),
             list.end());
}

// Walks two sorted lists side by side: `found` sees (actual or null, desired or null) for each name.
template <typename T, typename Found>
void compare(const std::vector<T>& actual, const std::vector<T>& desired, Found found) {
  auto a = actual.begin();
  auto d = desired.begin();
  while (a != actual.end() || d != desired.end()) {
    if (d == desired.end() || (a != actual.end() && name(*a) < name(*d))) {
      found(&*a++, nullptr);
    } else if (a == actual.end() || name(*d) < name(*a)) {
      found(nullptr, &*d++);
    } else {
      found(&*a++, &*d++);
    }
  }
}

bool equal(const View::Flow& actual, const View::Flow& desired) {
  return actual.plain && (actual.rule == desired.rule || *actual.rule == *desired.rule);
}
bool equal(const View::Group& actual, const View::Group& desired) {
  return actual.plain && (actual.group == desired.group || *actual.group == *desired.group);
}

}  // namespace

void View::add(Key owner, const wire::Rules& rules) {
  for (const wire::FlowRule& rule : rules.flows) flows.push_back({&rule, owner, true});
  for (const wire::Group& group : rules.groups) groups.push_back({&group, owner, true});
}

std::vector<Change> difference(View actual, View desired) {
  sort_by_name(actual.flows);
  sort_by_name(actual.groups);
  sort_by_name(desired.flows);
  sort_by_name(desired.groups);
  std::vector<Change> changes;
  std::vector<Change> flows_deleted;
  std::vector<Change> groups_deleted;
  compare(actual.groups, desired.groups, [&](const View::Group* is, const View::Group* should) {
    if (!should) {
      groups_deleted.push_back({ChangeKind::delete_group, is->owner, nullptr, is->group});
    } else if (!is) {
      changes.push_back({ChangeKind::add_group, should->owner, nullptr, should->group});
    } else if (!equal(*is, *should)) {
      changes.push_back({ChangeKind::modify_group, should->owner, nullptr, should->group});
    }
  });
  compare(actual.flows, desired.flows, [&](const View::Flow* is, const View::Flow* should) {
    if (!should) {
      flows_deleted.push_back({ChangeKind::delete_flow, is->owner, is->rule, nullptr});
    } else if (!is || !equal(*is, *should)) {
      changes.push_back({ChangeKind::put_flow, should->owner, should->rule, nullptr});
    }
  });
  changes.insert(changes.end(), flows_deleted.begin(), flows_deleted.end());
  changes.insert(changes.end(), groups_deleted.begin(), groups_deleted.end());
  return changes;
}

wire::Decoded<std::string> encode(const Change& change, std::uint32_t xid) {
  switch (change.kind) {
    case ChangeKind::add_group:
      return wire::encode_group_mod(xid, wire::GroupCommand::add, *change.group);
    case ChangeKind::modify_group:
      return wire::encode_group_mod(xid, wire::GroupCommand::modify, *change.group);
    case ChangeKind::put_flow:
      return wire::encode_flow_mod(xid, wire::FlowCommand::add, *change.flow);
    case ChangeKind::delete_flow:
      return wire::encode_flow_mod(xid, wire::FlowCommand::remove_strict, *change.flow);
    case ChangeKind::delete_group:
      return wire::encode_group_delete(xid, change.group->id);
  }
  return {};
}

std::string Change::text() const {
  switch (kind) {
    case ChangeKind::add_group:
      return "add " + group->text();
    case ChangeKind::modify_group:
      return "modify " + group->text();
    case ChangeKind::put_flow:
      return "put " + flow->text();
    case ChangeKind::delete_flow:
      return "delete flow " + flow->key().text();
    case ChangeKind::delete_group:
      return "delete group " + std::to_string(group->id);
  }
  return {};
}

}  // namespace distributor::programmer
