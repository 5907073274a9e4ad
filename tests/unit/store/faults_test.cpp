// Crashes and full or failing disks (H3): what was acknowledged is there, what was not has left no trace.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "tests/unit/store/fixture.hpp"

namespace distributor::store {
namespace {

// Runs the body in a process of its own and gives its exit code.
template <typename Body>
int in_child(Body body) {
  const auto child = ::fork();
  if (child == 0) ::_exit(body());
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Appends for ever, in batches of 1..5, with a checkpoint now and then; says each seq once persist has returned.
int stream(const std::filesystem::path& file, int acknowledge, unsigned seed) {
  auto store = open_at(file);
  if (!store) return 1;
  auto state = *store->load();
  std::mt19937 random(seed);
  for (;;) {
    auto batch = append_of(state, 1 + static_cast<unsigned>(random() % 5));
    if (state.log.size() > 20) {
      batch.meta = state.meta;
      batch.meta->base = replica::point_of(state.log[10]);
      batch.meta->term = Term{batch.meta->base.seq.value};
      batch.prune_through = batch.meta->base.seq;
      batch.base_upsert = {load_balancer(1, batch.meta->base.seq.value)};
    }
    if (!store->persist(batch)) return 2;
    apply(batch, state);
    const auto seq = tail_of(state).seq.value;
    if (::write(acknowledge, &seq, sizeof seq) != sizeof seq) return 3;
  }
}

TEST(Crash, EverythingAcknowledgedSurvivesKill) {  // H3
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  std::mt19937 random(5);
  std::uint64_t acknowledged = 0;
  for (unsigned round = 0; round < 25; ++round) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe(ends), 0);
    const auto child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      ::_exit(stream(file, ends[1], round));
    }
    ::close(ends[1]);
    // Killed after some acknowledgement, at whatever moment of the next write that falls into.
    std::uint64_t seq = 0;
    for (auto left = 1 + random() % 30; left > 0 && ::read(ends[0], &seq, sizeof seq) == sizeof seq; --left)
      acknowledged = seq;
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << WEXITSTATUS(status);
    while (::read(ends[0], &seq, sizeof seq) == sizeof seq) acknowledged = seq;
    ::close(ends[0]);

    auto store = open_at(file);
    ASSERT_TRUE(store) << store.error().message;
    const auto state = store->load();
    ASSERT_TRUE(state);
    EXPECT_GE(tail_of(*state).seq.value, acknowledged);
    EXPECT_LE(tail_of(*state).seq.value, acknowledged + 5);  // at most the batch under way
    if (state->meta.base.seq.value == 0) continue;
    ASSERT_EQ(state->base.size(), 1U);  // meta, base and log moved together
    EXPECT_EQ(state->base[0].hash_seed, state->meta.base.seq.value);
    EXPECT_EQ(state->meta.term.value, state->meta.base.seq.value);
  }
  EXPECT_GT(acknowledged, 100U);
}

constexpr int kCannotMount = 99;

int check_full_disk(const std::filesystem::path& file, const std::filesystem::path& ballast) {
  std::ofstream(ballast) << std::string(400'000, 'b');
  auto store = open_at(file);
  if (!store) return 10;
  auto state = *store->load();
  replica::PersistBatch batch;
  for (int i = 0; i < 200; ++i) {
    batch = {};
    batch.meta = state.meta;
    batch.meta->term = Term{state.meta.term.value + 1};
    batch.append = {entry_after(tail_of(state), 1, std::string(20'000, 'x'))};
    const auto done = store->persist(batch);
    if (!done) {
      std::cerr << done.error().message << "\n";
      if (done.error().code != StoreErrorCode::full) return 11;
      if (!holds(*store, state)) return 12;
      const auto room = store->check_room();
      if (room || room.error().code != StoreErrorCode::full) return 18;
      std::filesystem::remove(ballast);
      std::ofstream(ballast) << std::string(40'000, 'b');  // a little room is not enough to go on
      if (store->check_room()) return 19;
      std::filesystem::remove(ballast);
      if (::mount("none", file.parent_path().c_str(), nullptr, MS_REMOUNT, "size=4m") != 0) return kCannotMount;
      if (!store->check_room()) return 20;
      if (!store->persist(batch)) return 13;  // not broken for good: there is room again
      apply(batch, state);
      if (!holds(*store, state)) return 14;
      store = tl::unexpected(StoreError{});
      store = open_at(file);
      if (!store) return 15;
      return holds(*store, state) ? 0 : 16;
    }
    apply(batch, state);
  }
  return 17;  // never full
}

TEST(Faults, AFullDiskChangesNothingAndIsNoEnd) {
  const ScratchFolder folder;
  const auto code = in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
      return kCannotMount;
    }
    return check_full_disk(folder / "state.db", folder / "ballast");
  });
  if (code == kCannotMount) GTEST_SKIP() << "may not mount a tmpfs here (needs CAP_SYS_ADMIN)";
  EXPECT_EQ(code, 0);
}

int check_failing_disk(const std::filesystem::path& file) {
  auto store = open_at(file);
  if (!store) return 10;
  auto state = *store->load();
  for (int i = 0; i < 3; ++i) {
    const auto batch = append_of(state);
    if (!store->persist(batch)) return 11;
    apply(batch, state);
  }
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{4096, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &tight) != 0) return 12;
  auto batch = append_of(state);
  batch.append[0] = entry_after(tail_of(state), 1, std::string(50'000, 'x'));
  const auto failed = store->persist(batch);
  if (failed || failed.error().code != StoreErrorCode::io) return 13;
  if (!holds(*store, state)) return 14;
  const rlimit wide{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &wide) != 0) return 15;
  if (store->persist(append_of(state))) return 16;  // a disk that has failed a write is not trusted again
  store = tl::unexpected(StoreError{});
  store = open_at(file);
  if (!store) return 17;
  if (!holds(*store, state)) return 18;
  return store->persist(append_of(state)) ? 0 : 19;
}

TEST(Faults, AfterAFailedWriteTheStoreMustBeOpenedAgain) {
  const ScratchFolder folder;
  EXPECT_EQ(in_child([&] { return check_failing_disk(folder / "state.db"); }), 0);
}

}  // namespace
}  // namespace distributor::store
