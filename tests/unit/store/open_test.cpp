// Which file a node accepts as its own (H3, H6), and what it says otherwise.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "tests/unit/store/fixture.hpp"

namespace distributor::store {
namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777U;
}

void expect_refused(const tl::expected<Store, StoreError>& opened, StoreErrorCode code, const std::string& says) {
  ASSERT_FALSE(opened) << says;
  EXPECT_EQ(opened.error().code, code) << opened.error().message;
  EXPECT_NE(opened.error().message.find(says), std::string::npos) << opened.error().message;
  EXPECT_FALSE(opened.error().fix.empty());
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// A closed store with something of everything.
replica::DurableState fill(const std::filesystem::path& file) {
  auto store = open_at(file);
  EXPECT_TRUE(store) << store.error().message;
  auto state = *store->load();
  replica::PersistBatch batch;
  batch.meta = state.meta;
  batch.meta->term = Term{6};
  batch.meta->base = {Term{2}, Seq{10}, sha256("base")};
  batch.install_base = {load_balancer(1), load_balancer(2)};
  batch.dropped = {{Term{1}, Seq{4}, "r", "c", "reason"}};
  EXPECT_TRUE(store->persist(batch));
  apply(batch, state);
  batch = append_of(state, 40);
  EXPECT_TRUE(store->persist(batch));
  apply(batch, state);
  return state;
}

TEST(Open, MakesFoldersAndFilesForItsOwnerOnly) {
  const ScratchFolder folder;
  const auto file = folder / "var/lib/distributor/state.db";
  const auto old_mask = ::umask(0);
  auto store = open_at(file);
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE(store->persist(append_of(*store->load())));
  for (const auto& one : std::filesystem::directory_iterator(file.parent_path())) {
    EXPECT_EQ(mode_of(one.path()), 0600U) << one.path();
  }
  ::umask(old_mask);
  EXPECT_EQ(mode_of(folder / "var"), 0700U);
  EXPECT_EQ(mode_of(folder / "var/lib/distributor"), 0700U);
}

TEST(Open, OneProcessAtATime) {
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  {
    auto first = open_at(file);
    ASSERT_TRUE(first);
    expect_refused(open_at(file), StoreErrorCode::in_use, "process " + std::to_string(::getpid()));
    const auto child = ::fork();
    if (child == 0) {
      const auto second = open_at(file);
      ::_exit(!second && second.error().code == StoreErrorCode::in_use ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(first->persist(append_of(*first->load())));
  }
  EXPECT_TRUE(open_at(file));
}

TEST(Open, NoOtherProgramReadsOrWritesMeanwhile) {
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  auto store = open_at(file);
  ASSERT_TRUE(store);
  SQLite::Database other(file.string(), SQLite::OPEN_READWRITE);
  EXPECT_THROW(other.exec("DELETE FROM log"), SQLite::Exception);
}

TEST(Open, AnotherPairsStoreIsRefused) {
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  const auto state = fill(file);
  expect_refused(Store::open(file, "pair-2", test::node("a")), StoreErrorCode::wrong_pair, "belongs to pair 'pair-1'");
  expect_refused(Store::open(file, kPair, test::node("b")), StoreErrorCode::wrong_node, "belongs to node 'a'");
  auto store = open_at(file);
  ASSERT_TRUE(store);
  EXPECT_TRUE(holds(*store, state));
}

TEST(Open, ANewerSchemaIsRefused) {
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  fill(file);
  SQLite::Database(file.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version=99");
  expect_refused(open_at(file), StoreErrorCode::other_schema, "schema version 99, newer");
}

TEST(Open, AnOlderSchemaIsRefused) {
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  fill(file);
  SQLite::Database(file.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version=1");
  expect_refused(open_at(file), StoreErrorCode::other_schema, "schema version 1, older");
}

TEST(Open, AnotherProgramsDatabaseIsRefusedAndLeftAlone) {
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  SQLite::Database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE other (x)");
  expect_refused(open_at(file), StoreErrorCode::foreign_file, "not a store");
  write_file(folder / "noise.db", std::string(10'000, 'n'));
  expect_refused(open_at(folder / "noise.db"), StoreErrorCode::corrupt, "not a database");
  EXPECT_EQ(read_file(folder / "noise.db"), std::string(10'000, 'n'));
}

TEST(Open, APathThatCannotBeIsRefused) {
  const ScratchFolder folder;
  write_file(folder / "file", "x");
  expect_refused(open_at(folder / "file/state.db"), StoreErrorCode::io, "Not a directory");
  std::filesystem::create_directory(folder / "folder");
  expect_refused(open_at(folder / "folder"), StoreErrorCode::io, "open");
  expect_refused(open_at("/proc/nowhere/state.db"), StoreErrorCode::io, "folder");
}

TEST(Open, AFileLeftByACrashBeforeTheFirstCommitIsANewStore) {
  const ScratchFolder folder;
  write_file(folder / "state.db", "");
  EXPECT_TRUE(open_at(folder / "state.db"));
}

// Whatever byte the disk turns: noticed, or of no consequence; never another state.
// After a failed fsync the kernel may show log pages that never reached the disk: they are written anew, not believed.
TEST(Open, WritesTheLogThatItFindsBackIntoTheDatabase) {  // H3
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  const auto crashed = folder / "crashed.db";
  auto store = open_at(file);
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->persist(append_of(*store->load(), 20)));
  std::filesystem::copy_file(file, crashed);
  std::filesystem::copy_file(file.string() + "-wal", crashed.string() + "-wal");
  ASSERT_GT(std::filesystem::file_size(crashed.string() + "-wal"), 0U);
  const auto again = open_at(crashed);
  ASSERT_TRUE(again);
  EXPECT_EQ(std::filesystem::file_size(crashed.string() + "-wal"), 0U);
  EXPECT_EQ(again->load()->log.size(), 20U);
}

TEST(Open, AFlippedByteIsNeverBelieved) {
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  const auto state = fill(file);
  const auto good = read_file(file);
  std::mt19937 random(3);
  int noticed = 0;
  for (std::size_t at = random() % 16; at < good.size(); at += 1 + random() % 61) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ static_cast<char>(1U << random() % 8));
    write_file(file, bad);
    auto store = open_at(file);
    if (!store) {
      ++noticed;
      EXPECT_FALSE(store.error().message.empty());
      continue;
    }
    EXPECT_TRUE(holds(*store, state)) << "byte " << at;
  }
  std::cout << noticed << " flipped bytes were noticed, of a file of " << good.size() << "\n";
  EXPECT_GT(noticed, 50);
  write_file(file, good);
  EXPECT_TRUE(open_at(file));
}

TEST(Open, AShortenedFileIsRefused) {
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  fill(file);
  const auto good = read_file(file);
  for (std::size_t size = 100; size < good.size(); size += 1'777) {
    write_file(file, good.substr(0, size));
    EXPECT_FALSE(open_at(file)) << size;
  }
}

struct Tampering {
  const char* what;
  const char* sql;
  const char* says;
};

TEST(Open, ABrokenChainIsRefused) {
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  fill(file);
  const auto good = read_file(file);
  const std::vector<Tampering> rows = {
      {"hole", "DELETE FROM log WHERE seq=20", "hole"},
      {"no start", "DELETE FROM log WHERE seq=11", "hole"},
      {"other command", "UPDATE log SET command=x'00' WHERE seq=20", "does not match its digest"},
      {"other term", "UPDATE log SET term=9 WHERE seq=20", "does not match its digest"},
      {"other request", "UPDATE log SET request_id=x'' WHERE seq=20", "does not match its digest"},
      {"other past", "UPDATE log SET previous=zeroblob(32) WHERE seq=20", "does not continue"},
      {"other base", "UPDATE base SET value=x'00' WHERE rowid=1", "checksum"},
      {"swapped base", "UPDATE base SET lb='x' WHERE rowid=1", "calls itself"},
      {"lower term", "UPDATE meta SET term=1", "checksum"},
      {"other reason", "UPDATE dropped SET reason=x'00'", "checksum"},
      {"nobody's", "DELETE FROM meta", "whose it is"},
  };
  for (const auto& row : rows) {
    write_file(file, good);
    SQLite::Database(file.string(), SQLite::OPEN_READWRITE).exec(row.sql);
    SCOPED_TRACE(row.what);
    expect_refused(open_at(file), StoreErrorCode::corrupt, row.says);
  }
}

TEST(Backup, IsACompleteStoreOfItsOwn) {
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  const auto state = fill(file);
  auto store = open_at(file);
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->backup(folder / "copy.db"));
  EXPECT_EQ(mode_of(folder / "copy.db"), 0600U);
  EXPECT_FALSE(store->backup(folder / "copy.db"));  // never over an older one
  EXPECT_FALSE(store->backup(folder / "missing/copy.db"));
  ASSERT_TRUE(store->persist(append_of(state)));  // the copy keeps its moment
  auto copy = open_at(folder / "copy.db");
  ASSERT_TRUE(copy) << copy.error().message;
  EXPECT_TRUE(holds(*copy, state));
}

}  // namespace
}  // namespace distributor::store
