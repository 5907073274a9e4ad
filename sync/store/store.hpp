// The durable state of one node in one SQLite file (H3, DESIGN: The guarantee). A shell: it keeps what the replication
// core decides and decides nothing itself. One file belongs to one node of one pair and is open in one process at a
// time. Calls block on the disk (persist: one fsync, measured in tests/unit/store). Not thread-safe: one thread at a
// time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "sync/replica/durable_state.hpp"

namespace distributor::store {

enum class StoreErrorCode : std::uint8_t {
  io,            // the disk or the file system refused: unreadable, read-only, failed fsync
  full,          // no space left; nothing was changed, the same batch may be tried again
  in_use,        // another process has the file open
  corrupt,       // the file is damaged, or its log is not one unbroken chain
  other_schema,  // written by a newer version, or by a build before the first release
  foreign_file,  // an SQLite file, but not one of ours
  wrong_pair,    // belongs to another pair
  wrong_node,    // belongs to another node (a copied disk)
  bad_batch,     // the batch contradicts what is stored: a programming fault of the caller; nothing was changed
};

struct StoreError {
  StoreErrorCode code = StoreErrorCode::io;
  std::string message;  // what was wanted, what was found
  std::string fix;      // what the operator can do
};

class Store {
 public:
  // Opens the file, or creates it (folder 0700, file 0600) with term 0, never synced, empty. Verifies it as a whole:
  // SQLite's own check, the load balancers can be read, the log follows the base without holes and every digest links
  // to the one before.
  static tl::expected<Store, StoreError> open(const std::filesystem::path& file, const std::string& pair_id,
                                              const NodeId& node_id);
  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  // Everything that is stored.
  tl::expected<replica::DurableState, StoreError> load() const;

  // All of the batch is on the disk when this returns a value; none of it if it returns an error. After an `io` error
  // every further call fails alike until the store is opened again: what the kernel dropped at a failed fsync cannot be
  // trusted.
  tl::expected<void, StoreError> persist(const replica::PersistBatch& batch);

  // Writes a consistent copy to a file that does not exist yet (0600, fsync). For operators; blocks for as long as the
  // copy takes.
  tl::expected<void, StoreError> backup(const std::filesystem::path& copy) const;

  // After a `full` error: whether there is room again, with some to spare, so that a daemon that goes on does not
  // stumble at once. Writes and removes a file beside the store.
  tl::expected<void, StoreError> check_room() const;

  const std::filesystem::path& file() const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace distributor::store
