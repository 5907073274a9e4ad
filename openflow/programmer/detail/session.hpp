// One OpenFlow connection: socket, greeting, probes, two lanes of output. It knows messages, not rules.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "openflow/programmer/detail/stream.hpp"
#include "openflow/programmer/programmer.hpp"
#include "openflow/wire/framer.hpp"
#include "openflow/wire/message.hpp"

namespace distributor::programmer::detail {

// Lives as long as a shared_ptr to it does; close() makes it fall silent at once.
class Session : public std::enable_shared_from_this<Session> {
 public:
  struct Handlers {
    std::function<void()> on_ready;                         // 1.5 agreed, features received
    std::function<void(const wire::Message&)> on_message;   // all but greeting and probes
    std::function<void(const std::string& why)> on_closed;  // once; not after close()
  };
  enum class Lane : std::uint8_t { urgent, bulk };

  Session(boost::asio::io_context& io, const Options& options, Handlers handlers);
  void connect();
  void close();
  // `bytes` are whole messages. An urgent piece overtakes all bulk pieces that wait.
  void send(std::string bytes, Lane lane);
  bool ready() const { return ready_; }
  bool reached() const { return reached_; }  // somebody listened
  std::size_t queued_bytes() const { return queued_bytes_; }

  static constexpr std::uint32_t kReservedXids = 16;  // the session's own messages use xids below this one

 private:
  void read();
  void on_bytes(std::size_t count);
  bool handle(std::string_view bytes);  // false: closed meanwhile
  void write();
  void probe();
  void fail(const std::string& why);
  void shut();

  boost::asio::io_context& io_;
  std::unique_ptr<Stream> stream_;
  boost::asio::steady_timer timer_;
  Options options_;
  Handlers handlers_;
  wire::Framer framer_;
  std::string read_buffer_;
  std::deque<std::string> urgent_;
  std::deque<std::string> bulk_;
  std::string writing_;
  std::size_t queued_bytes_ = 0;
  std::chrono::steady_clock::time_point last_heard_;
  bool greeted_ = false;
  bool ready_ = false;
  bool reached_ = false;
  bool closed_ = false;
  bool silenced_ = false;  // by the owner: on_closed is not called any more
};

}  // namespace distributor::programmer::detail
