// One connection to ovsdb-server after another: connecting with backoff, framing, requests and their time limits, echo,
// and the monitor. What comes in is handed up as whole JSON values; nothing here knows about bridges.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "openflow/ovsdb/client.hpp"
#include "openflow/ovsdb/detail/json_framer.hpp"

namespace distributor::ovsdb::detail {

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Reply = std::function<void(Result<boost::json::value>)>;
  struct Handlers {
    std::function<void()> connected;
    std::function<void()> disconnected;  // after connected only
    std::function<void(const std::string& method, const boost::json::array& params)> notification;
    std::function<void(bool is_warning, const std::string& text)> log;
  };

  Session(boost::asio::io_context& io, const Config& config) : config_(config), io_(io), socket_(io), timer_(io) {}

  void start(Handlers handlers);
  void stop();
  // The reply is called from the event loop, exactly once, unless stop() comes first.
  void request(const std::string& method, boost::json::array params, Reply reply);
  // Gives the connection up: what came cannot be trusted, or the caller says so. Connects again after the backoff.
  void fail(const std::string& why);
  bool is_open() const { return open_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    std::string method;
    Reply reply;
    Clock::time_point deadline;
  };

  void connect();
  void retry_later(const std::string& why);
  void read();
  void received(std::size_t bytes);
  void dispatch(const boost::json::value& message);
  void answer(const boost::json::object& message, const boost::json::value& id);
  void send(const boost::json::object& message);
  void write();
  void watch();
  void check_times();
  void refuse(Reply reply, ErrorCode code, std::string message);

  Config config_;
  boost::asio::io_context& io_;
  boost::asio::local::stream_protocol::socket socket_;
  boost::asio::steady_timer timer_;
  Handlers handlers_;
  bool open_ = false;
  bool stopped_ = false;
  bool failure_logged_ = false;
  std::uint64_t connection_ = 0;  // completions of an older one are ignored
  std::chrono::milliseconds backoff_{0};
  std::array<char, 65536> input_{};
  std::unique_ptr<JsonFramer> framer_;
  std::deque<std::string> output_;
  std::size_t output_bytes_ = 0;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Waiting> waiting_;  // ids rise with time, so deadlines rise with ids
  Clock::time_point last_heard_;
  bool probing_ = false;
};

}  // namespace distributor::ovsdb::detail
