#include "sync/registry/codec.hpp"
#include "sync/replica/log_chain.hpp"
#include "sync/store/detail/database.hpp"

namespace distributor::store::detail {
namespace {

void bind_bytes(SQLite::Statement& statement, int place, const std::string& bytes) {
  statement.bindNoCopy(place, bytes.data(), static_cast<int>(bytes.size()));
}

void bind_digest(SQLite::Statement& statement, int place, const Digest& digest) {
  statement.bindNoCopy(place, digest.bytes.data(), static_cast<int>(digest.bytes.size()));
}

// A statement is ready for its next use whatever became of this one.
class Reset {
 public:
  explicit Reset(SQLite::Statement& statement) : statement_(statement) {}
  Reset(const Reset&) = delete;
  Reset& operator=(const Reset&) = delete;
  ~Reset() { statement_.tryReset(); }

 private:
  SQLite::Statement& statement_;
};

void run(SQLite::Statement& statement) {
  const Reset reset(statement);
  statement.exec();
}

[[noreturn]] void refuse(const std::string& message) {
  throw Refused{bad_batch(message)};
}

std::string text_of(Seq seq) {
  return std::to_string(seq.value);
}

}  // namespace

Writer::Writer(SQLite::Database& database)
    : meta_(database,
            "UPDATE meta SET term=?, ever_synced=?, base_term=?, base_seq=?, base_digest=?, pair_floor_term=?, "
            "pair_floor_seq=?, pair_floor_digest=?, pairing_term=?, ceiling_term=?, ceiling_seq=?, ceiling_digest=?, "
            "pairing_boot=?, survivor_boot=?, survivor_term=?, seal=?"),
      truncate_after_(database, "DELETE FROM log WHERE seq > ?"),
      empty_log_(database, "DELETE FROM log"),
      empty_base_(database, "DELETE FROM base"),
      put_base_(
          database,
          "INSERT INTO base VALUES (?, ?, ?) ON CONFLICT (lb) DO UPDATE SET value=excluded.value, seal=excluded.seal"),
      erase_base_(database, "DELETE FROM base WHERE lb=?"),
      entry_(database, "SELECT seq, term, previous, digest FROM log WHERE seq=?"),
      prune_through_(database, "DELETE FROM log WHERE seq <= ?"),
      first_(database, "SELECT seq, term, previous, digest FROM log ORDER BY seq LIMIT 1"),
      last_(database, "SELECT seq, term, previous, digest FROM log ORDER BY seq DESC LIMIT 1"),
      append_(database, "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)"),
      empty_dropped_(database, "DELETE FROM dropped"),
      add_dropped_(database,
                   "INSERT INTO dropped (term, seq, request_id, command, reason, seal) VALUES (?, ?, ?, ?, ?, ?)") {}

void Writer::write(const replica::PersistBatch& batch, const replica::Meta& before) {
  if (batch.meta) write_meta(*batch.meta, before);
  const auto& meta = batch.meta ? *batch.meta : before;
  if (batch.truncate_after) {
    if (*batch.truncate_after < before.base.seq) {
      refuse("cut the log after entry " + text_of(*batch.truncate_after) + ", which is below the base at " +
             text_of(before.base.seq));
    }
    truncate_after_.bind(1, to_column(batch.truncate_after->value));
    run(truncate_after_);
  }
  if (batch.install_base) {
    run(empty_log_);
    run(empty_base_);
    for (const auto& lb : *batch.install_base) write_base(lb);
  }
  for (const auto& lb : batch.base_upsert) write_base(lb);
  for (const auto& id : batch.base_erase) {
    erase_base_.bindNoCopy(1, id.text());
    run(erase_base_);
  }
  check_base_move(batch, before, meta);
  if (batch.prune_through) {
    prune_through_.bind(1, to_column(batch.prune_through->value));
    run(prune_through_);
  }
  auto tail = check_joint(meta);
  for (const auto& entry : batch.append) append(entry, tail);
  if (batch.forget_dropped) run(empty_dropped_);
  for (const auto& change : batch.dropped) add_dropped(change);
}

void Writer::write_meta(const replica::Meta& meta, const replica::Meta& before) {
  if (meta.pair_id != before.pair_id || meta.node_id != before.node_id) {
    refuse("a store never changes its pair or node: it is " + before.pair_id + "/" + before.node_id.text() + ", not " +
           meta.pair_id + "/" + meta.node_id.text());
  }
  meta_.bind(1, to_column(meta.term.value));
  meta_.bind(2, meta.ever_synced ? 1 : 0);
  meta_.bind(3, to_column(meta.base.term.value));
  meta_.bind(4, to_column(meta.base.seq.value));
  bind_digest(meta_, 5, meta.base.digest);
  meta_.bind(6, to_column(meta.pair_floor.term.value));
  meta_.bind(7, to_column(meta.pair_floor.seq.value));
  bind_digest(meta_, 8, meta.pair_floor.digest);
  meta_.bind(9, to_column(meta.pairing.term.value));
  meta_.bind(10, to_column(meta.pairing.ceiling.term.value));
  meta_.bind(11, to_column(meta.pairing.ceiling.seq.value));
  bind_digest(meta_, 12, meta.pairing.ceiling.digest);
  meta_.bind(13, to_column(meta.pairing.peer_boot));
  meta_.bind(14, to_column(meta.survivor.boot));
  meta_.bind(15, to_column(meta.survivor.term.value));
  const auto sealed = seal(meta);
  bind_digest(meta_, 16, sealed);
  run(meta_);
}

void Writer::write_base(const LoadBalancer& lb) {
  const auto bytes = encode(lb);
  put_base_.bindNoCopy(1, lb.id.text());
  bind_bytes(put_base_, 2, bytes);
  const auto sealed = sha256(bytes);
  bind_digest(put_base_, 3, sealed);
  run(put_base_);
}

// The base moves by a snapshot, or onto the last entry that is pruned; not otherwise.
void Writer::check_base_move(const replica::PersistBatch& batch, const replica::Meta& before,
                             const replica::Meta& meta) {
  if (batch.install_base || (meta.base == before.base && !batch.prune_through)) return;
  const auto through = batch.prune_through.value_or(before.base.seq);
  if (through <= before.base.seq && meta.base == before.base) return;  // nothing is left to prune there
  entry_.bind(1, to_column(through.value));
  const auto last_pruned = edge(entry_);
  const auto found =
      last_pruned ? replica::LogPoint{Term{last_pruned->term}, through, last_pruned->digest} : before.base;
  if (meta.base != found) {
    refuse("the base would move to entry " + text_of(meta.base.seq) + ", which is not the last one pruned, " +
           text_of(found.seq));
  }
}

// The log still starts right behind the base. Returns its end.
replica::LogPoint Writer::check_joint(const replica::Meta& meta) {
  const auto first = edge(first_);
  if (!first) return meta.base;
  if (first->seq != meta.base.seq.next().value || first->previous != meta.base.digest) {
    refuse("the log would start at " + std::to_string(first->seq) + ", which does not continue the base at " +
           text_of(meta.base.seq));
  }
  const auto last = edge(last_);
  return {Term{last->term}, Seq{last->seq}, last->digest};
}

void Writer::append(const replica::LogEntry& entry, replica::LogPoint& tail) {
  if (entry.seq != tail.seq.next() || entry.previous != tail.digest) {
    refuse("append entry " + text_of(entry.seq) + ", which does not continue the log's end at " + text_of(tail.seq));
  }
  if (replica::entry_digest(entry) != entry.digest)
    refuse("append entry " + text_of(entry.seq) + ", which does not match its digest");
  append_.bind(1, to_column(entry.seq.value));
  append_.bind(2, to_column(entry.term.value));
  bind_digest(append_, 3, entry.previous);
  bind_bytes(append_, 4, entry.request_id);
  bind_bytes(append_, 5, entry.command);
  bind_digest(append_, 6, entry.digest);
  run(append_);
  tail = replica::point_of(entry);
}

void Writer::add_dropped(const replica::DroppedChange& change) {
  add_dropped_.bind(1, to_column(change.term.value));
  add_dropped_.bind(2, to_column(change.seq.value));
  bind_bytes(add_dropped_, 3, change.request_id);
  bind_bytes(add_dropped_, 4, change.command);
  bind_bytes(add_dropped_, 5, change.reason);
  const auto sealed = seal(change);
  bind_digest(add_dropped_, 6, sealed);
  run(add_dropped_);
}

std::optional<Writer::Edge> Writer::edge(SQLite::Statement& statement) {
  const Reset reset(statement);
  std::optional<Edge> out;
  if (statement.executeStep()) {
    out = Edge{unsigned_of(statement.getColumn(0)), unsigned_of(statement.getColumn(1)),
               digest_of(statement.getColumn(2)), digest_of(statement.getColumn(3))};
  }
  return out;
}

}  // namespace distributor::store::detail
