// A ZeroMQ socket inside an io_context. Its descriptor is edge-triggered: whoever acts on the socket must look at its
// events until none is left, and again after every send and receive.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace distributor::link::detail {

// Then other handlers of the loop get their turn: a message may cost a slow disk's fsync.
inline constexpr int kMessagesPerTurn = 64;
inline constexpr std::chrono::milliseconds kTurn{50};

class ZmqSocket : public std::enable_shared_from_this<ZmqSocket> {
 public:
  // `on_readable` reads one message and returns; it is called until nothing is left to read.
  static std::shared_ptr<ZmqSocket> open(boost::asio::io_context& io, void* context, int type,
                                         std::function<void(ZmqSocket&)> on_readable);
  ~ZmqSocket();

  void* handle() const { return socket_; }
  bool set(int option, int value);
  bool set(int option, const std::string& value);
  bool set(int option, std::int64_t value);

  void start();  // begins to watch
  void close();  // at once; no handler runs any more
  void poke();  // look at the events soon: after a send

  bool writable();  // also takes in what happened to the connection meanwhile
  // Frames of one whole message; nothing if none is there.
  std::optional<std::vector<std::string>> receive();

 private:
  ZmqSocket(boost::asio::io_context& io, std::function<void(ZmqSocket&)> on_readable);
  int events();
  void wait();
  void drain();

  boost::asio::io_context& io_;
  boost::asio::posix::stream_descriptor descriptor_;
  std::function<void(ZmqSocket&)> on_readable_;
  void* socket_ = nullptr;
  bool poked_ = false;
};

}  // namespace distributor::link::detail
