#include "sync/registry/codec.hpp"
#include "sync/replica/log_chain.hpp"
#include "sync/store/detail/database.hpp"

namespace distributor::store::detail {
namespace {

std::vector<LoadBalancer> read_base(SQLite::Database& database) {
  std::vector<LoadBalancer> base;
  SQLite::Statement rows(database, "SELECT lb, value, seal FROM base ORDER BY lb");
  while (rows.executeStep()) {
    const auto id = rows.getColumn(0).getString();
    const auto value = bytes_of(rows.getColumn(1));
    if (sha256(value) != digest_of(rows.getColumn(2))) {
      throw Refused{corrupt("stored load balancer " + id + " does not match its checksum")};
    }
    auto lb = decode_load_balancer(value);
    if (!lb) throw Refused{corrupt("stored load balancer " + id + ": " + lb.error().message)};
    if (lb->id.text() != id) throw Refused{corrupt("stored load balancer " + id + " calls itself " + lb->id.text())};
    base.push_back(*std::move(lb));
  }
  return base;
}

std::vector<replica::LogEntry> read_log(SQLite::Database& database, const replica::LogPoint& base) {
  std::vector<replica::LogEntry> log;
  SQLite::Statement rows(database, "SELECT seq, term, previous, request_id, command, digest FROM log ORDER BY seq");
  auto tail = base;
  while (rows.executeStep()) {
    replica::LogEntry entry;
    entry.seq = Seq{unsigned_of(rows.getColumn(0))};
    entry.term = Term{unsigned_of(rows.getColumn(1))};
    entry.previous = digest_of(rows.getColumn(2));
    entry.request_id = bytes_of(rows.getColumn(3));
    entry.command = bytes_of(rows.getColumn(4));
    entry.digest = digest_of(rows.getColumn(5));
    const auto at = std::to_string(entry.seq.value);
    if (entry.seq != tail.seq.next()) {
      throw Refused{corrupt("the log has a hole: entry " + at + " follows " + std::to_string(tail.seq.value))};
    }
    if (entry.previous != tail.digest) throw Refused{corrupt("log entry " + at + " does not continue the one before")};
    if (replica::entry_digest(entry) != entry.digest)
      throw Refused{corrupt("log entry " + at + " does not match its digest")};
    tail = replica::point_of(entry);
    log.push_back(std::move(entry));
  }
  return log;
}

std::vector<replica::DroppedChange> read_dropped(SQLite::Database& database) {
  std::vector<replica::DroppedChange> dropped;
  SQLite::Statement rows(database, "SELECT term, seq, request_id, command, reason, seal FROM dropped ORDER BY place");
  while (rows.executeStep()) {
    replica::DroppedChange change{Term{unsigned_of(rows.getColumn(0))}, Seq{unsigned_of(rows.getColumn(1))},
                                  bytes_of(rows.getColumn(2)), bytes_of(rows.getColumn(3)),
                                  bytes_of(rows.getColumn(4))};
    if (seal(change) != digest_of(rows.getColumn(5)))
      throw Refused{corrupt("a dropped change does not match its checksum")};
    dropped.push_back(std::move(change));
  }
  return dropped;
}

}  // namespace

replica::Meta read_meta(SQLite::Database& database) {
  SQLite::Statement row(
      database,
      "SELECT pair_id, node_id, term, ever_synced, base_term, base_seq, base_digest, pair_floor_term, "
      "pair_floor_seq, pair_floor_digest, pairing_term, ceiling_term, ceiling_seq, ceiling_digest, pairing_boot, "
      "survivor_boot, survivor_term, seal FROM meta");
  if (!row.executeStep()) throw Refused{corrupt("the store does not say whose it is")};
  replica::Meta meta;
  meta.pair_id = row.getColumn(0).getString();
  const auto node = NodeId::parse(row.getColumn(1).getString());
  if (!node) throw Refused{corrupt("the store's node: " + node.error().message)};
  meta.node_id = *node;
  meta.term = Term{unsigned_of(row.getColumn(2))};
  meta.ever_synced = row.getColumn(3).getInt() != 0;
  meta.base = {Term{unsigned_of(row.getColumn(4))}, Seq{unsigned_of(row.getColumn(5))}, digest_of(row.getColumn(6))};
  meta.pair_floor = {Term{unsigned_of(row.getColumn(7))}, Seq{unsigned_of(row.getColumn(8))},
                     digest_of(row.getColumn(9))};
  meta.pairing.term = Term{unsigned_of(row.getColumn(10))};
  meta.pairing.ceiling = {Term{unsigned_of(row.getColumn(11))}, Seq{unsigned_of(row.getColumn(12))},
                          digest_of(row.getColumn(13))};
  meta.pairing.peer_boot = unsigned_of(row.getColumn(14));
  meta.survivor = {unsigned_of(row.getColumn(15)), Term{unsigned_of(row.getColumn(16))}};
  if (seal(meta) != digest_of(row.getColumn(17)))
    throw Refused{corrupt("the store's own record does not match its checksum")};
  return meta;
}

replica::DurableState read_all(SQLite::Database& database) {
  replica::DurableState state;
  state.meta = read_meta(database);
  state.base = read_base(database);
  state.log = read_log(database, state.meta.base);
  state.dropped = read_dropped(database);
  return state;
}

}  // namespace distributor::store::detail
