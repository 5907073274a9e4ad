// Histories to store, and what a store must hold after a batch.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "sync/registry/codec.hpp"
#include "sync/replica/log_chain.hpp"
#include "sync/store/store.hpp"
#include "tests/unit/registry/values.hpp"
#include "tests/unit/scratch_folder.hpp"

namespace distributor::store {

inline const std::string kPair = "pair-1";

using test::ScratchFolder;

inline tl::expected<Store, StoreError> open_at(const std::filesystem::path& file) {
  return Store::open(file, kPair, test::node("a"));
}

// The entry that follows `tail`.
inline replica::LogEntry entry_after(const replica::LogPoint& tail, std::uint64_t term, std::string command,
                                     std::string request_id = "") {
  replica::LogEntry entry;
  entry.term = Term{term};
  entry.seq = tail.seq.next();
  entry.previous = tail.digest;
  entry.request_id = std::move(request_id);
  entry.command = std::move(command);
  entry.digest = replica::entry_digest(entry);
  return entry;
}

inline replica::LogPoint tail_of(const replica::DurableState& state) {
  return state.log.empty() ? state.meta.base : replica::point_of(state.log.back());
}

inline replica::PersistBatch append_of(const replica::DurableState& state, unsigned count = 1) {
  replica::PersistBatch batch;
  auto tail = tail_of(state);
  for (unsigned i = 0; i < count; ++i) {
    const auto n = static_cast<unsigned>(tail.seq.value);
    const Command command = test::reg(1, {test::item(n % 1000 + 1)});
    batch.append.push_back(entry_after(tail, 3, encode(command), "request-" + std::to_string(n)));
    tail = replica::point_of(batch.append.back());
  }
  return batch;
}

inline LoadBalancer load_balancer(unsigned n, std::uint64_t hash_seed = 5) {
  Registry registry;
  auto plug = test::plug_of(n);
  plug.hash_seed = hash_seed;
  EXPECT_TRUE(registry.apply(plug));
  EXPECT_TRUE(registry.apply(test::reg(n, {test::item(1), test::item(2, 4), test::spare(3)})));
  EXPECT_TRUE(registry.apply(test::replace(n, 1)));
  auto lb = *registry.find(test::lb_id(n));
  lb.ordinal = n;
  return lb;
}

// What the batch means, in the plainest way.
inline void apply(const replica::PersistBatch& batch, replica::DurableState& state) {
  if (batch.meta) state.meta = *batch.meta;
  if (batch.truncate_after) {
    std::erase_if(state.log, [&](const auto& entry) { return entry.seq > *batch.truncate_after; });
  }
  if (batch.install_base) {
    state.log.clear();
    state.base = *batch.install_base;
  }
  for (const auto& lb : batch.base_upsert) {
    std::erase_if(state.base, [&](const auto& one) { return one.id == lb.id; });
    state.base.push_back(lb);
  }
  for (const auto& id : batch.base_erase) {
    std::erase_if(state.base, [&](const auto& one) { return one.id == id; });
  }
  std::sort(state.base.begin(), state.base.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  if (batch.prune_through) {
    std::erase_if(state.log, [&](const auto& entry) { return entry.seq <= *batch.prune_through; });
  }
  state.log.insert(state.log.end(), batch.append.begin(), batch.append.end());
  if (batch.forget_dropped) state.dropped.clear();
  state.dropped.insert(state.dropped.end(), batch.dropped.begin(), batch.dropped.end());
}

inline bool equal(const replica::DurableState& a, const replica::DurableState& b) {
  return a.meta == b.meta && a.base == b.base && a.log == b.log && a.dropped == b.dropped;
}

inline testing::AssertionResult holds(const Store& store, const replica::DurableState& wanted) {
  const auto found = store.load();
  if (!found) return testing::AssertionFailure() << found.error().message;
  if (equal(*found, wanted)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "term " << found->meta.term.value << "/" << wanted.meta.term.value << ", base "
                                     << found->meta.base.seq.value << "/" << wanted.meta.base.seq.value
                                     << ", load balancers " << found->base.size() << "/" << wanted.base.size()
                                     << ", entries " << found->log.size() << "/" << wanted.log.size() << ", dropped "
                                     << found->dropped.size() << "/" << wanted.dropped.size();
}

}  // namespace distributor::store
