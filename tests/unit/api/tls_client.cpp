#include "tests/unit/api/tls_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace distributor::api::testing {
namespace {

constexpr long kPatienceSeconds = 10;

sockaddr_in address_of(const std::string& address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  ::inet_pton(AF_INET, address.c_str(), &result.sin_addr);
  return result;
}

void must(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

}  // namespace

struct TlsClient::State {
  int descriptor = -1;
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
};

TlsClient::TlsClient(const ClientOptions& options) : state_(std::make_unique<State>()) {
  ::signal(SIGPIPE, SIG_IGN);
  state_->descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
  ::setsockopt(state_->descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(state_->descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const auto own = address_of(options.from, 0);
  const auto server = address_of("127.0.0.1", options.port);
  must(::bind(state_->descriptor, reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0, "bind");
  must(::connect(state_->descriptor, reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0, "connect");
  state_->context = SSL_CTX_new(TLS_client_method());
  if (options.tls_version != 0) {
    // Below TLS 1.2 OpenSSL offers nothing at its default security level.
    if (options.tls_version < TLS1_2_VERSION) SSL_CTX_set_security_level(state_->context, 0);
    SSL_CTX_set_min_proto_version(state_->context, options.tls_version);
    SSL_CTX_set_max_proto_version(state_->context, options.tls_version);
  }
  must(SSL_CTX_load_verify_locations(state_->context, options.ca_file.c_str(), nullptr) == 1, "CA");
  SSL_CTX_set_verify(state_->context, SSL_VERIFY_PEER, nullptr);
  if (options.identity) {
    must(SSL_CTX_use_certificate_chain_file(state_->context, options.identity->certificate_file.c_str()) == 1,
         "certificate");
    must(SSL_CTX_use_PrivateKey_file(state_->context, options.identity->key_file.c_str(), SSL_FILETYPE_PEM) == 1,
         "key");
  }
  state_->ssl = SSL_new(state_->context);
  SSL_set_fd(state_->ssl, state_->descriptor);
}

TlsClient::~TlsClient() {
  SSL_free(state_->ssl);
  SSL_CTX_free(state_->context);
  ::close(state_->descriptor);
}

bool TlsClient::handshake() {
  return SSL_connect(state_->ssl) == 1;
}

bool TlsClient::send(const std::string& bytes) {
  return SSL_write(state_->ssl, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
}

bool TlsClient::send_raw(const std::string& bytes) {
  return ::send(state_->descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

std::optional<HttpReply> TlsClient::receive(bool without_body) {
  std::array<char, 65536> chunk{};
  while (true) {
    const auto end = input_.find("\r\n\r\n");
    if (end != std::string::npos) {
      HttpReply reply{.status = 0, .head = input_.substr(0, end + 2), .body = {}};
      reply.status = static_cast<unsigned>(std::stoul(reply.head.substr(reply.head.find(' '))));
      const auto field = reply.head.find("Content-Length: ");
      const std::size_t length =
          without_body || field == std::string::npos ? 0 : std::stoul(reply.head.substr(field + 16));
      if (input_.size() >= end + 4 + length) {
        reply.body = input_.substr(end + 4, length);
        input_.erase(0, end + 4 + length);
        return reply;
      }
    }
    const int bytes = SSL_read(state_->ssl, chunk.data(), static_cast<int>(chunk.size()));
    if (bytes <= 0) return std::nullopt;
    input_.append(chunk.data(), static_cast<std::size_t>(bytes));
  }
}

bool TlsClient::closed_by_server() {
  std::array<char, 4096> chunk{};
  while (true) {
    const auto bytes = ::recv(state_->descriptor, chunk.data(), chunk.size(), 0);
    if (bytes == 0) return true;
    if (bytes < 0) return errno != EAGAIN;
  }
}

std::string TlsClient::tls_version() const {
  return SSL_get_version(state_->ssl);
}

std::string http_request(const std::string& method, const std::string& target, const std::string& body,
                         const std::string& headers) {
  return method + " " + target + " HTTP/1.1\r\nHost: distributor\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace distributor::api::testing
