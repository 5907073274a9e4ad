// Where a bridge listens for OpenFlow (O6).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace distributor::programmer {

struct TlsFiles {  // PEM
  std::string certificate;
  std::string private_key;
  std::string ca;  // vouches for the bridge's certificate
};

struct Target {
  enum class Kind : std::uint8_t { unix_socket, tcp, tls };
  Kind kind = Kind::unix_socket;
  std::string path;  // unix_socket; need not exist yet
  std::string host;  // numeric IP address
  std::uint16_t port = 0;
  TlsFiles tls;
  std::string text() const;
};

inline constexpr std::uint16_t kOpenFlowPort = 6653;  // IANA; where none is given

// As Open vSwitch writes them: "unix:PATH", "tcp:IP[:PORT]", "ssl:IP[:PORT]", an IPv6 address in brackets. The error says
// what was wanted.
tl::expected<Target, std::string> parse_target(std::string_view text);

}  // namespace distributor::programmer
