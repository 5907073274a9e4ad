// Unix SOCK_SEQPACKET sockets: non-blocking, closed on exec. Each call is one system call.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <tl/expected.hpp>

namespace distributor::gatekeeper::detail {

// Mode 0600. Replaces a left-over socket file; refuses if somebody listens there.
tl::expected<int, std::string> listen_seqpacket(const std::string& path);
tl::expected<int, std::string> connect_seqpacket(const std::string& path);
int accept_seqpacket(int listener);  // -1: nobody waits, or the caller is another user than root and ourselves

enum class Io { done, would_block, closed };
Io send_packet(int fd, std::span<const std::uint8_t> bytes);
Io receive_packet(int fd, std::span<std::uint8_t> buffer, std::size_t& bytes);  // a longer packet is cut

}  // namespace distributor::gatekeeper::detail
