// The only place that knows Beast: TLS handshake, HTTP/1.1 requests one after the other, bounds of time and size.
#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/version.hpp>

#include "api/errors/api_error.hpp"
#include "api/http/detail/shared.hpp"

namespace distributor::api::detail {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::size_t kFirstReadBytes = 4096;
constexpr std::size_t kBufferBytesBeyondHeader = 64 * 1024;
// After a refused request the rest of it is read and dropped: closing at once would reset the connection and take the
// answer with it.
constexpr std::size_t kLingerBytesMax = 16 * 1024 * 1024;
constexpr std::chrono::milliseconds kLingerTime{2'000};
constexpr std::chrono::milliseconds kCloseTime{500};  // for the client to close too
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// An answer that is being waited for; the backend's callback holds it too.
struct Pending {
  explicit Pending(asio::io_context& io) : arrived(io) {}
  asio::steady_timer arrived;
  std::optional<HttpAnswer> answer;
};

ApiError fault(ErrorCode code, std::string message) {
  return ApiError{.code = code, .field = {}, .message = std::move(message), .fix = {}};
}

std::string local_of(const tcp::socket& socket) {
  error_code error;
  const auto local = socket.local_endpoint(error);
  return error ? std::string() : local.address().to_string();
}

class Session final : public Connection {
 public:
  Session(std::shared_ptr<Shared> shared, tcp::socket socket, std::string address)
      : shared_(std::move(shared)),
        context_(shared_->context),
        address_(std::move(address)),
        local_address_(local_of(socket)),
        stream_(std::move(socket), *context_),
        buffer_(shared_->limits.header_bytes_max + kBufferBytesBeyondHeader) {
    shared_->connections.insert(this);
    ++shared_->stats.connections_open;
    ++shared_->per_address[address_];
  }
  ~Session() override {
    shared_->connections.erase(this);
    --shared_->stats.connections_open;
    const auto count = shared_->per_address.find(address_);
    if (--count->second == 0) shared_->per_address.erase(count);
    shared_->closed.cancel();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  bool idle() const override { return idle_; }
  const std::string& local_address() const override { return local_address_; }
  void close() override { beast::get_lowest_layer(stream_).close(); }

  asio::awaitable<void> run() override;

 private:
  using Parser = http::request_parser<http::string_body>;

  asio::awaitable<bool> first_byte();
  asio::awaitable<error_code> read_request(Parser& parser);
  asio::awaitable<bool> one_request();
  asio::awaitable<HttpAnswer> answer_of(HttpRequest request);
  asio::awaitable<bool> write(HttpAnswer answer, unsigned version, bool keep_alive, bool without_body);
  asio::awaitable<void> refuse(ApiError error);
  asio::awaitable<void> finish();
  ApiError fault_of(const error_code& error) const;
  void allow(std::chrono::milliseconds time) { beast::get_lowest_layer(stream_).expires_after(time); }
  bool timed_out(const error_code& error) {
    if (error != beast::error::timeout) return false;
    ++shared_->stats.timeouts;
    return true;
  }

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<asio::ssl::context> context_;  // outlives the stream, also when the certificate is swapped
  std::string address_;
  std::string local_address_;
  beast::ssl_stream<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
  bool idle_ = false;
};

asio::awaitable<void> Session::run() {
  error_code error;
  allow(shared_->limits.handshake_time);
  co_await stream_.async_handshake(asio::ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    ++shared_->stats.handshakes_failed;
    timed_out(error);
    if (!shared_->stopping) shared_->note("TLS handshake with " + address_ + " refused: " + error.message());
    co_return;
  }
  bool more = true;
  while (more) more = co_await one_request();
  co_await finish();
}

// Between requests: nothing is held but the TLS state.
asio::awaitable<bool> Session::first_byte() {
  if (shared_->ends(*this)) co_return false;
  buffer_.shrink_to_fit();
  error_code error;
  idle_ = true;
  allow(shared_->limits.idle_time);
  const auto bytes = co_await stream_.async_read_some(buffer_.prepare(kFirstReadBytes),
                                                      asio::redirect_error(asio::use_awaitable, error));
  idle_ = false;
  timed_out(error);
  buffer_.commit(bytes);
  co_return !error;
}

asio::awaitable<error_code> Session::read_request(Parser& parser) {
  error_code error;
  allow(shared_->limits.read_time);
  parser.header_limit(static_cast<std::uint32_t>(shared_->limits.header_bytes_max));
  parser.body_limit(shared_->limits.body_bytes_max);
  co_await http::async_read_header(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return error;
  if (!parser.is_done() && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    co_await asio::async_write(stream_, asio::buffer(kContinue), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return error;
  }
  if (!parser.is_done()) {
    co_await http::async_read(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
  }
  co_return error;
}

ApiError Session::fault_of(const error_code& error) const {
  const auto& limits = shared_->limits;
  if (error == http::error::body_limit) {
    return fault(ErrorCode::request_too_large,
                 "wanted a body of at most " + std::to_string(limits.body_bytes_max) + " bytes, found more");
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return fault(ErrorCode::request_too_large,
                 "wanted a header of at most " + std::to_string(limits.header_bytes_max) + " bytes, found more");
  }
  return fault(ErrorCode::malformed_http, "wanted an HTTP/1.1 request, found: " + error.message());
}

// False: the connection ends.
asio::awaitable<bool> Session::one_request() {
  if (buffer_.size() == 0) {
    const bool begun = co_await first_byte();
    if (!begun) co_return false;
  }
  Parser parser;
  const error_code error = co_await read_request(parser);
  if (timed_out(error)) co_return false;
  static const auto& http_category = make_error_code(http::error::bad_method).category();
  const bool gone =
      error == http::error::end_of_stream || error == http::error::partial_message || error.category() != http_category;
  if (error && gone) co_return false;
  if (error) {
    co_await refuse(fault_of(error));
    co_return false;
  }
  ++shared_->stats.requests;
  auto message = parser.release();
  HttpRequest request{.method = std::string(message.method_string()),
                      .target = std::string(message.target()),
                      .body = std::move(message.body()),
                      .idempotency_key = std::string(message["Idempotency-Key"]),
                      .request_id = std::string(message["X-Request-Id"]),
                      .local_address = local_address_};
  const unsigned version = message.version();
  const bool without_body = message.method() == http::verb::head;
  const bool wants_more = message.keep_alive();
  const bool reads = message.method() == http::verb::get || message.method() == http::verb::head;
  const auto asked = std::chrono::steady_clock::now();
  HttpAnswer answer = co_await answer_of(std::move(request));
  if (answer.hang_up) co_return false;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - asked;
  (reads ? shared_->stats.reads : shared_->stats.changes).add(took.count());
  ++shared_->stats.answers[std::clamp(answer.status / 100, 1U, 5U) - 1];
  const bool keep_alive = wants_more && !shared_->ends(*this);
  const bool written = co_await write(std::move(answer), version, keep_alive, without_body);
  co_return written&& keep_alive;
}

asio::awaitable<HttpAnswer> Session::answer_of(HttpRequest request) {
  auto& stats = shared_->stats;
  if (shared_->router == nullptr) co_return error_answer(fault(ErrorCode::stopping, {}));
  if (stats.requests_in_flight >= shared_->limits.requests_in_flight_max)
    co_return error_answer(fault(ErrorCode::too_busy, {}));
  beast::get_lowest_layer(stream_).expires_never();
  auto pending = std::make_shared<Pending>(shared_->io);
  pending->arrived.expires_after(shared_->limits.answer_time);
  ++stats.requests_in_flight;
  shared_->router->handle(std::move(request), [pending](HttpAnswer answer) {
    pending->answer = std::move(answer);
    pending->arrived.cancel();
  });
  if (!pending->answer) {
    error_code cancelled;
    co_await pending->arrived.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  --stats.requests_in_flight;
  if (pending->answer) co_return std::move(*pending->answer);
  ++stats.timeouts;
  co_return error_answer(fault(ErrorCode::not_durable_in_time, {}));
}

asio::awaitable<bool> Session::write(HttpAnswer answer, unsigned version, bool keep_alive, bool without_body) {
  http::response<http::string_body> response;
  response.version(version);
  response.result(answer.status);
  response.set(http::field::content_type, "application/json");
  if (!answer.allow.empty()) response.set(http::field::allow, answer.allow);
  response.keep_alive(keep_alive);
  response.body() = std::move(answer.body);
  response.prepare_payload();
  if (without_body) response.body().clear();
  error_code error;
  allow(shared_->limits.write_time);
  co_await http::async_write(stream_, response, asio::redirect_error(asio::use_awaitable, error));
  timed_out(error);
  co_return !error;
}

// The answer, the end of what is sent, then a bounded wait for the client to stop sending.
asio::awaitable<void> Session::refuse(ApiError error) {
  ++shared_->stats.requests_malformed;
  const bool written = co_await write(error_answer(error), 11, false, false);
  if (!written) co_return;
  auto& socket = beast::get_lowest_layer(stream_);
  error_code end;
  socket.socket().shutdown(asio::socket_base::shutdown_send, end);
  allow(kLingerTime);
  std::size_t dropped = 0;
  buffer_.clear();
  while (!end && dropped < kLingerBytesMax) {
    dropped += co_await socket.async_read_some(buffer_.prepare(kFirstReadBytes),
                                               asio::redirect_error(asio::use_awaitable, end));
  }
  socket.close();
}

asio::awaitable<void> Session::finish() {
  if (!beast::get_lowest_layer(stream_).socket().is_open()) co_return;
  error_code ignored;
  allow(kCloseTime);
  co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace

std::unique_ptr<Connection> make_connection(std::shared_ptr<Shared> shared, tcp::socket socket, std::string address) {
  return std::make_unique<Session>(std::move(shared), std::move(socket), std::move(address));
}

}  // namespace distributor::api::detail
