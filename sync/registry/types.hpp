// Value types that must not be mixed up. All are regular: copyable, ordered, hashable where a map needs it.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace distributor {

// Why a text could not be read as a value: what was found, what was wanted.
struct ParseError {
  std::string message;
};

template <typename T>
using Parsed = tl::expected<T, ParseError>;

// An Ethernet address (IEEE 802). parse() takes six hexadecimal octets separated by ':' or '-'; text() gives
// "02:00:00:00:01:0a".
class MacAddress {
 public:
  using Bytes = std::array<std::uint8_t, 6>;
  constexpr MacAddress() = default;
  explicit constexpr MacAddress(Bytes bytes) : bytes_(bytes) {}
  static Parsed<MacAddress> parse(std::string_view text);

  constexpr const Bytes& bytes() const { return bytes_; }
  constexpr bool is_multicast() const { return (bytes_[0] & 1U) != 0; }  // broadcast included
  constexpr bool is_zero() const { return bytes_ == Bytes{}; }
  std::string text() const;

  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;

 private:
  Bytes bytes_{};
};

enum class IpFamily : std::uint8_t { v4 = 4, v6 = 6 };

// An IPv4 or IPv6 address, network byte order. An IPv4-mapped IPv6 text is refused: it would be two names for one
// address.
class IpAddress {
 public:
  constexpr IpAddress() = default;  // 0.0.0.0
  static constexpr IpAddress v4(std::array<std::uint8_t, 4> bytes) {
    IpAddress address;
    for (std::size_t i = 0; i < 4; ++i) address.bytes_[i] = bytes[i];
    return address;
  }
  static constexpr IpAddress v6(std::array<std::uint8_t, 16> bytes) {
    IpAddress address;
    address.family_ = IpFamily::v6;
    address.bytes_ = bytes;
    return address;
  }
  static Parsed<IpAddress> parse(std::string_view text);

  constexpr IpFamily family() const { return family_; }
  constexpr bool is_v4() const { return family_ == IpFamily::v4; }
  constexpr std::size_t size() const { return is_v4() ? 4 : 16; }  // bytes in use
  constexpr const std::array<std::uint8_t, 16>& bytes() const {
    return bytes_;
  }  // the first size() count, the rest is 0
  constexpr std::array<std::uint8_t, 4> v4_bytes() const { return {bytes_[0], bytes_[1], bytes_[2], bytes_[3]}; }
  bool is_unspecified() const;
  bool is_multicast() const;
  bool is_loopback() const;
  bool is_limited_broadcast() const;  // 255.255.255.255
  std::string text() const;           // RFC 5952 for IPv6

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  IpFamily family_ = IpFamily::v4;
  std::array<std::uint8_t, 16> bytes_{};
};

// A subnet, "192.0.2.0/24". parse() masks host bits away: "192.0.2.7/24" is the same prefix.
struct IpPrefix {
  IpAddress network;
  std::uint8_t length = 0;  // bits, 0..32 or 0..128
  static Parsed<IpPrefix> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
  std::string text() const;
  friend constexpr auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

// A UUID in canonical lower-case text (RFC 4122), as Octavia writes them. Also names nodes and pairs.
template <typename Tag>
class UuidOf {
 public:
  UuidOf() = default;
  static Parsed<UuidOf> parse(std::string_view text);  // upper case is accepted and folded
  const std::string& text() const { return text_; }
  friend auto operator<=>(const UuidOf&, const UuidOf&) = default;

 private:
  std::string text_;
};
using LoadBalancerId = UuidOf<struct LoadBalancerTag>;

// The name of one of the two nodes: 1..64 characters of [A-Za-z0-9._-]. A UUID is usual.
class NodeId {
 public:
  NodeId() = default;
  static Parsed<NodeId> parse(std::string_view text);
  const std::string& text() const { return text_; }
  friend auto operator<=>(const NodeId&, const NodeId&) = default;

 private:
  std::string text_;
};

// A slot of a load balancer: bucket id and place in the list (O2). 0-based.
struct Position {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(const Position&, const Position&) = default;
};

// (counter << 1 | node bit). 0 = none yet.
struct Term {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const Term&, const Term&) = default;
};

// Place of an entry in the log; the first entry is 1, 0 = before everything.
struct Seq {
  std::uint64_t value = 0;
  constexpr Seq next() const { return Seq{value + 1}; }
  friend constexpr auto operator<=>(const Seq&, const Seq&) = default;
};

// SHA-256.
struct Digest {
  std::array<std::uint8_t, 32> bytes{};
  std::string hex() const;
  friend constexpr auto operator<=>(const Digest&, const Digest&) = default;
};

Digest sha256(std::string_view bytes);

}  // namespace distributor
