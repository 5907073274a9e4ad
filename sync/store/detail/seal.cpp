// SQLite has no checksums of its own: each row carries one, so that a flipped bit on the disk is noticed and never
// believed.
#include "sync/store/detail/database.hpp"

namespace distributor::store::detail {
namespace {

void put(std::string& out, std::uint64_t value) {
  for (unsigned shift = 64; shift > 0; shift -= 8) out += static_cast<char>((value >> (shift - 8)) & 0xffU);
}

void put(std::string& out, const std::string& bytes) {
  put(out, bytes.size());
  out += bytes;
}

void put(std::string& out, const replica::LogPoint& point) {
  put(out, point.term.value);
  put(out, point.seq.value);
  out.append(point.digest.bytes.begin(), point.digest.bytes.end());
}

}  // namespace

Digest seal(const replica::Meta& meta) {
  std::string bytes;
  put(bytes, meta.pair_id);
  put(bytes, meta.node_id.text());
  put(bytes, meta.term.value);
  put(bytes, meta.ever_synced ? 1U : 0U);
  put(bytes, meta.base);
  put(bytes, meta.pair_floor);
  put(bytes, meta.pairing.term.value);
  put(bytes, meta.pairing.ceiling);
  put(bytes, meta.pairing.peer_boot);
  put(bytes, meta.survivor.boot);
  put(bytes, meta.survivor.term.value);
  return sha256(bytes);
}

Digest seal(const replica::DroppedChange& change) {
  std::string bytes;
  put(bytes, change.term.value);
  put(bytes, change.seq.value);
  put(bytes, change.request_id);
  put(bytes, change.command);
  put(bytes, change.reason);
  return sha256(bytes);
}

}  // namespace distributor::store::detail
