// How fast a dead owner is noticed, and what that risks: four profiles, measured (docs/failover.md). Pure.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

namespace distributor::keepalived {

struct Profile {
  std::string_view name;
  std::chrono::milliseconds advert_interval;
  bool real_time_needed;  // without it a busy disk or CPU moves ownership
};

std::span<const Profile> profiles();
const Profile* find_profile(std::string_view name);  // null: no such one
std::string profile_names();                         // for messages

// The longest time from the last advert of a dead owner to the MASTER of a ready peer: 3 intervals and the skew of priority 250, for
// timers that have to be above it.
std::chrono::milliseconds takeover_time_max(std::chrono::milliseconds advert_interval);

}  // namespace distributor::keepalived
