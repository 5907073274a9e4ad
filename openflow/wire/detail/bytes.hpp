// Big-endian reading and writing. The reader never reads past its end: it turns bad instead, and stays so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace distributor::wire::detail {

template <typename T>
void put(std::string& out, std::type_identity_t<T> value) {
  for (std::size_t shift = sizeof(T) * 8; shift > 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (shift - 8))));
  }
}

inline void put_zeros(std::string& out, std::size_t count) {
  out.append(count, '\0');
}

inline void put_bytes(std::string& out, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) out.push_back(static_cast<char>(byte));
}

// Pads to a multiple of `unit`, counted from `start`.
inline void pad_to(std::string& out, std::size_t unit, std::size_t start = 0) {
  const std::size_t over = (out.size() - start) % unit;
  if (over != 0) put_zeros(out, unit - over);
}

// Overwrites two bytes at `at`; used for lengths that are known last. `value` must fit, which callers ensure by their
// bounds.
inline void patch16(std::string& out, std::size_t at, std::size_t value) {
  out[at] = static_cast<char>(static_cast<std::uint8_t>(value >> 8U));
  out[at + 1] = static_cast<char>(static_cast<std::uint8_t>(value));
}

constexpr std::size_t padded8(std::size_t length) {
  return (length + 7) / 8 * 8;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  T get() {
    const std::string_view part = take(sizeof(T));
    std::uint64_t value = 0;
    for (const char c : part) value = value << 8U | static_cast<std::uint8_t>(c);
    return static_cast<T>(value);
  }
  std::string_view take(std::size_t count) {
    if (!ok_ || count > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const std::string_view part = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return part;
  }
  void skip(std::size_t count) { take(count); }
  std::string_view rest() const { return bytes_; }
  std::size_t left() const { return bytes_.size(); }
  bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

// The unsigned 16-bit number at `at`, which the caller has checked to be inside.
inline std::uint16_t peek16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[at]) << 8U |
                                    static_cast<std::uint8_t>(bytes[at + 1]));
}

}  // namespace distributor::wire::detail
