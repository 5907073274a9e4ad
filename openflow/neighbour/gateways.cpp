#include "openflow/neighbour/gateways.hpp"

#include <algorithm>

namespace distributor::neighbour {

void Gateways::want(const LoadBalancerId& lb, const std::set<IpAddress>& gateways, TimePoint now) {
  if (gateways.empty()) {
    entries_.erase(lb);
    return;
  }
  auto& entries = entries_[lb];
  std::erase_if(entries, [&](const auto& entry) { return !gateways.contains(entry.first); });
  for (const auto& gateway : gateways) entries.try_emplace(gateway, Entry{std::nullopt, now});
}

std::vector<Gateways::Probe> Gateways::take_due(TimePoint now) {
  std::vector<Probe> due;
  for (auto& [lb, entries] : entries_) {
    for (auto& [gateway, entry] : entries) {
      if (entry.next > now) continue;
      entry.next = now + (entry.mac ? config_.refresh : config_.retry);
      due.push_back({lb, gateway});
    }
  }
  return due;
}

std::optional<TimePoint> Gateways::next_deadline() const {
  std::optional<TimePoint> next;
  for (const auto& [lb, entries] : entries_) {
    for (const auto& [gateway, entry] : entries) next = next ? std::min(*next, entry.next) : entry.next;
  }
  return next;
}

bool Gateways::heard(const LoadBalancerId& lb, const IpAddress& gateway, const MacAddress& mac, TimePoint now) {
  const auto entries = entries_.find(lb);
  if (entries == entries_.end() || mac.is_multicast() || mac.is_zero()) return false;
  const auto entry = entries->second.find(gateway);
  if (entry == entries->second.end()) return false;
  entry->second.next = now + config_.refresh;
  if (entry->second.mac == mac) return false;
  entry->second.mac = mac;
  return true;
}

std::map<IpAddress, MacAddress> Gateways::known(const LoadBalancerId& lb) const {
  std::map<IpAddress, MacAddress> out;
  if (const auto entries = entries_.find(lb); entries != entries_.end()) {
    for (const auto& [gateway, entry] : entries->second) {
      if (entry.mac) out.emplace(gateway, *entry.mac);
    }
  }
  return out;
}

}  // namespace distributor::neighbour
