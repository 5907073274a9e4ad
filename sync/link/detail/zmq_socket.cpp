#include "sync/link/detail/zmq_socket.hpp"

#include <zmq.h>

#include <boost/asio/post.hpp>

namespace distributor::link::detail {

ZmqSocket::ZmqSocket(boost::asio::io_context& io, std::function<void(ZmqSocket&)> on_readable)
    : io_(io), descriptor_(io), on_readable_(std::move(on_readable)) {}

std::shared_ptr<ZmqSocket> ZmqSocket::open(boost::asio::io_context& io, void* context, int type,
                                           std::function<void(ZmqSocket&)> on_readable) {
  std::shared_ptr<ZmqSocket> self(new ZmqSocket(io, std::move(on_readable)));
  self->socket_ = zmq_socket(context, type);
  if (self->socket_ == nullptr) return nullptr;
  if (!self->set(ZMQ_LINGER, 0)) return nullptr;
  return self;
}

ZmqSocket::~ZmqSocket() {
  close();
}

void ZmqSocket::close() {
  if (socket_ == nullptr) return;
  if (descriptor_.is_open()) descriptor_.release();  // the descriptor belongs to ZeroMQ
  zmq_close(socket_);
  socket_ = nullptr;
}

bool ZmqSocket::set(int option, int value) {
  return zmq_setsockopt(socket_, option, &value, sizeof value) == 0;
}
bool ZmqSocket::set(int option, std::int64_t value) {
  return zmq_setsockopt(socket_, option, &value, sizeof value) == 0;
}
bool ZmqSocket::set(int option, const std::string& value) {
  return zmq_setsockopt(socket_, option, value.data(), value.size()) == 0;
}

void ZmqSocket::start() {
  int fd = -1;
  std::size_t size = sizeof fd;
  if (zmq_getsockopt(socket_, ZMQ_FD, &fd, &size) != 0) return;
  descriptor_.assign(fd);
  wait();
  poke();
}

void ZmqSocket::poke() {
  if (poked_ || socket_ == nullptr) return;
  poked_ = true;
  boost::asio::post(io_, [weak = weak_from_this()] {
    if (auto self = weak.lock()) {
      self->poked_ = false;
      self->drain();
    }
  });
}

void ZmqSocket::wait() {
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [weak = weak_from_this()](const boost::system::error_code& error) {
                           auto self = weak.lock();
                           if (error || !self || self->socket_ == nullptr) return;
                           self->drain();
                           if (self->socket_ != nullptr) self->wait();
                         });
}

void ZmqSocket::drain() {
  const auto keep_alive = shared_from_this();  // on_readable may drop the last other owner
  const auto end = std::chrono::steady_clock::now() + kTurn;
  for (int count = 0; count < kMessagesPerTurn && std::chrono::steady_clock::now() < end; ++count) {
    if (socket_ == nullptr || (events() & ZMQ_POLLIN) == 0) return;
    on_readable_(*this);
  }
  poke();
}

int ZmqSocket::events() {
  int found = 0;
  std::size_t size = sizeof found;
  return zmq_getsockopt(socket_, ZMQ_EVENTS, &found, &size) == 0 ? found : 0;
}

bool ZmqSocket::writable() {
  return socket_ != nullptr && (events() & ZMQ_POLLOUT) != 0;
}

std::optional<std::vector<std::string>> ZmqSocket::receive() {
  constexpr std::size_t kFramesMax = 16;  // ours have 1, the monitor's 2, an authentication request's 7
  if (socket_ == nullptr) return std::nullopt;
  std::vector<std::string> frames;
  bool more = true;
  while (more) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, socket_, ZMQ_DONTWAIT) < 0) {
      zmq_msg_close(&frame);
      return std::nullopt;
    }
    if (frames.size() < kFramesMax) {
      frames.emplace_back(static_cast<const char*>(zmq_msg_data(&frame)), zmq_msg_size(&frame));
    }
    more = zmq_msg_more(&frame) != 0;
    zmq_msg_close(&frame);
  }
  return frames;
}

}  // namespace distributor::link::detail
