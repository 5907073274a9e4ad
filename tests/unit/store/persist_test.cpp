// What a batch leaves behind (H3): all of it, after every reopening; nothing, if it is refused.
#include <chrono>
#include <iostream>
#include <random>

#include "tests/unit/store/fixture.hpp"

namespace distributor::store {
namespace {

class Persist : public testing::Test {
 protected:
  void SetUp() override {
    file = folder / "state.db";
    reopen();
    auto loaded = store->load();
    ASSERT_TRUE(loaded) << loaded.error().message;
    state = *loaded;
  }

  void reopen() {
    store.reset();
    auto opened = open_at(file);
    ASSERT_TRUE(opened) << opened.error().message;
    store.emplace(*std::move(opened));
  }

  // Stores it, opens the file anew, and compares.
  void expect_kept(const replica::PersistBatch& batch) {
    const auto done = store->persist(batch);
    ASSERT_TRUE(done) << done.error().message;
    apply(batch, state);
    EXPECT_TRUE(holds(*store, state));
    reopen();
    EXPECT_TRUE(holds(*store, state));
  }

  void expect_refused(const replica::PersistBatch& batch, const std::string& says) {
    const auto done = store->persist(batch);
    ASSERT_FALSE(done) << says;
    EXPECT_EQ(done.error().code, StoreErrorCode::bad_batch) << done.error().message;
    EXPECT_NE(done.error().message.find(says), std::string::npos) << done.error().message;
    EXPECT_TRUE(holds(*store, state)) << says;
  }

  // A checkpoint: the base moves onto the entry at this seq.
  replica::PersistBatch checkpoint(std::size_t entries) {
    replica::PersistBatch batch;
    batch.meta = state.meta;
    batch.meta->base = replica::point_of(state.log.at(entries - 1));
    batch.prune_through = batch.meta->base.seq;
    batch.base_upsert = {load_balancer(1, entries), load_balancer(2)};
    return batch;
  }

  ScratchFolder folder;
  std::filesystem::path file;
  std::optional<Store> store;
  replica::DurableState state;
};

TEST_F(Persist, ANewStoreIsEmptyAndNeverSynced) {
  replica::DurableState empty;
  empty.meta.pair_id = kPair;
  empty.meta.node_id = test::node("a");
  EXPECT_TRUE(holds(*store, empty));
  EXPECT_FALSE(state.meta.ever_synced);
  EXPECT_EQ(state.meta.term, Term{});
}

TEST_F(Persist, TermAndEntriesStay) {
  replica::PersistBatch batch = append_of(state, 3);
  batch.meta = state.meta;
  batch.meta->term = Term{7};
  batch.meta->ever_synced = true;
  batch.meta->pair_floor = {Term{3}, Seq{2}, batch.append[1].digest};
  expect_kept(batch);
  expect_kept(append_of(state));
  EXPECT_EQ(state.log.size(), 4U);
}

TEST_F(Persist, BytesOfAnyKindStay) {
  replica::PersistBatch batch;
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  batch.append = {entry_after(tail_of(state), 1, all, all)};
  batch.dropped = {{Term{1}, Seq{9}, all, all, all}, {Term{1}, Seq{10}, "", "", ""}};
  expect_kept(batch);
}

TEST_F(Persist, ACutTailIsReplaced) {  // after a reunion
  expect_kept(append_of(state, 5));
  replica::PersistBatch batch;
  batch.truncate_after = Seq{2};
  batch.append = {entry_after(replica::point_of(state.log[1]), 8, "other")};
  batch.dropped = {{Term{3}, Seq{3}, "r", "c", "lost at a reunion"}};
  expect_kept(batch);
  EXPECT_EQ(state.log.size(), 3U);
  batch = {};
  batch.forget_dropped = true;
  batch.dropped = {{Term{4}, Seq{4}, "r2", "c2", "newer"}};
  expect_kept(batch);
  EXPECT_EQ(state.dropped.size(), 1U);
}

TEST_F(Persist, ACheckpointMovesTheBase) {
  expect_kept(append_of(state, 5));
  expect_kept(checkpoint(3));
  EXPECT_EQ(state.log.size(), 2U);
  auto batch = checkpoint(2);  // all that is left
  batch.base_erase = {test::lb_id(2)};
  expect_kept(batch);
  EXPECT_TRUE(state.log.empty());
  expect_kept(append_of(state));
  EXPECT_EQ(state.log.front().seq, Seq{6});
}

TEST_F(Persist, ASnapshotReplacesEverything) {
  expect_kept(append_of(state, 5));
  expect_kept(checkpoint(3));
  replica::PersistBatch batch;
  batch.meta = state.meta;
  batch.meta->base = {Term{20}, Seq{1'000}, sha256("elsewhere")};
  batch.install_base = {load_balancer(3), load_balancer(4)};
  expect_kept(batch);
  EXPECT_TRUE(state.log.empty());
  expect_kept(append_of(state));
}

TEST_F(Persist, AnEmptyBatchIsNothing) {
  EXPECT_TRUE(store->persist({}));
  EXPECT_TRUE(holds(*store, state));
}

TEST_F(Persist, RefusesWhatWouldBreakTheChainAndChangesNothing) {
  expect_kept(append_of(state, 5));
  expect_kept(checkpoint(2));
  const auto tail = tail_of(state);
  replica::PersistBatch batch;

  batch.append = {entry_after(replica::point_of(state.log[0]), 3, "gone back")};
  expect_refused(batch, "does not continue");
  batch.append = {entry_after({Term{3}, tail.seq, sha256("other history")}, 3, "c")};
  expect_refused(batch, "does not continue");
  batch.append = {entry_after({Term{3}, tail.seq.next(), tail.digest}, 3, "hole")};
  expect_refused(batch, "does not continue");
  batch = append_of(state, 2);
  batch.append[1].command += "x";
  expect_refused(batch, "does not match its digest");

  batch = checkpoint(2);
  batch.meta->base.digest = sha256("other history");
  expect_refused(batch, "the base would move");
  batch = checkpoint(2);
  batch.prune_through = Seq{3};
  expect_refused(batch, "the base would move");
  batch = checkpoint(2);
  batch.prune_through.reset();
  expect_refused(batch, "the base would move");
  batch = checkpoint(2);
  batch.meta->base.seq = Seq{100};
  batch.prune_through = Seq{100};
  expect_refused(batch, "the base would move");

  batch = {};
  batch.truncate_after = Seq{1};
  expect_refused(batch, "below the base");
  batch = append_of(state);
  batch.meta = state.meta;
  batch.meta->pair_id = "pair-2";
  expect_refused(batch, "never changes its pair");
  batch.meta = state.meta;
  batch.meta->node_id = test::node("b");
  expect_refused(batch, "never changes its pair or node");
  batch.meta = state.meta;
  batch.meta->term = Term{~std::uint64_t{0}};  // not what SQLite can hold
  expect_refused(batch, "CHECK constraint");

  expect_kept(append_of(state));  // and it goes on
}

TEST_F(Persist, RandomBatchesStayThroughReopening) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    replica::PersistBatch batch;
    const auto kind = random() % 6;
    if (kind <= 2) batch = append_of(state, 1 + static_cast<unsigned>(random() % 4));
    if (kind == 3 && !state.log.empty()) batch = checkpoint(1 + random() % state.log.size());
    if (kind == 4 && !state.log.empty()) batch.truncate_after = state.log[random() % state.log.size()].seq;
    if (kind == 5) {
      batch.meta = state.meta;
      batch.meta->term = Term{state.meta.term.value + random() % 3};
      batch.dropped = {{Term{1}, Seq{random() % 100}, "r", "c", "reason"}};
      batch.forget_dropped = random() % 2 == 0;
    }
    expect_kept(batch);
    ASSERT_FALSE(HasFailure()) << round;
  }
}

TEST_F(Persist, LatencyIsPrinted) {  // a figure for the reader; nothing is asserted on time
  std::vector<double> took_us;
  for (int i = 0; i < 300; ++i) {
    const auto batch = append_of(state);
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(store->persist(batch));
    took_us.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    apply(batch, state);
  }
  std::sort(took_us.begin(), took_us.end());
  std::cout << "one entry per persist, us: median " << took_us[150] << ", p99 " << took_us[297] << ", worst "
            << took_us[299] << "\n";
  const auto start = std::chrono::steady_clock::now();
  const auto batch = append_of(state, 64);
  ASSERT_TRUE(store->persist(batch));
  apply(batch, state);
  std::cout << "64 entries in one persist, us: "
            << std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() << "\n";
  EXPECT_TRUE(holds(*store, state));
}

}  // namespace
}  // namespace distributor::store
