#include "tests/unit/api/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <map>
#include <stdexcept>

namespace distributor::api::testing {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Cert = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr long kDay = 24L * 3600;

void must(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  must(key != nullptr, "key");
  return key;
}

void add_extension(X509* cert, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()), X509_EXTENSION_free);
  must(extension != nullptr && X509_add_ext(cert, extension.get(), -1) == 1, "extension");
}

Cert make_certificate(const std::string& name, EVP_PKEY* key, Certificates::Validity validity) {
  Cert cert(X509_new(), X509_free);
  static long serial = 1;
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial++);
  const bool expired = validity == Certificates::Validity::expired;
  const bool not_yet = validity == Certificates::Validity::not_yet;
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), not_yet ? kDay : -2 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), expired ? -kDay : 2 * kDay);
  X509_set_pubkey(cert.get(), key);
  auto* subject = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  return cert;
}

std::string write_pem(const std::string& path, X509* cert, EVP_PKEY* key) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
  must(file != nullptr, "file");
  if (cert != nullptr) must(PEM_write_X509(file.get(), cert) == 1, "certificate");
  if (key != nullptr) must(PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "key");
  return path;
}

}  // namespace

struct Certificates::Authority {
  struct One {
    Key key;
    Cert cert;
  };
  std::map<std::string, One> by_name;
};

Certificates::Certificates() : authorities_(std::make_unique<Authority>()) {}

Certificates::~Certificates() = default;

std::string Certificates::make_ca(const std::string& name) {
  Key key = make_key();
  Cert cert = make_certificate(name, key.get(), Validity::now);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  add_extension(cert.get(), cert.get(), NID_basic_constraints, "critical,CA:TRUE");
  must(X509_sign(cert.get(), key.get(), EVP_sha256()) != 0, "sign");
  const auto file = write_pem(path(name + ".pem"), cert.get(), nullptr);
  authorities_->by_name.insert_or_assign(name, Authority::One{std::move(key), std::move(cert)});
  return file;
}

// Like Octavia's: no key identifiers, so that a strict X.509 mode would refuse it.
Identity Certificates::issue(const std::string& ca, const std::string& name, Validity validity,
                             const std::string& server_name) {
  const auto& authority = authorities_->by_name.at(ca);
  const Key key = make_key();
  const Cert cert = make_certificate(name, key.get(), validity);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(authority.cert.get()));
  if (!server_name.empty()) add_extension(cert.get(), authority.cert.get(), NID_subject_alt_name, "DNS:" + server_name);
  must(X509_sign(cert.get(), authority.key.get(), EVP_sha256()) != 0, "sign");
  return Identity{write_pem(path(name + ".crt"), cert.get(), nullptr),
                  write_pem(path(name + ".key"), nullptr, key.get())};
}

std::string Certificates::encrypted_key(const std::string& name) const {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path(name + ".key").c_str(), "r"), std::fclose);
  must(file != nullptr, "file");
  const Key key(PEM_read_PrivateKey(file.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> output(BIO_new(BIO_s_mem()), BIO_free_all);
  const unsigned char passphrase[] = "secret";
  must(PEM_write_bio_PKCS8PrivateKey(output.get(), key.get(), EVP_aes_256_cbc(), reinterpret_cast<const char*>(passphrase), 6, nullptr, nullptr) == 1, "key");
  char* text = nullptr;
  const long length = BIO_get_mem_data(output.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace distributor::api::testing
