#include "ha/announce/planner.hpp"

#include <utility>

namespace distributor::announce {

Planner::Planner(PlannerConfig config) : config_(std::move(config)) {}

Planner::Due Planner::due_of(Plans::iterator plan) const {
  return {plan->second.start + config_.offsets[plan->second.next_offset], plan->second.order, plan};
}

void Planner::announce(const std::vector<Target>& targets, TimePoint now) {
  if (config_.offsets.empty()) return;
  for (const Target& target : targets) {
    if (plans_.size() >= config_.targets_max && !plans_.contains(target)) continue;
    forget(target);
    const auto plan = plans_.emplace(target, Plan{now, 0, next_order_++}).first;
    due_.insert(due_of(plan));
  }
}

void Planner::forget_all() {
  due_.clear();
  plans_.clear();
}

void Planner::forget(const Target& target) {
  const auto plan = plans_.find(target);
  if (plan == plans_.end()) return;
  due_.erase(due_of(plan));
  plans_.erase(plan);
}

std::vector<Target> Planner::take_due(TimePoint now, std::size_t max) {
  std::vector<Target> targets;
  while (!due_.empty() && targets.size() < max && std::get<0>(*due_.begin()) <= now) {
    const auto plan = std::get<2>(*due_.begin());
    due_.erase(due_.begin());
    targets.push_back(plan->first);
    // A late caller gets each target once, not all its missed rounds at a time.
    do {
      ++plan->second.next_offset;
    } while (plan->second.next_offset < config_.offsets.size() &&
             plan->second.start + config_.offsets[plan->second.next_offset] <= now);
    if (plan->second.next_offset < config_.offsets.size()) {
      due_.insert(due_of(plan));
    } else {
      plans_.erase(plan);
    }
  }
  return targets;
}

TimePoint Planner::next_deadline() const {
  return due_.empty() ? TimePoint::max() : std::get<0>(*due_.begin());
}

}  // namespace distributor::announce
