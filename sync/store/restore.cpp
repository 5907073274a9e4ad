#include "sync/store/restore.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "sync/store/detail/database.hpp"
#include "sync/store/detail/file.hpp"
#include "sync/store/detail/guarded.hpp"

namespace distributor::store {
namespace {

namespace fs = std::filesystem;

fs::path with_suffix(const fs::path& file, const std::string& suffix) { return fs::path(file.string() + suffix); }

// The new store, complete and verified beside the old one, and on the disk.
Restored prepare_copy(const fs::path& backup, const fs::path& copy, const std::string& pair_id, const NodeId& node_id) {
  std::error_code absent;
  if (const auto log = with_suffix(backup, "-wal"); fs::file_size(log, absent) > 0 && !absent) {
    throw detail::Refused{{StoreErrorCode::foreign_file, "beside it lies " + log.string() + ", so it is no backup but a live or crashed store",
                           "use a file that `distributorctl backup` made; or put both files in the store's place by hand"}};
  }
  detail::copy_file(backup, copy);
  auto database = detail::open_database(copy);
  detail::prepare(database, pair_id, node_id, detail::IfEmpty::refuse);
  const auto state = detail::read_all(database);
  auto meta = state.meta;
  meta.ever_synced = false;
  replica::PersistBatch batch;
  batch.meta = meta;
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  detail::Writer(database).write(batch, state.meta);
  transaction.commit();
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  return {state.log.empty() ? state.meta.base.seq : state.log.back().seq, state.base.size(), state.log.size(), {}};
}

std::string now_text() {
  const auto now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc)};
}

// The database before its write-ahead log: without its log a database is an older one, and must not be found alone under its own name.
fs::path move_aside(const fs::path& file) {
  const auto log = with_suffix(file, "-wal");
  if (!fs::exists(file) && !fs::exists(log)) return {};
  auto kept = with_suffix(file, ".before-restore-" + now_text());
  for (int i = 2; fs::exists(kept); ++i) kept = with_suffix(file, ".before-restore-" + now_text() + "-" + std::to_string(i));
  if (fs::exists(file)) detail::rename_file(file, kept);
  if (fs::exists(log)) detail::rename_file(log, with_suffix(kept, "-wal"));  // also alone: SQLite would play it onto the backup
  return kept;
}

void remove_copy(const fs::path& copy) {
  for (const char* suffix : {"", "-wal", "-journal"}) ::unlink(with_suffix(copy, suffix).c_str());
}

}  // namespace

tl::expected<Restored, StoreError> restore(const fs::path& backup, const fs::path& file, const std::string& pair_id,
                                           const NodeId& node_id) {
  return detail::guarded("restore " + backup.string() + " to " + file.string(), [&] {
    detail::make_folders(file.parent_path());
    const auto lock = detail::lock(file);
    const auto copy = with_suffix(file, ".restoring");
    remove_copy(copy);  // of a restore that was interrupted
    try {
      auto restored = prepare_copy(backup, copy, pair_id, node_id);
      detail::give_to_owner_of_folder(copy);
      detail::give_to_owner_of_folder(with_suffix(file, ".lock"));
      restored.kept = move_aside(file);
      detail::rename_file(copy, file);
      return restored;
    } catch (...) {
      remove_copy(copy);
      throw;
    }
  });
}

}  // namespace distributor::store
