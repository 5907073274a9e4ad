// The 32-bit hash that an Open vSwitch build uses to choose buckets. Fixed when Open vSwitch is compiled (FACTS 1.1).
#pragma once

#include <cstdint>
#include <span>

namespace distributor::placement {

// murmur3: builds without SSE4.2, Debian's among them. crc32c: x86-64 builds with -msse4.2 or better.
enum class HashVariant : std::uint8_t { murmur3, crc32c };

// Words are read as a little-endian machine does; a big-endian Open vSwitch chooses differently.
std::uint32_t hash_bytes(HashVariant variant, std::span<const std::uint8_t> bytes, std::uint32_t basis);
std::uint32_t hash_uint64(HashVariant variant, std::uint64_t value);
std::uint32_t hash_int(HashVariant variant, std::uint32_t value, std::uint32_t basis);

}  // namespace distributor::placement
