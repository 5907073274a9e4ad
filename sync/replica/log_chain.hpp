// The digest chain of the log: equal digests at a seq mean equal histories up to it (DESIGN: The guarantee).
#pragma once

#include <string_view>

#include "sync/replica/durable_state.hpp"

namespace distributor::replica {

// SHA-256 over: previous (32 bytes), term and seq (8 bytes each, big-endian), length of request_id (4 bytes,
// big-endian), request_id, length of command (4 bytes, big-endian), command. Lengths make it unambiguous. Before the
// first entry `previous` is all zero.
Digest entry_digest(const Digest& previous, Term term, Seq seq, std::string_view request_id, std::string_view command);

inline Digest entry_digest(const LogEntry& entry) {
  return entry_digest(entry.previous, entry.term, entry.seq, entry.request_id, entry.command);
}

inline LogPoint point_of(const LogEntry& entry) {
  return LogPoint{entry.term, entry.seq, entry.digest};
}

}  // namespace distributor::replica
