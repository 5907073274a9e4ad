#include "api/http/detail/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace distributor::api::detail {
namespace {

namespace ssl = boost::asio::ssl;

// Forward secrecy and authenticated encryption only; what Python's ssl module offers on every supported Octavia.
constexpr const char* kTls12Ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-"
    "SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

std::string openssl_reason() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

tl::unexpected<ServerError> unusable(const std::string& wanted, const std::string& file, const std::string& fix) {
  return tl::unexpected(ServerError{"wanted " + wanted + " in " + file + ", found: " + openssl_reason() + "; " + fix});
}

}  // namespace

tl::expected<std::shared_ptr<ssl::context>, ServerError> make_context(const std::string& certificate_file,
                                                                      const std::string& key_file,
                                                                      const std::string& client_ca_file) {
  ERR_clear_error();
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* raw = context->native_handle();
  if (SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(raw, kTls12Ciphers) != 1) {
    return tl::unexpected(ServerError{"OpenSSL offers neither TLS 1.2 nor its ciphers: " + openssl_reason()});
  }
  SSL_CTX_set_options(
      raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);  // an idle connection holds little memory

  if (SSL_CTX_use_certificate_chain_file(raw, certificate_file.c_str()) != 1) {
    return unusable("a PEM certificate", certificate_file, "put the server certificate there");
  }
  if (SSL_CTX_use_PrivateKey_file(raw, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return unusable("the certificate's PEM private key, without a passphrase", key_file, "put it there");
  }
  if (SSL_CTX_check_private_key(raw) != 1) {
    return unusable("the private key of the certificate in " + certificate_file, key_file,
                    "install the two that belong together");
  }
  if (SSL_CTX_load_verify_locations(raw, client_ca_file.c_str(), nullptr) != 1) {
    return unusable("the PEM certificates of the client CAs", client_ca_file, "put them there");
  }
  // Names of the CAs for the client's choice of certificate; the context takes ownership.
  SSL_CTX_set_client_CA_list(raw, SSL_load_client_CA_file(client_ca_file.c_str()));
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return context;
}

}  // namespace distributor::api::detail
