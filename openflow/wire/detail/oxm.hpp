// Walking over OXM TLVs (OpenFlow 1.5.1, 7.2.3.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "openflow/wire/detail/bytes.hpp"
#include "openflow/wire/field.hpp"

namespace distributor::wire::detail {

struct Tlv {
  std::uint32_t header = 0;    // as sent
  std::optional<Field> field;  // none: unknown to the table, or of an odd length
  bool masked = false;
  std::string_view value;  // for a field of the table: without the mask
  std::string_view mask;   // empty if there is none
  std::string_view all;    // header included
};

// The next TLV; none at the end or if malformed (then reader.ok() is false or bytes are left).
inline std::optional<Tlv> next_tlv(Reader& reader) {
  const std::string_view whole = reader.rest();
  if (whole.empty()) return std::nullopt;
  Tlv tlv;
  tlv.header = reader.get<std::uint32_t>();
  const std::string_view payload = reader.take(tlv.header & 0xffU);
  if (!reader.ok()) return std::nullopt;
  tlv.all = whole.substr(0, 4 + payload.size());
  tlv.masked = (tlv.header & 0x100U) != 0;
  tlv.value = payload;
  if (!tlv.masked) {
    tlv.field = field_of_header(tlv.header);
    return tlv;
  }
  if (payload.size() % 2 != 0) {
    reader.take(reader.left() + 1);  // turns bad: value and mask are of equal length
    return std::nullopt;
  }
  const std::size_t half = payload.size() / 2;
  tlv.field = field_of_header((tlv.header & ~0x1ffU) | static_cast<std::uint32_t>(half));
  tlv.value = payload.substr(0, half);
  tlv.mask = payload.substr(half);
  return tlv;
}

// Rank in a match: fields of the table by their order, unknown ones behind all of them.
inline std::size_t rank(const Tlv& tlv) {
  return tlv.field ? static_cast<std::size_t>(*tlv.field) : kFieldCount;
}

}  // namespace distributor::wire::detail
