// What each owner wants, what of it is known to stand, and what is under way. Pure; the programmer drives it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "openflow/programmer/diff.hpp"
#include "openflow/programmer/programmer.hpp"
#include "openflow/wire/multipart.hpp"

namespace distributor::programmer {

// What was read back from the bridge.
struct Snapshot {
  std::vector<wire::FlowDescription> flows;
  std::vector<wire::GroupDescription> groups;
};

// What others did to single rules and groups; true: something of this name stands now, which differs from ours.
struct Sightings {
  std::map<wire::FlowKey, bool> flows;
  std::map<std::uint32_t, bool> groups;
  bool empty() const { return flows.empty() && groups.empty(); }
  std::size_t size() const { return flows.size() + groups.size(); }
};

// Changes that go out together, and what stands once they are confirmed. Keeps alive what its changes point to.
struct Plan {
  using RulesPointer = std::shared_ptr<const wire::Rules>;  // null: nothing stands
  std::vector<Change> changes;
  std::map<Key, RulesPointer> targets;
  std::vector<std::shared_ptr<const void>> kept;
  bool whole = false;   // of plan_all()
  bool repair = false;  // of plan_repair()
  bool empty() const { return changes.empty(); }
};

class Ledger {
 public:
  // See Programmer. An error changes nothing. Rules equal to what stands, and to what is desired, touch nothing; a
  // refused key whose rules are set again is tried again.
  tl::expected<void, ProgramError> set_desired(Key key, wire::Rules rules);
  void remove(Key key);

  bool touched() const { return !touched_.empty(); }
  const std::set<Key>& touched_keys() const { return touched_; }
  bool in_flight(Key key) const;
  bool refused(Key key) const;
  std::size_t refused_keys() const { return refused_.size(); }

  // The difference for the touched keys that are not in flight / for one key, if it is touched / for everything,
  // against what was read back. A plan's keys are in flight until confirm() or roll_back(), also if it is empty. While
  // a plan_all() is in flight no other may be made: its deletions can concern any key. It plans refused keys as they
  // stood before.
  Plan plan_touched();
  Plan plan_key(Key key);
  Plan plan_all(Snapshot snapshot);

  // Puts right what was seen of others' changes, and nothing else: the cost depends on what was seen alone. Nothing, if
  // that cannot be said: the base rules are concerned, an owner's rules are being changed, or it is set aside. Then everything must be read back.
  std::optional<Plan> plan_repair(const Sightings& seen);

  void confirm(const Plan& plan);
  // The bundle was refused whole. `culprits` are set aside; the others are touched again.
  void roll_back(const Plan& plan, const std::set<Key>& culprits);
  // The connection is gone: what was in flight may stand or not. A plan_all() must follow.
  void forget_in_flight();
  // Tries what was refused again with the next plan.
  void retry_refused();

  // Bucket ids of a group that stands, in list order; null if it is not ours.
  const wire::Group* standing_group(std::uint32_t group_id) const;

 private:
  struct Entry {
    Plan::RulesPointer desired;
    Plan::RulesPointer installed;
    bool in_flight = false;
  };
  struct FlowNameHash {
    std::size_t operator()(const wire::FlowRule* rule) const;
  };
  struct FlowNameEqual {
    bool operator()(const wire::FlowRule* a, const wire::FlowRule* b) const;
  };

  tl::expected<void, ProgramError> check_conflicts(Key key, const wire::Rules& rules) const;
  void index(Key key, const wire::Rules& rules);
  void unindex(const wire::Rules& rules);
  void touch(Key key);
  void drop_if_empty(Key key);
  bool spared(Key owner) const;
  Plan plan_keys(const std::vector<Key>& keys);

  std::map<Key, Entry> entries_;
  std::set<Key> touched_;
  std::set<Key> refused_;
  std::unordered_map<const wire::FlowRule*, Key, FlowNameHash, FlowNameEqual> flow_owners_;  // of the desired state
  std::unordered_map<std::uint32_t, std::pair<Key, const wire::Group*>> group_owners_;       // of the desired state
};

}  // namespace distributor::programmer
