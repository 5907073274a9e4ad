#include "tests/simulation/disk.hpp"

#include <algorithm>

namespace distributor::simulation {

void Disk::apply(const replica::PersistBatch& batch) {
  auto& state = platter;
  if (batch.meta) state.meta = *batch.meta;
  if (batch.truncate_after) {
    while (!state.log.empty() && state.log.back().seq > *batch.truncate_after) state.log.pop_back();
  }
  if (batch.install_base) {
    state.base = *batch.install_base;
    state.log.clear();
  }
  for (const auto& lb : batch.base_upsert) {
    std::erase_if(state.base, [&](const LoadBalancer& old) { return old.id == lb.id; });
    state.base.push_back(lb);
  }
  for (const auto& id : batch.base_erase) std::erase_if(state.base, [&](const LoadBalancer& old) { return old.id == id; });
  if (batch.prune_through) std::erase_if(state.log, [&](const replica::LogEntry& entry) { return entry.seq <= *batch.prune_through; });
  state.log.insert(state.log.end(), batch.append.begin(), batch.append.end());
  if (batch.forget_dropped) state.dropped.clear();
  state.dropped.insert(state.dropped.end(), batch.dropped.begin(), batch.dropped.end());
}

}  // namespace distributor::simulation
