#include "ha/keepalived/fifo_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

namespace distributor::keepalived {
namespace {

constexpr std::size_t kReadBytes = 4096;
constexpr int kReadsPerTurn = 16;  // a FIFO holds 64 KiB

tl::expected<int, std::string> open_fifo(const std::string& path) {
  std::error_code ignored;  // mkfifo says it better
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  if (::mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST) {
    return tl::unexpected(path + ": the FIFO cannot be made: " + std::strerror(errno));
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return tl::unexpected(path + ": the FIFO cannot be opened: " + std::strerror(errno));
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISFIFO(info.st_mode)) {
    ::close(fd);
    return tl::unexpected(path + ": wanted a FIFO, found something else; remove it");
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0 && ::fchmod(fd, 0600) != 0) {
    ::close(fd);
    return tl::unexpected(path +
                          ": others may write to the FIFO, and the mode cannot be changed: " + std::strerror(errno));
  }
  return fd;
}

}  // namespace

struct FifoReader::Impl : std::enable_shared_from_this<FifoReader::Impl> {
  Impl(boost::asio::io_context& io, Config the_config, FifoCallbacks the_callbacks, int fd)
      : config(std::move(the_config)), callbacks(std::move(the_callbacks)), descriptor(io, fd), timer(io) {}

  void turn(unsigned now_generation);
  void wait_readable();
  void wait_writer();
  void say_alive(bool now_alive);

  Config config;
  FifoCallbacks callbacks;
  boost::asio::posix::stream_descriptor descriptor;
  boost::asio::steady_timer timer;
  FifoParser parser;
  std::optional<bool> alive;  // as last said
  bool reading = false;
  unsigned generation = 0;  // pause makes the handlers of before void
};

// Reads what is there. End of file means that no writer is left: then epoll would report a hang-up without end, so a
// timer looks for the next writer; read() says EAGAIN once there is one.
void FifoReader::Impl::turn(unsigned now_generation) {
  if (!reading || now_generation != generation) return;
  std::array<char, kReadBytes> buffer{};
  const auto garbage_before = parser.garbage_lines() + parser.foreign_lines();
  bool writer = true;
  for (int i = 0; i < kReadsPerTurn && reading && now_generation == generation; ++i) {
    const ssize_t got = ::read(descriptor.native_handle(), buffer.data(), buffer.size());
    if (got > 0) {
      parser.feed({buffer.data(), static_cast<std::size_t>(got)}, [&](const FifoLine& line) {
        if (callbacks.on_line) callbacks.on_line(line);
      });
      continue;
    }
    writer = got < 0;
    break;
  }
  if (!reading || now_generation != generation) return;
  if (parser.garbage_lines() + parser.foreign_lines() != garbage_before && callbacks.on_garbage) callbacks.on_garbage();
  if (!writer) parser.forget_partial();
  say_alive(writer);
  if (!reading || now_generation != generation) return;
  writer ? wait_readable() : wait_writer();
}

void FifoReader::Impl::wait_readable() {
  descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [weak = weak_from_this(), now = generation](const boost::system::error_code& error) {
                          if (auto self = weak.lock(); self && !error) self->turn(now);
                        });
}

void FifoReader::Impl::wait_writer() {
  timer.expires_after(config.dead_poll_interval);
  timer.async_wait([weak = weak_from_this(), now = generation](const boost::system::error_code& error) {
    if (auto self = weak.lock(); self && !error) self->turn(now);
  });
}

void FifoReader::Impl::say_alive(bool now_alive) {
  if (alive == now_alive) return;
  alive = now_alive;
  const auto& callback = now_alive ? callbacks.on_alive : callbacks.on_dead;
  if (callback) callback();
}

tl::expected<std::unique_ptr<FifoReader>, std::string> FifoReader::create(boost::asio::io_context& io, Config config,
                                                                          FifoCallbacks callbacks) {
  const auto fd = open_fifo(config.path);
  if (!fd) return tl::unexpected(fd.error());
  const bool paused = config.start_paused;
  auto impl = std::make_shared<Impl>(io, std::move(config), std::move(callbacks), *fd);
  std::unique_ptr<FifoReader> reader(new FifoReader(std::move(impl)));
  if (!paused) reader->resume();
  return reader;
}

FifoReader::FifoReader(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
FifoReader::~FifoReader() {
  pause();
  impl_->descriptor.close();
}

void FifoReader::pause() {
  impl_->reading = false;
  ++impl_->generation;
  impl_->descriptor.cancel();
  impl_->timer.cancel();
}

void FifoReader::resume() {
  if (impl_->reading) return;
  impl_->reading = true;
  impl_->alive.reset();
  impl_->parser.forget_partial();
  boost::asio::post(impl_->descriptor.get_executor(), [weak = std::weak_ptr<Impl>(impl_), now = impl_->generation] {
    if (auto self = weak.lock()) self->turn(now);
  });
}

}  // namespace distributor::keepalived
