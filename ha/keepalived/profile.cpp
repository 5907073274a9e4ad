#include "ha/keepalived/profile.hpp"

#include <algorithm>
#include <array>

#include "ha/keepalived/vrrp.hpp"

namespace distributor::keepalived {
namespace {

using std::chrono::milliseconds;

constexpr std::array kProfiles = {
    Profile{"safe", milliseconds(1000), false},
    Profile{"default", milliseconds(100), false},
    Profile{"fast", milliseconds(50), false},
    Profile{"extreme", milliseconds(20), true},
};

}  // namespace

std::span<const Profile> profiles() { return kProfiles; }

const Profile* find_profile(std::string_view name) {
  const auto found = std::find_if(kProfiles.begin(), kProfiles.end(), [&](const Profile& one) { return one.name == name; });
  return found == kProfiles.end() ? nullptr : &*found;
}

std::string profile_names() {
  std::string names;
  for (const auto& one : kProfiles) names += (names.empty() ? "" : ", ") + std::string(one.name);
  return names;
}

milliseconds takeover_time_max(milliseconds advert_interval) {
  const auto skew = advert_interval * (256 - kBasePriority - kReadinessReady) / 256;
  return 3 * advert_interval + skew + milliseconds(1);
}

}  // namespace distributor::keepalived
