// Backups put back in the store's place: only whole ones of this node, never over a running daemon, never losing what stood there.
#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "sync/store/restore.hpp"
#include "tests/unit/store/fixture.hpp"

namespace distributor::store {
namespace {

class RestoreTest : public testing::Test {
 protected:
  const ScratchFolder folder_;
  const std::filesystem::path file_ = folder_ / "state.db";
  const std::filesystem::path backup_ = folder_ / "backup.db";

  // A synced store with some entries, backed up, and further entries after that. Returns what the backup must hold.
  replica::DurableState backed_up() {
    auto store = open_at(file_);
    auto state = *store->load();
    auto batch = append_of(state, 20);
    batch.meta = state.meta;
    batch.meta->term = Term{6};
    batch.meta->ever_synced = true;
    EXPECT_TRUE(store->persist(batch));
    apply(batch, state);
    EXPECT_TRUE(store->backup(backup_));
    EXPECT_TRUE(store->persist(append_of(state, 5)));
    return state;
  }

  tl::expected<Restored, StoreError> restore_backup() { return restore(backup_, file_, kPair, test::node("a")); }

  void refused(StoreErrorCode code, const std::string& says) {
    const auto done = restore_backup();
    ASSERT_FALSE(done) << says;
    EXPECT_EQ(done.error().code, code) << done.error().message;
    EXPECT_NE(done.error().message.find(says), std::string::npos) << done.error().message;
    EXPECT_FALSE(done.error().fix.empty());
    EXPECT_FALSE(std::filesystem::exists(file_.string() + ".restoring"));
  }

  std::uint64_t newest() {
    auto store = open_at(file_);
    EXPECT_TRUE(store) << store.error().message;
    return tail_of(*store->load()).seq.value;
  }
};

TEST_F(RestoreTest, WhatRootRestoresBelongsToTheDaemonsUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  backed_up();
  std::filesystem::remove(file_.string() + ".lock");
  ASSERT_EQ(::chown(file_.parent_path().c_str(), 65534, 65534), 0);
  ASSERT_TRUE(restore_backup());
  for (const auto* suffix : {"", ".lock"}) {
    struct stat made{};
    ASSERT_EQ(::stat((file_.string() + suffix).c_str(), &made), 0) << suffix;
    EXPECT_EQ(made.st_uid, 65534U) << suffix;
    EXPECT_EQ(made.st_gid, 65534U) << suffix;
  }
}

TEST_F(RestoreTest, BringsTheBackupAndKeepsWhatStoodThere) {
  auto wanted = backed_up();
  ASSERT_EQ(newest(), 25U);
  const auto done = restore_backup();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->newest, Seq{20});
  EXPECT_EQ(done->log_entries, 20U);
  wanted.meta.ever_synced = false;  // it may be old: it gives way to the peer (H13)
  {
    auto store = open_at(file_);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_TRUE(holds(*store, wanted));
  }
  auto before = open_at(done->kept);
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(tail_of(*before->load()).seq.value, 25U);
}

TEST_F(RestoreTest, WorksWhereNoStoreIsAndWhereItIsDamaged) {
  backed_up();
  std::filesystem::remove(file_);
  auto done = restore_backup();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->kept.empty());
  EXPECT_EQ(newest(), 20U);
  std::ofstream(file_, std::ios::trunc) << "no database any more";
  done = restore_backup();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_FALSE(done->kept.empty());
  EXPECT_EQ(newest(), 20U);
}

TEST_F(RestoreTest, ALogWithoutItsDatabaseIsNotPlayedOntoTheBackup) {  // somebody moved the database away, and not its log
  auto state = backed_up();
  {
    auto store = open_at(file_);
    ASSERT_TRUE(store->persist(append_of(*store->load(), 5)));
    std::filesystem::copy_file(file_.string() + "-wal", folder_ / "left-wal");
  }
  std::filesystem::remove(file_);
  std::filesystem::rename(folder_ / "left-wal", file_.string() + "-wal");
  const auto done = restore_backup();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(std::filesystem::exists(done->kept.string() + "-wal"));
  EXPECT_EQ(newest(), 20U);
}

TEST_F(RestoreTest, TwoRestoresInOneSecondKeepBoth) {
  backed_up();
  const auto first = restore_backup();
  const auto second = restore_backup();
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->kept, second->kept);
  EXPECT_TRUE(std::filesystem::exists(first->kept) && std::filesystem::exists(second->kept));
}

TEST_F(RestoreTest, NotWhileTheDaemonRuns) {
  backed_up();
  {
    auto running = open_at(file_);
    refused(StoreErrorCode::in_use, "process " + std::to_string(::getpid()));
  }
  EXPECT_EQ(newest(), 25U);
}

TEST_F(RestoreTest, OnlyThisNodesWholeBackup) {
  backed_up();
  auto done = restore(backup_, file_, "pair-2", test::node("a"));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, StoreErrorCode::wrong_pair);
  done = restore(backup_, file_, kPair, test::node("b"));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, StoreErrorCode::wrong_node);

  const auto version = SQLite::Database(backup_.string()).execAndGet("PRAGMA user_version").getString();
  SQLite::Database(backup_.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version=99");
  refused(StoreErrorCode::other_schema, "schema version 99, newer");
  SQLite::Database(backup_.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version=" + version);
  SQLite::Database(backup_.string(), SQLite::OPEN_READWRITE).exec("DELETE FROM log WHERE seq=10");
  refused(StoreErrorCode::corrupt, "hole");
  std::filesystem::resize_file(backup_, 5000);
  refused(StoreErrorCode::corrupt, "");
  std::ofstream(backup_, std::ios::trunc) << "";
  refused(StoreErrorCode::foreign_file, "not a store");
  std::filesystem::remove(backup_);
  refused(StoreErrorCode::io, "No such file");
  EXPECT_EQ(newest(), 25U) << "a refused restore changes nothing";
}

TEST_F(RestoreTest, ACopiedLiveStoreIsNoBackup) {
  auto store = open_at(file_);
  ASSERT_TRUE(store->persist(append_of(*store->load(), 3)));
  std::filesystem::copy_file(file_, backup_);
  std::filesystem::copy_file(file_.string() + "-wal", backup_.string() + "-wal");
  store = tl::unexpected(StoreError{});
  refused(StoreErrorCode::foreign_file, "no backup but a live or crashed store");
}

}  // namespace
}  // namespace distributor::store
