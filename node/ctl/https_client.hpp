// One HTTPS request with a client certificate. Blocks, for at most the time limit.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace distributor::ctl {

struct Target {
  std::string address;  // numeric or a name
  std::uint16_t port = 0;
  std::string cert_file;    // PEM
  std::string key_file;     // PEM
  std::string ca_file;      // PEM
  std::string server_name;  // empty: any certificate of the CA
  std::chrono::seconds time_limit{0};
};

struct Reply {
  unsigned status = 0;
  std::string body;
};

enum class Failure : std::uint8_t { cannot_connect, tls };

struct ClientError {
  Failure failure = Failure::cannot_connect;
  std::string message;
};

tl::expected<Reply, ClientError> request(const Target& target, const std::string& method, const std::string& path,
                                         const std::string& body);

}  // namespace distributor::ctl
