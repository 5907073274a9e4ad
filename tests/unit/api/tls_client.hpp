// A blocking TLS client on OpenSSL's plain interface: what the server sends is judged by other code than its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tests/unit/api/certificates.hpp"

namespace distributor::api::testing {

struct ClientOptions {
  std::uint16_t port = 0;
  std::string ca_file;
  std::optional<Identity> identity;  // absent: no client certificate
  int tls_version = 0;               // TLS1_2_VERSION, ...; 0: any
  std::string from = "127.0.0.1";    // own address
};

struct HttpReply {
  unsigned status = 0;
  std::string head;
  std::string body;
};

class TlsClient {
 public:
  explicit TlsClient(const ClientOptions& options);  // connects TCP
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool handshake();
  // False once the server has refused or closed.
  bool send(const std::string& bytes);
  // Into the TCP stream, around TLS.
  bool send_raw(const std::string& bytes);
  // The next answer; nothing if the connection ends before it is complete.
  std::optional<HttpReply> receive(bool without_body = false);
  // True once the server has closed the connection; waits for it for at most ten seconds.
  bool closed_by_server();
  std::string tls_version() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::string input_;
};

std::string http_request(const std::string& method, const std::string& target, const std::string& body = {},
                         const std::string& headers = {});

}  // namespace distributor::api::testing
