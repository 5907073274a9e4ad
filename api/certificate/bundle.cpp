#include "api/certificate/bundle.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <vector>

#include "api/openssl/owned.hpp"

namespace distributor::api {
namespace {

using openssl::Bio;
using openssl::no_passphrase;
using Context = std::unique_ptr<SSL_CTX, openssl::Freed<SSL_CTX_free>>;

struct Bundle {
  std::vector<openssl::Certificate> chain;
  openssl::Key key;
};

tl::unexpected<ApiError> refused(std::string message, std::string fix = {}) {
  return tl::unexpected(ApiError{
      .code = ErrorCode::invalid_certificate, .field = "body", .message = std::move(message), .fix = std::move(fix)});
}

std::string openssl_reason() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

Bio memory(std::string_view bytes) { return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }

std::string place(std::size_t index) { return index == 0 ? "the certificate" : "certificate " + std::to_string(index + 1) + " of the chain"; }

// What the blocks are called, in their order; OpenSSL itself would skip what it does not look for.
tl::expected<std::vector<std::string>, ApiError> block_names(std::string_view pem) {
  const Bio input = memory(pem);
  std::vector<std::string> names;
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long length = 0;
  while (PEM_read_bio(input.get(), &name, &header, &data, &length) == 1) {
    names.emplace_back(name);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(length));
    if (names.size() > kChainMax + 2) return refused("wanted at most " + std::to_string(kChainMax) + " certificates and one key, found more");
  }
  const auto code = ERR_peek_last_error();
  const bool at_end = ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  if (!at_end) return refused("wanted PEM blocks, found a damaged one: " + openssl_reason());
  ERR_clear_error();
  return names;
}

bool is_key(std::string_view name) { return name.ends_with("PRIVATE KEY"); }

tl::expected<void, ApiError> check_blocks(const std::vector<std::string>& names) {
  std::size_t certificates = 0;
  std::size_t keys = 0;
  for (const auto& name : names) {
    if (name == PEM_STRING_X509) {
      ++certificates;
    } else if (is_key(name)) {
      ++keys;
    } else if (name != PEM_STRING_ECPARAMETERS) {
      return refused("wanted CERTIFICATE and PRIVATE KEY blocks, found a block " + excerpt(name));
    }
  }
  if (certificates == 0) return refused("wanted a CERTIFICATE block, found none");
  if (certificates > kChainMax) return refused("wanted at most " + std::to_string(kChainMax) + " certificates, found " + std::to_string(certificates));
  if (keys != 1) return refused("wanted one PRIVATE KEY block, found " + std::to_string(keys));
  return {};
}

tl::expected<Bundle, ApiError> read(std::string_view pem) {
  if (pem.empty()) return refused("wanted a certificate and its private key, found an empty body");
  if (pem.size() > kBundleBytesMax) return refused("wanted at most " + std::to_string(kBundleBytesMax) + " bytes, found " + std::to_string(pem.size()));
  const auto names = block_names(pem);
  if (!names) return tl::unexpected(names.error());
  if (auto checked = check_blocks(*names); !checked) return tl::unexpected(std::move(checked.error()));
  Bundle bundle;
  const Bio certificates = memory(pem);
  while (auto* next = PEM_read_bio_X509(certificates.get(), nullptr, no_passphrase, nullptr)) bundle.chain.emplace_back(next);
  const auto wanted = static_cast<std::size_t>(std::count(names->begin(), names->end(), PEM_STRING_X509));
  if (bundle.chain.size() != wanted) return refused("wanted X.509 certificates, found one that cannot be read: " + openssl_reason());
  ERR_clear_error();
  const Bio keys = memory(pem);
  bundle.key.reset(PEM_read_bio_PrivateKey(keys.get(), nullptr, no_passphrase, nullptr));
  if (!bundle.key) return refused("wanted a private key without a passphrase, found one that cannot be read: " + openssl_reason());
  return bundle;
}

WallTime to_time(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string name_of(const X509_NAME* name) {
  const Bio output(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(output.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long length = BIO_get_mem_data(output.get(), &text);
  return std::string(text, static_cast<std::size_t>(std::max(length, 0L)));
}

// The dNSNames, for the message.
std::string names_in(X509* leaf) {
  const openssl::Names names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  std::string result;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* one = sk_GENERAL_NAME_value(names.get(), i);
    if (one->type != GEN_DNS) continue;
    const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(one->d.dNSName));
    result += (result.empty() ? "" : ", ") + excerpt({data, static_cast<std::size_t>(ASN1_STRING_length(one->d.dNSName))});
  }
  return result.empty() ? "none" : result;
}

tl::expected<void, ApiError> check_leaf(X509* leaf, const std::string& server_name) {
  const unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;
  if (X509_check_host(leaf, server_name.data(), server_name.size(), flags, nullptr) != 1) {
    return refused("wanted a certificate for this distributor, dNSName " + server_name + ", found " + names_in(leaf),
                   "issue it with this distributor's id as a dNSName of its subjectAltName");
  }
  if (X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) != 1) {
    return refused("wanted a certificate for servers, found that its key usage forbids it",
                   "issue it with the extended key usage serverAuth");
  }
  return {};
}

tl::expected<void, ApiError> check_chain(const Bundle& bundle, WallTime now) {
  for (std::size_t i = 0; i < bundle.chain.size(); ++i) {
    auto* one = bundle.chain[i].get();
    const auto begins = to_time(X509_get0_notBefore(one));
    const auto ends = to_time(X509_get0_notAfter(one));
    if (ends <= now) return refused(place(i) + " expired at " + utc_text(ends) + ", and this node's clock says " + utc_text(now), "issue a new one");
    if (begins > now + kClockSkewMax) {
      return refused(place(i) + " is valid from " + utc_text(begins) + " on, and this node's clock says " + utc_text(now), "correct the clock, or send it then");
    }
    if (i + 1 == bundle.chain.size()) break;
    auto* issuer = bundle.chain[i + 1].get();
    if (X509_check_issued(issuer, one) != X509_V_OK || X509_verify(one, X509_get0_pubkey(issuer)) != 1) {
      ERR_clear_error();
      return refused(place(i) + " is not signed by the next one in the body", "send the chain in order: the certificate, then who signed it, and so on");
    }
  }
  return {};
}

// What remains is for the library that will serve it: the key fits, is of a kind and size that TLS takes.
tl::expected<void, ApiError> check_usable(const Bundle& bundle) {
  const Context context(SSL_CTX_new(TLS_server_method()));
  const bool certificate = SSL_CTX_use_certificate(context.get(), bundle.chain.front().get()) == 1;
  if (!certificate) return refused("wanted a certificate that TLS can use, found: " + openssl_reason());
  if (X509_check_private_key(bundle.chain.front().get(), bundle.key.get()) != 1) {
    return refused("wanted the private key of the certificate, found another one: " + openssl_reason(), "send the two that belong together");
  }
  if (SSL_CTX_use_PrivateKey(context.get(), bundle.key.get()) != 1) return refused("wanted a key that TLS can use, found: " + openssl_reason());
  return {};
}

CertificateFacts facts_of(const Bundle& bundle) {
  auto* leaf = bundle.chain.front().get();
  CertificateFacts facts{.not_before = to_time(X509_get0_notBefore(leaf)),
                         .not_after = to_time(X509_get0_notAfter(leaf)),
                         .subject = name_of(X509_get_subject_name(leaf)),
                         .serial = {},
                         .chain = bundle.chain.size()};
  for (const auto& one : bundle.chain) facts.not_after = std::min(facts.not_after, to_time(X509_get0_notAfter(one.get())));
  const std::unique_ptr<BIGNUM, openssl::Freed<BN_free>> serial(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), nullptr));
  if (char* digits = BN_bn2hex(serial.get())) {
    facts.serial = digits;
    OPENSSL_free(digits);
  }
  return facts;
}

}  // namespace

tl::expected<CertificateFacts, ApiError> check_bundle(std::string_view pem, const std::string& server_name, WallTime now) {
  ERR_clear_error();
  const auto bundle = read(pem);
  if (!bundle) return tl::unexpected(bundle.error());
  if (auto usable = check_usable(*bundle); !usable) return tl::unexpected(std::move(usable.error()));
  if (auto leaf = check_leaf(bundle->chain.front().get(), server_name); !leaf) return tl::unexpected(std::move(leaf.error()));
  if (auto chain = check_chain(*bundle, now); !chain) return tl::unexpected(std::move(chain.error()));
  return facts_of(*bundle);
}

std::optional<CertificateFacts> facts_of_bundle(std::string_view pem) {
  ERR_clear_error();
  const auto bundle = read(pem);
  if (!bundle) return std::nullopt;
  return facts_of(*bundle);
}

std::optional<int> expiry_stage(WallTime not_after, WallTime now) {
  if (not_after <= now) return 0;
  std::optional<int> stage;
  for (const int days : kExpiryWarnings) {
    if (not_after - now <= std::chrono::hours(24) * days) stage = days;
  }
  return stage;
}

std::string utc_text(WallTime time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

}  // namespace distributor::api
