// The tables of the store: opening, making, recognising them, and each statement that runs on them. Throws Refused and
// SQLite::Exception.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <optional>
#include <string>

#include "sync/store/detail/error.hpp"

namespace distributor::store::detail {

inline constexpr int kSchemaVersion = 2;
inline constexpr int kApplicationId = 0x44495354;  // "DIST", in the header of the file

// Opens the file with the settings that make a commit durable.
SQLite::Database open_database(const std::filesystem::path& file);

enum class IfEmpty : std::uint8_t { create, refuse };

// Makes the tables in an empty file if told to, refuses another's file, a newer one, a damaged one, and one of another
// pair or node.
void prepare(SQLite::Database& database, const std::string& pair_id, const NodeId& node_id, IfEmpty if_empty);

// Whatever the write-ahead log still holds, into the database and onto the disk anew: after a failed fsync the kernel shows pages from its
// cache that never reached the disk, and a later fsync says nothing of them. A full disk leaves the log as it is.
void write_back(SQLite::Database& database);

// What is stored, verified: base states can be read, the log follows the base without holes, each digest links to the
// one before.
replica::DurableState read_all(SQLite::Database& database);
replica::Meta read_meta(SQLite::Database& database);

// Checksums of rows. (A log entry has its digest; a load balancer's is the SHA-256 of its bytes.)
Digest seal(const replica::Meta& meta);
Digest seal(const replica::DroppedChange& change);

// The writing statements, compiled once.
class Writer {
 public:
  explicit Writer(SQLite::Database& database);
  // Inside a transaction of the caller.
  void write(const replica::PersistBatch& batch, const replica::Meta& before);

 private:
  struct Edge {
    std::uint64_t seq = 0;
    std::uint64_t term = 0;
    Digest previous;
    Digest digest;
  };
  void write_meta(const replica::Meta& meta, const replica::Meta& before);
  void write_base(const LoadBalancer& lb);
  void check_base_move(const replica::PersistBatch& batch, const replica::Meta& before, const replica::Meta& meta);
  replica::LogPoint check_joint(const replica::Meta& meta);
  void append(const replica::LogEntry& entry, replica::LogPoint& tail);
  void add_dropped(const replica::DroppedChange& change);
  std::optional<Edge> edge(SQLite::Statement& statement);

  SQLite::Statement meta_;
  SQLite::Statement truncate_after_;
  SQLite::Statement empty_log_;
  SQLite::Statement empty_base_;
  SQLite::Statement put_base_;
  SQLite::Statement erase_base_;
  SQLite::Statement entry_;
  SQLite::Statement prune_through_;
  SQLite::Statement first_;
  SQLite::Statement last_;
  SQLite::Statement append_;
  SQLite::Statement empty_dropped_;
  SQLite::Statement add_dropped_;
};

// Columns and parameters. SQLite's integers are signed; terms and seqs of a lifetime stay far below 2^63.
std::int64_t to_column(std::uint64_t value);
std::uint64_t unsigned_of(const SQLite::Column& column);
std::string bytes_of(const SQLite::Column& column);
Digest digest_of(const SQLite::Column& column);

}  // namespace distributor::store::detail
