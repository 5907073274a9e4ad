// A disk that cannot be read any more: said as that, nothing is believed and nothing changed (H3, H6). SQLite's own reads fail here.
#include <sqlite3.h>

#include "tests/unit/store/fixture.hpp"

namespace distributor::store {
namespace {

int (*real_read)(sqlite3_file*, void*, int, sqlite3_int64) = nullptr;
sqlite3_io_methods methods{};
int reads_left = -1;  // before every one fails; < 0: none does

int read_or_fail(sqlite3_file* file, void* into, int bytes, sqlite3_int64 offset) {
  if (reads_left == 0) return SQLITE_IOERR_READ;
  if (reads_left > 0) --reads_left;
  return real_read(file, into, bytes, offset);
}

sqlite3_vfs* real_files = nullptr;

int open_patched(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const int opened = real_files->xOpen(real_files, name, file, flags, out_flags);
  if (opened == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) != 0) {
    methods = *file->pMethods;
    real_read = methods.xRead;
    methods.xRead = read_or_fail;
    file->pMethods = &methods;
  }
  return opened;
}

class ReadError : public ::testing::Test {
 protected:
  ReadError() {
    real_files = sqlite3_vfs_find(nullptr);
    failing_ = *real_files;
    failing_.zName = "failing";
    failing_.xOpen = open_patched;
    sqlite3_vfs_register(&failing_, 1);
  }
  ~ReadError() override {
    reads_left = -1;
    sqlite3_vfs_unregister(&failing_);
    sqlite3_vfs_register(real_files, 1);
  }
  sqlite3_vfs failing_{};
};

TEST_F(ReadError, IsSaidAndNothingIsBelievedWhereverItBegins) {
  const ScratchFolder folder;
  const auto file = folder / "state.db";
  replica::DurableState state;
  {
    auto store = open_at(file);
    ASSERT_TRUE(store) << store.error().message;
    state = *store->load();
    auto batch = append_of(state, 200);
    ASSERT_TRUE(store->persist(batch));
    apply(batch, state);
  }
  int refused = 0;
  for (int reads = 0; reads < 60; ++reads) {
    reads_left = reads;
    auto store = open_at(file);
    const auto loaded = store ? store->load() : tl::unexpected(store.error());
    if (loaded) {
      EXPECT_EQ(loaded->log, state.log) << "after " << reads << " reads";
      continue;
    }
    ++refused;
    EXPECT_EQ(loaded.error().code, StoreErrorCode::io) << "after " << reads << " reads: " << loaded.error().message;
    EXPECT_NE(loaded.error().fix.find("look at the disk"), std::string::npos) << loaded.error().fix;
  }
  EXPECT_GT(refused, 5);
  reads_left = -1;
  auto store = open_at(file);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(store->load()->log, state.log);
}

}  // namespace
}  // namespace distributor::store
