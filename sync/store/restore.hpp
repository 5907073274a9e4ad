// Puts a backup in the place of a node's store, while the daemon does not run (docs/replication.md, "Backup and restore").
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>

#include "sync/store/store.hpp"

namespace distributor::store {

struct Restored {
  Seq newest;                       // change that the backup reaches
  std::size_t load_balancers = 0;   // in its base
  std::size_t log_entries = 0;
  std::filesystem::path kept;       // where the store that stood there is now; empty if there was none
};

// Refuses what Store::open would refuse (another pair or node, damage, a newer schema), and while a process has the store open. The
// backup file is only read. What stood there is renamed, never removed. A backup may be old: the restored store counts as
// never synced, so that it gives way to the peer (H13) and leads only if an operator says so (`distributorctl init --alone`).
tl::expected<Restored, StoreError> restore(const std::filesystem::path& backup, const std::filesystem::path& file,
                                           const std::string& pair_id, const NodeId& node_id);

}  // namespace distributor::store
