#include "node/pem/pem.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

#include "api/openssl/owned.hpp"

namespace distributor::node {
namespace {

namespace openssl = api::openssl;
using openssl::no_passphrase;

tl::expected<std::string, std::string> read_file(const std::filesystem::path& file) {
  std::unique_ptr<std::FILE, openssl::Freed<std::fclose>> stream(std::fopen(file.c_str(), "rbe"));
  if (!stream) return tl::make_unexpected(file.string() + ": " + std::strerror(errno));
  std::string text(kPemBytesMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stream.get()));
  if (text.size() > kPemBytesMax) return tl::make_unexpected(file.string() + ": wanted at most " + std::to_string(kPemBytesMax) + " bytes");
  return text;
}

openssl::Bio memory_of(const std::string& text) {
  return openssl::Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::vector<std::string> dns_names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* found = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  const openssl::Names list(found);
  for (int i = 0; i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(list.get(), i);
    if (name->type != GEN_DNS) continue;
    const auto* text = ASN1_STRING_get0_data(name->d.dNSName);
    names.emplace_back(reinterpret_cast<const char*>(text), static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  return names;
}

PemCertificate facts_of(X509* certificate) {
  std::array<char, 256> subject{};
  X509_NAME_oneline(X509_get_subject_name(certificate), subject.data(), static_cast<int>(subject.size()));
  return {subject.data(), time_of(X509_get0_notBefore(certificate)), time_of(X509_get0_notAfter(certificate)), dns_names_of(certificate)};
}

}  // namespace

tl::expected<std::vector<PemCertificate>, std::string> read_certificates(const std::filesystem::path& file) {
  const auto text = read_file(file);
  if (!text) return tl::make_unexpected(text.error());
  const auto bio = memory_of(*text);
  std::vector<PemCertificate> found;
  while (found.size() < kPemCertificatesMax) {
    const openssl::Certificate one(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
    if (!one) break;
    found.push_back(facts_of(one.get()));
  }
  ERR_clear_error();
  if (found.empty()) return tl::make_unexpected(file.string() + ": wanted a PEM file with a certificate, found none");
  return found;
}

tl::expected<bool, std::string> key_fits(const std::filesystem::path& file) {
  const auto text = read_file(file);
  if (!text) return tl::make_unexpected(text.error());
  const openssl::Certificate certificate(PEM_read_bio_X509(memory_of(*text).get(), nullptr, no_passphrase, nullptr));
  const openssl::Key key(PEM_read_bio_PrivateKey(memory_of(*text).get(), nullptr, no_passphrase, nullptr));
  const bool fits = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!certificate) return tl::make_unexpected(file.string() + ": wanted a certificate, found none");
  if (!key) return tl::make_unexpected(file.string() + ": wanted its private key without a passphrase, found none");
  return fits;
}

}  // namespace distributor::node
