#include "openflow/placement/hash.hpp"

#include <array>
#include <bit>
#include <cstddef>

namespace distributor::placement {
namespace {

// murmur3, 32 bits, by words: one step, and the final mixing (A. Appleby, public domain definition).
std::uint32_t murmur_add(std::uint32_t hash, std::uint32_t word) {
  word *= 0xcc9e2d51U;
  word = std::rotl(word, 15);
  word *= 0x1b873593U;
  hash = std::rotl(hash ^ word, 13);
  return hash * 5U + 0xe6546b64U;
}

std::uint32_t murmur_finish(std::uint32_t hash, std::uint32_t final) {
  hash ^= final;
  hash = (hash ^ (hash >> 16U)) * 0x85ebca6bU;
  hash = (hash ^ (hash >> 13U)) * 0xc2b2ae35U;
  return hash ^ (hash >> 16U);
}

// CRC-32C (Castagnoli, RFC 3720 appendix B), reflected, neither inverted at the start nor at the end.
constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
    table[byte] = crc;
  }
  return table;
}();

std::uint32_t crc_bytes(std::uint32_t crc, std::uint64_t value, int count) {
  for (int i = 0; i < count; ++i) {
    const auto byte = static_cast<std::uint8_t>(value >> (8 * i));
    crc = (crc >> 8U) ^ kCrcTable[(crc ^ byte) & 0xffU];
  }
  return crc;
}

std::uint32_t crc_finish(std::uint32_t hash, std::uint64_t final) {
  const std::uint64_t mixed = std::uint64_t{crc_bytes(hash, final, 8)} * 0x805204f3ULL;
  const auto low = static_cast<std::uint32_t>(mixed);
  return low ^ (low >> 16U);
}

std::uint32_t add(HashVariant variant, std::uint32_t hash, std::uint32_t word) {
  return variant == HashVariant::murmur3 ? murmur_add(hash, word) : crc_bytes(hash, word, 4);
}

std::uint32_t finish(HashVariant variant, std::uint32_t hash, std::uint32_t length) {
  return variant == HashVariant::murmur3 ? murmur_finish(hash, length) : crc_finish(hash, length);
}

}  // namespace

std::uint32_t hash_bytes(HashVariant variant, std::span<const std::uint8_t> bytes, std::uint32_t basis) {
  std::uint32_t hash = basis;
  for (std::size_t at = 0; at < bytes.size(); at += 4) {
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < 4 && at + i < bytes.size(); ++i) {
      word |= static_cast<std::uint32_t>(bytes[at + i]) << (8U * i);
    }
    hash = add(variant, hash, word);
  }
  return finish(variant, hash, static_cast<std::uint32_t>(bytes.size()));
}

std::uint32_t hash_uint64(HashVariant variant, std::uint64_t value) {
  const auto low = static_cast<std::uint32_t>(value);
  const auto high = static_cast<std::uint32_t>(value >> 32U);
  // The CRC build finishes 64-bit values with 23 instead of their length.
  return finish(variant, add(variant, add(variant, 0, low), high), variant == HashVariant::murmur3 ? 8 : 23);
}

std::uint32_t hash_int(HashVariant variant, std::uint32_t value, std::uint32_t basis) {
  if (variant == HashVariant::crc32c) return hash_uint64(variant, (std::uint64_t{basis} << 32U) | value);
  return finish(variant, add(variant, add(variant, value, 0), basis), 8);
}

}  // namespace distributor::placement
