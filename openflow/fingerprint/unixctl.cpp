#include "openflow/fingerprint/unixctl.hpp"

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <cctype>
#include <fstream>
#include <memory>
#include <utility>

namespace distributor::fingerprint {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using Answer = tl::expected<std::string, std::string>;

class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(asio::io_context& io, std::string request, std::function<void(Answer)> done)
      : socket_(io), timer_(io), request_(std::move(request)), done_(std::move(done)) {}

  void start(const std::filesystem::path& path, std::chrono::milliseconds timeout) {
    timer_.expires_after(timeout);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->finish(tl::unexpected(std::string("no answer in time")));
    });
    socket_.async_connect(path.string(), [self = shared_from_this()](const boost::system::error_code& error) {
      if (error) return self->finish(tl::unexpected("cannot connect: " + error.message()));
      self->send();
    });
  }

 private:
  void send() {
    asio::async_write(socket_, asio::buffer(request_), [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
      if (error) return self->finish(tl::unexpected("cannot send: " + error.message()));
      self->receive();
    });
  }

  void receive() {
    socket_.async_read_some(asio::buffer(input_), [self = shared_from_this()](const boost::system::error_code& error, std::size_t bytes) {
      if (error) return self->finish(tl::unexpected("the connection ended without an answer: " + error.message()));
      self->received(bytes);
    });
  }

  // The daemon sends one JSON value and keeps the connection open.
  void received(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ > kUnixctlAnswerBytesMax) return finish(tl::unexpected(std::string("the answer is too long")));
    boost::system::error_code error;
    parser_.write_some(input_.data(), bytes, error);
    if (error) return finish(tl::unexpected("the answer is no JSON: " + error.message()));
    if (!parser_.done()) return receive();
    finish(text_of(parser_.release()));
  }

  static Answer text_of(const json::value& value) {
    const auto* object = value.if_object();
    if (object == nullptr) return tl::unexpected(std::string("the answer is no JSON object"));
    if (const auto* error = object->if_contains("error"); error != nullptr && !error->is_null()) {
      return tl::unexpected(error->is_string() ? std::string(error->get_string()) : json::serialize(*error));
    }
    const auto* result = object->if_contains("result");
    if (result == nullptr || !result->is_string()) return tl::unexpected(std::string("the answer holds no text"));
    return std::string(result->get_string());
  }

  void finish(Answer answer) {
    auto done = std::exchange(done_, nullptr);
    if (!done) return;
    timer_.cancel();
    boost::system::error_code ignored;
    socket_.close(ignored);
    done(std::move(answer));
  }

  asio::local::stream_protocol::socket socket_;
  asio::steady_timer timer_;
  std::string request_;
  std::function<void(Answer)> done_;
  std::array<char, 16384> input_{};
  std::size_t bytes_ = 0;
  json::stream_parser parser_;
};

}  // namespace

tl::expected<std::filesystem::path, std::string> control_socket(const std::filesystem::path& run_dir) {
  const auto pid_file = run_dir / "ovs-vswitchd.pid";
  std::ifstream file(pid_file);
  std::string pid;
  if (!(file >> pid)) return tl::unexpected(pid_file.string() + ": not readable; is ovs-vswitchd running with its pid file there?");
  for (const char c : pid) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return tl::unexpected(pid_file.string() + ": wanted a process id");
  }
  return run_dir / ("ovs-vswitchd." + pid + ".ctl");
}

void call(asio::io_context& io, const std::filesystem::path& socket, const std::string& method, const std::vector<std::string>& arguments,
          std::function<void(Answer)> done, std::chrono::milliseconds timeout) {
  json::array params;
  for (const auto& argument : arguments) params.emplace_back(argument);
  const json::object request{{"method", method}, {"params", std::move(params)}, {"id", 0}};
  const auto running = std::make_shared<Call>(io, json::serialize(request), std::move(done));
  asio::post(io, [running, socket, timeout] { running->start(socket, timeout); });
}

}  // namespace distributor::fingerprint
