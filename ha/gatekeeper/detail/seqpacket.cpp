#include "ha/gatekeeper/detail/seqpacket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace distributor::gatekeeper::detail {
namespace {

constexpr int kBacklog = 8;

int open_socket() {
  return ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

tl::expected<sockaddr_un, std::string> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return tl::unexpected("'" + path + "': a socket's path has 1 to " + std::to_string(sizeof address.sun_path - 1) +
                          " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

tl::unexpected<std::string> failed(const std::string& path, int fd, const char* what) {
  const std::string why = std::strerror(errno);
  if (fd >= 0) ::close(fd);
  return tl::unexpected(path + ": " + what + ": " + why);
}

}  // namespace

tl::expected<int, std::string> connect_seqpacket(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return tl::unexpected(address.error());
  const int fd = open_socket();
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return failed(path, fd, "connect");
  }
  return fd;
}

tl::expected<int, std::string> listen_seqpacket(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return tl::unexpected(address.error());
  if (const auto other = connect_seqpacket(path)) {
    ::close(*other);
    return tl::unexpected(path + ": another gatekeeper listens there already");
  }
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) return tl::unexpected(path + ": wanted a place for a socket, found something else");
    ::unlink(path.c_str());
  }
  const int fd = open_socket();
  if (fd < 0) return failed(path, fd, "socket");
  const mode_t mask = ::umask(0177);
  const int bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
  ::umask(mask);
  if (bound != 0) return failed(path, fd, "bind");
  if (::listen(fd, kBacklog) != 0) return failed(path, fd, "listen");
  return fd;
}

int accept_seqpacket(int listener) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return -1;
  ucred caller{};
  socklen_t size = sizeof caller;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &caller, &size) != 0 ||
      (caller.uid != 0 && caller.uid != ::geteuid())) {
    ::close(fd);
    return -1;
  }
  return fd;
}

Io send_packet(int fd, std::span<const std::uint8_t> bytes) {
  if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return Io::done;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS ? Io::would_block : Io::closed;
}

Io receive_packet(int fd, std::span<std::uint8_t> buffer, std::size_t& bytes) {
  const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got > 0) {
    bytes = static_cast<std::size_t>(got);
    return Io::done;
  }
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? Io::would_block : Io::closed;
}

}  // namespace distributor::gatekeeper::detail
