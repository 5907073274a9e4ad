// The server's certificate as Octavia sends it: CERTIFICATE (the leaf first, then its intermediates), then PRIVATE KEY,
// all PEM in one text (P2). Everything is checked before anything is replaced: an amphora that takes what it is given
// never comes back.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "api/errors/api_error.hpp"

namespace distributor::api {

using WallTime = std::chrono::system_clock::time_point;

inline constexpr std::size_t kBundleBytesMax = 64 * 1024;
inline constexpr std::size_t kChainMax = 8;                   // certificates in one bundle
inline constexpr auto kClockSkewMax = std::chrono::minutes(10);  // Octavia's clock may be ahead of this node's

struct CertificateFacts {
  WallTime not_before;
  WallTime not_after;     // the first of the chain to expire
  std::string subject;    // of the leaf, RFC 2253
  std::string serial;     // hexadecimal
  std::size_t chain = 0;  // certificates
  friend bool operator==(const CertificateFacts&, const CertificateFacts&) = default;
};

// Usable: PEM of nothing but certificates and one key without a passphrase that fits the leaf; the leaf is for
// `server_name` (a dNSName of its SAN, what Octavia's client compares) and for servers; each certificate is signed by
// the next; none is expired or not valid yet at `now`. Else invalid_certificate, with what was wanted and found.
tl::expected<CertificateFacts, ApiError> check_bundle(std::string_view pem, const std::string& server_name,
                                                      WallTime now);

// Of a bundle that need not be usable any more, e.g. an expired one; nothing if it cannot be read.
std::optional<CertificateFacts> facts_of_bundle(std::string_view pem);

// Days before the end at which the log speaks, first to last; then daily. Octavia's certificates are good for 30 days and rotated 14
// days before their end: 13 days left are a rotation that did not happen.
inline constexpr std::array<int, 3> kExpiryWarnings = {13, 7, 1};
// The smallest of kExpiryWarnings that is reached, 0 once expired; nothing while there is more time.
std::optional<int> expiry_stage(WallTime not_after, WallTime now);

std::string utc_text(WallTime time);  // "2026-11-27T05:35:18Z"

}  // namespace distributor::api
