#include "sync/replica/log_chain.hpp"

#include <string>

namespace distributor::replica {
namespace {

void put_big_endian(std::string& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<char>((value >> (8 * i)) & 0xffU));
}

}  // namespace

Digest entry_digest(const Digest& previous, Term term, Seq seq, std::string_view request_id, std::string_view command) {
  std::string bytes;
  bytes.reserve(previous.bytes.size() + 24 + request_id.size() + command.size());
  bytes.append(reinterpret_cast<const char*>(previous.bytes.data()), previous.bytes.size());
  put_big_endian(bytes, term.value, 8);
  put_big_endian(bytes, seq.value, 8);
  put_big_endian(bytes, request_id.size(), 4);
  bytes.append(request_id);
  put_big_endian(bytes, command.size(), 4);
  bytes.append(command);
  return sha256(bytes);
}

}  // namespace distributor::replica
