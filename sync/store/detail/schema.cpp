#include <sqlite3.h>

#include "sync/store/detail/database.hpp"

namespace distributor::store::detail {
namespace {

constexpr const char* kSchema = R"(
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  pair_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  term INTEGER NOT NULL CHECK (term >= 0),
  ever_synced INTEGER NOT NULL CHECK (ever_synced IN (0, 1)),
  base_term INTEGER NOT NULL CHECK (base_term >= 0),
  base_seq INTEGER NOT NULL CHECK (base_seq >= 0),
  base_digest BLOB NOT NULL CHECK (length(base_digest) = 32),
  pair_floor_term INTEGER NOT NULL CHECK (pair_floor_term >= 0),
  pair_floor_seq INTEGER NOT NULL CHECK (pair_floor_seq >= 0),
  pair_floor_digest BLOB NOT NULL CHECK (length(pair_floor_digest) = 32),
  pairing_term INTEGER NOT NULL CHECK (pairing_term >= 0),
  ceiling_term INTEGER NOT NULL CHECK (ceiling_term >= 0),
  ceiling_seq INTEGER NOT NULL CHECK (ceiling_seq >= 0),
  ceiling_digest BLOB NOT NULL CHECK (length(ceiling_digest) = 32),
  pairing_boot INTEGER NOT NULL,
  survivor_boot INTEGER NOT NULL,
  survivor_term INTEGER NOT NULL CHECK (survivor_term >= 0),
  seal BLOB NOT NULL CHECK (length(seal) = 32)
) STRICT;
CREATE TABLE base (
  lb TEXT PRIMARY KEY,
  value BLOB NOT NULL,
  seal BLOB NOT NULL CHECK (length(seal) = 32)
) STRICT;
CREATE TABLE log (
  seq INTEGER PRIMARY KEY CHECK (seq > 0),
  term INTEGER NOT NULL CHECK (term >= 0),
  previous BLOB NOT NULL CHECK (length(previous) = 32),
  request_id BLOB NOT NULL,
  command BLOB NOT NULL,
  digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;
CREATE TABLE dropped (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  term INTEGER NOT NULL CHECK (term >= 0),
  seq INTEGER NOT NULL CHECK (seq >= 0),
  request_id BLOB NOT NULL,
  command BLOB NOT NULL,
  reason BLOB NOT NULL,
  seal BLOB NOT NULL CHECK (length(seal) = 32)
) STRICT;
)";

constexpr const char* kFirstMeta = "INSERT INTO meta VALUES (1, ?, ?, 0, 0, 0, 0, zeroblob(32), 0, 0, zeroblob(32), 0, 0, 0, zeroblob(32), 0, 0, 0, ?)";

int pragma(SQLite::Database& database, const char* name) {
  return database.execAndGet(std::string("PRAGMA ") + name).getInt();
}

void create(SQLite::Database& database, const std::string& pair_id, const NodeId& node_id) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  database.exec(kSchema);
  SQLite::Statement first(database, kFirstMeta);
  first.bind(1, pair_id);
  first.bind(2, node_id.text());
  replica::Meta empty;
  empty.pair_id = pair_id;
  empty.node_id = node_id;
  const auto sealed = seal(empty);
  first.bindNoCopy(3, sealed.bytes.data(), static_cast<int>(sealed.bytes.size()));
  first.exec();
  database.exec("PRAGMA application_id=" + std::to_string(kApplicationId));
  database.exec("PRAGMA user_version=" + std::to_string(kSchemaVersion));
  transaction.commit();
}

void check_identity(SQLite::Database& database, const std::string& pair_id, const NodeId& node_id) {
  const auto meta = read_meta(database);
  if (meta.pair_id != pair_id) {
    throw Refused{
        {StoreErrorCode::wrong_pair,
         "the store belongs to pair '" + meta.pair_id + "', the configuration says '" + pair_id + "'",
         "correct pair_id in the configuration; if this node joins another pair for good, move the file away"}};
  }
  if (meta.node_id != node_id) {
    throw Refused{
        {StoreErrorCode::wrong_node,
         "the store belongs to node '" + meta.node_id.text() + "', the configuration says '" + node_id.text() + "'",
         "correct node_id in the configuration; if this disk is a copy of the other node's, move the file away: this "
         "node then takes everything from its peer"}};
  }
}

}  // namespace

SQLite::Database open_database(const std::filesystem::path& file) {
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
  sqlite3_extended_result_codes(database.getHandle(), 1);
  database.exec("PRAGMA busy_timeout=0");
  database.exec("PRAGMA locking_mode=EXCLUSIVE");  // before the first access: then WAL needs no shared memory file
  database.exec("PRAGMA journal_mode=WAL");
  database.exec("PRAGMA synchronous=FULL");
  database.exec("PRAGMA foreign_keys=ON");
  database.exec("PRAGMA trusted_schema=OFF");
  database.exec("PRAGMA journal_size_limit=16777216");
  return database;
}

void prepare(SQLite::Database& database, const std::string& pair_id, const NodeId& node_id, IfEmpty if_empty) {
  const bool empty = database.execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
  const int version = pragma(database, "user_version");
  if (empty && version == 0 && if_empty == IfEmpty::create) create(database, pair_id, node_id);  // also after a crash before the first commit
  if (pragma(database, "application_id") != kApplicationId) {
    throw Refused{{StoreErrorCode::foreign_file, "the file is an SQLite database, but not a store of a distributor",
                   "correct the path of the store in the configuration"}};
  }
  if (const int found = pragma(database, "user_version"); found != kSchemaVersion) {
    const bool newer = found > kSchemaVersion;
    throw Refused{
        {StoreErrorCode::other_schema,
         "the store has schema version " + std::to_string(found) + (newer ? ", newer" : ", older") +
             " than this program's " + std::to_string(kSchemaVersion),
         newer ? "install the version that wrote it, or a newer one; or move the file away: the node then takes "
                 "everything from its peer"
               : "no release wrote it: install the build that did; or move the file away, on one node only while "
                 "the other one runs this version: the node then takes everything from its peer"}};
  }
  const auto verdict = database.execAndGet("PRAGMA quick_check(1)").getString();
  if (verdict != "ok") throw Refused{error_from_check(verdict)};
  check_identity(database, pair_id, node_id);
}

void write_back(SQLite::Database& database) {
  try {
    const bool busy = database.execAndGet("PRAGMA wal_checkpoint(TRUNCATE)").getInt() != 0;
    if (busy) throw Refused{{StoreErrorCode::io, "the write-ahead log could not be written back", "is another program reading the file? end it"}};
  } catch (const SQLite::Exception& error) {
    if ((error.getErrorCode() & 0xff) != SQLITE_FULL) throw;  // the first write says so, and waits for room
  }
}

std::int64_t to_column(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

std::uint64_t unsigned_of(const SQLite::Column& column) {
  return static_cast<std::uint64_t>(column.getInt64());
}

std::string bytes_of(const SQLite::Column& column) {
  const auto* data = static_cast<const char*>(column.getBlob());
  return data == nullptr ? std::string() : std::string(data, static_cast<std::size_t>(column.getBytes()));
}

Digest digest_of(const SQLite::Column& column) {
  Digest digest;
  const auto bytes = bytes_of(column);
  if (bytes.size() != digest.bytes.size())
    throw Refused{corrupt("a digest of " + std::to_string(bytes.size()) + " bytes")};
  std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  return digest;
}

}  // namespace distributor::store::detail
