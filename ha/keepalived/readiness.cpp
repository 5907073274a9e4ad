#include "ha/keepalived/readiness.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace distributor::keepalived {

tl::expected<void, std::string> write_readiness(const std::string& path, int value) {
  const std::string temporary = path + ".new";
  const std::string text = std::to_string(value) + "\n";
  const auto failed = [&](const char* what) {
    const std::string why = std::strerror(errno);
    ::unlink(temporary.c_str());
    return tl::unexpected(path + ": readiness not written, " + what + ": " + why +
                          "; keepalived goes on with the value that it has");
  };
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return failed("open");
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (::close(fd) != 0 || !written) return failed("write");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("rename");
  return {};
}

std::optional<int> read_readiness(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::array<char, 16> text{};
  const ssize_t got = ::read(fd, text.data(), text.size());
  ::close(fd);
  int value = 0;
  if (got <= 0 || std::from_chars(text.data(), text.data() + got, value).ec != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace distributor::keepalived
