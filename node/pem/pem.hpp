// What the certificates in a PEM file say of themselves: for the metric of their expiry and for `distributorctl check`.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace distributor::node {

struct PemCertificate {
  std::string subject;
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
  std::vector<std::string> dns_names;  // of its SAN
};

inline constexpr std::size_t kPemBytesMax = 256 * 1024;
inline constexpr std::size_t kPemCertificatesMax = 64;

// In the order of the file; at least one. The error says what was wanted and found.
tl::expected<std::vector<PemCertificate>, std::string> read_certificates(const std::filesystem::path& file);

// Does the first private key of the file belong to its first certificate?
tl::expected<bool, std::string> key_fits(const std::filesystem::path& file);

}  // namespace distributor::node
