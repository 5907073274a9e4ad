#include "sync/registry/types.hpp"

#include <arpa/inet.h>
#include <openssl/evp.h>

#include <charconv>
#include <cstdlib>

#include "sync/registry/load_balancer.hpp"

namespace distributor {
namespace {

constexpr std::size_t kQuotedMax = 64;

// What was found, bounded and printable, for a message.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, kQuotedMax)) out += (c >= 0x20 && c < 0x7f) ? c : '?';
  out += text.size() > kQuotedMax ? "...'" : "'";
  return out;
}

tl::unexpected<ParseError> refuse(std::string_view text, const char* wanted) {
  return tl::unexpected(ParseError{quoted(text) + " is not " + wanted});
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr char kHexDigits[] = "0123456789abcdef";

void append_hex(std::string& out, std::uint8_t byte) {
  out += kHexDigits[byte >> 4U];
  out += kHexDigits[byte & 0xfU];
}

bool is_v4_mapped(const std::array<std::uint8_t, 16>& bytes) {
  for (std::size_t i = 0; i < 10; ++i) {
    if (bytes[i] != 0) return false;
  }
  return bytes[10] == 0xff && bytes[11] == 0xff;
}

unsigned address_bits(const IpAddress& address) {
  return static_cast<unsigned>(address.size() * 8);
}

// The address with all bits behind the first `length` cleared.
IpAddress masked(const IpAddress& address, unsigned length) {
  auto bytes = address.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto first_bit = static_cast<unsigned>(i * 8);
    if (length >= first_bit + 8) continue;
    const unsigned keep = length > first_bit ? length - first_bit : 0;
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> keep));
  }
  if (address.is_v4()) return IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
  return IpAddress::v6(bytes);
}

}  // namespace

Parsed<MacAddress> MacAddress::parse(std::string_view text) {
  constexpr const char* kWanted = "a MAC address (six hexadecimal octets, as 02:00:00:00:01:0a)";
  constexpr std::size_t kLength = 17;
  if (text.size() != kLength) return refuse(text, kWanted);
  const char separator = text[2];
  if (separator != ':' && separator != '-') return refuse(text, kWanted);
  Bytes bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int high = hex_value(text[i * 3]);
    const int low = hex_value(text[i * 3 + 1]);
    if (high < 0 || low < 0) return refuse(text, kWanted);
    if (i + 1 < bytes.size() && text[i * 3 + 2] != separator) return refuse(text, kWanted);
    bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return MacAddress(bytes);
}

std::string MacAddress::text() const {
  std::string out;
  out.reserve(17);
  for (const auto byte : bytes_) {
    if (!out.empty()) out += ':';
    append_hex(out, byte);
  }
  return out;
}

Parsed<IpAddress> IpAddress::parse(std::string_view text) {
  constexpr const char* kWanted = "an IPv4 or IPv6 address";
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return refuse(text, kWanted);
  const std::string terminated(text);
  std::array<std::uint8_t, 4> four{};
  if (inet_pton(AF_INET, terminated.c_str(), four.data()) == 1) return v4(four);
  std::array<std::uint8_t, 16> sixteen{};
  if (inet_pton(AF_INET6, terminated.c_str(), sixteen.data()) != 1) return refuse(text, kWanted);
  if (is_v4_mapped(sixteen)) return refuse(text, "accepted: write an IPv4-mapped address as plain IPv4");
  return v6(sixteen);
}

bool IpAddress::is_unspecified() const {
  return bytes_ == std::array<std::uint8_t, 16>{};
}

bool IpAddress::is_multicast() const {
  return is_v4() ? (bytes_[0] & 0xf0U) == 0xe0U : bytes_[0] == 0xff;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  std::array<std::uint8_t, 16> one{};
  one[15] = 1;
  return bytes_ == one;
}

bool IpAddress::is_limited_broadcast() const {
  return is_v4() && v4_bytes() == std::array<std::uint8_t, 4>{255, 255, 255, 255};
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), buffer.data(), buffer.size()) == nullptr) std::abort();
  return buffer.data();
}

Parsed<IpPrefix> IpPrefix::parse(std::string_view text) {
  constexpr const char* kWanted = "a prefix (as 192.0.2.0/24 or 2001:db8::/64)";
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return refuse(text, kWanted);
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return tl::unexpected(address.error());
  const auto digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool padded = digits.size() > 1 && digits[0] == '0';
  if (error != std::errc{} || end != digits.data() + digits.size() || padded) return refuse(text, kWanted);
  if (length > address_bits(*address)) return refuse(text, "a prefix: its length exceeds the address");
  return IpPrefix{masked(*address, length), static_cast<std::uint8_t>(length)};
}

bool IpPrefix::contains(const IpAddress& address) const {
  return address.family() == network.family() && masked(address, length) == masked(network, length);
}

std::string IpPrefix::text() const {
  return network.text() + "/" + std::to_string(length);
}

template <typename Tag>
Parsed<UuidOf<Tag>> UuidOf<Tag>::parse(std::string_view text) {
  constexpr const char* kWanted = "a UUID (as 5f0e1a52-9a0c-4d0c-9f63-0d0f7a4c1b11)";
  constexpr std::size_t kLength = 36;
  if (text.size() != kLength) return refuse(text, kWanted);
  UuidOf uuid;
  uuid.text_.reserve(kLength);
  for (std::size_t i = 0; i < kLength; ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    const int value = hex_value(text[i]);
    if (hyphen ? text[i] != '-' : value < 0) return refuse(text, kWanted);
    uuid.text_ += hyphen ? '-' : kHexDigits[value];
  }
  return uuid;
}
template class UuidOf<struct LoadBalancerTag>;

Parsed<NodeId> NodeId::parse(std::string_view text) {
  constexpr const char* kWanted = "a node id (1..64 characters of A-Z a-z 0-9 . _ -)";
  constexpr std::size_t kLengthMax = 64;
  if (text.empty() || text.size() > kLengthMax) return refuse(text, kWanted);
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (!letter && !digit && c != '.' && c != '_' && c != '-') return refuse(text, kWanted);
  }
  NodeId id;
  id.text_ = text;
  return id;
}

std::string Digest::hex() const {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes) append_hex(out, byte);
  return out;
}

Digest sha256(std::string_view bytes) {
  Digest digest;
  unsigned length = 0;
  const int done = EVP_Digest(bytes.data(), bytes.size(), digest.bytes.data(), &length, EVP_sha256(), nullptr);
  if (done != 1 || length != digest.bytes.size())
    std::abort();  // OpenSSL without SHA-256: nothing here could be trusted
  return digest;
}

}  // namespace distributor
