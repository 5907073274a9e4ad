#include "sync/store/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>
#include <unistd.h>

#include "sync/store/detail/database.hpp"
#include "sync/store/detail/file.hpp"
#include "sync/store/detail/guarded.hpp"

namespace distributor::store {
namespace {

bool is_empty(const replica::PersistBatch& batch) {
  return !batch.meta && !batch.truncate_after && !batch.install_base && batch.base_upsert.empty() &&
         batch.base_erase.empty() && !batch.prune_through && batch.append.empty() && batch.dropped.empty() &&
         !batch.forget_dropped;
}

using detail::guarded;

}  // namespace

struct Store::Impl {
  Impl(std::filesystem::path file_, detail::Descriptor lock_, SQLite::Database database_)
      : file(std::move(file_)), lock(std::move(lock_)), database(std::move(database_)), writer(database) {}

  std::filesystem::path file;
  detail::Descriptor lock;  // given up last
  SQLite::Database database;
  detail::Writer writer;
  replica::Meta meta;
  std::optional<StoreError> broken;  // set once: what is on the disk is not known any more

  void write(const replica::PersistBatch& batch) {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);  // rolls back unless committed
    writer.write(batch, meta);
    transaction.commit();
    if (batch.meta) meta = *batch.meta;
  }

  void remember(const StoreError& error) {
    const bool still_open = sqlite3_get_autocommit(database.getHandle()) == 0;  // the roll-back failed
    if (still_open || error.code == StoreErrorCode::io || error.code == StoreErrorCode::corrupt) broken = error;
  }
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

tl::expected<Store, StoreError> Store::open(const std::filesystem::path& file, const std::string& pair_id,
                                            const NodeId& node_id) {
  return guarded("open the store " + file.string(), [&] {
    detail::make_folders(file.parent_path());
    auto lock = detail::lock(file);
    detail::make_file(file, false);
    detail::sync_leftovers(file);
    auto database = detail::open_database(file);
    detail::prepare(database, pair_id, node_id, detail::IfEmpty::create);
    detail::write_back(database);
    auto impl = std::make_unique<Impl>(file, std::move(lock), std::move(database));
    impl->meta = detail::read_all(impl->database).meta;
    return Store(std::move(impl));
  });
}

tl::expected<replica::DurableState, StoreError> Store::load() const {
  return guarded("read the store " + impl_->file.string(), [&] { return detail::read_all(impl_->database); });
}

tl::expected<void, StoreError> Store::persist(const replica::PersistBatch& batch) {
  if (impl_->broken) return tl::unexpected(*impl_->broken);
  if (is_empty(batch)) return {};
  auto done = guarded("write to the store " + impl_->file.string(), [&] { impl_->write(batch); });
  if (!done) impl_->remember(done.error());
  return done;
}

tl::expected<void, StoreError> Store::backup(const std::filesystem::path& copy) const {
  return guarded("back the store up to " + copy.string(), [&] {
    detail::make_file(copy, true);
    try {
      SQLite::Statement vacuum(impl_->database, "VACUUM INTO ?");
      vacuum.bind(1, copy.string());
      vacuum.exec();
      detail::sync_path(copy);
    } catch (...) {
      ::unlink(copy.c_str());  // half a backup is worse than none
      throw;
    }
  });
}

tl::expected<void, StoreError> Store::check_room() const {
  return guarded("find room for the store " + impl_->file.string(), [&] { detail::check_room(impl_->file); });
}

const std::filesystem::path& Store::file() const {
  return impl_->file;
}

}  // namespace distributor::store
