#include "node/metrics/metrics_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <string_view>

namespace distributor::node {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {
constexpr std::size_t kConnectionsMax = 16;  // further ones are closed at once
constexpr std::size_t kHeaderBytesMax = 4096;
constexpr auto kRequestTime = std::chrono::seconds(10);
constexpr auto kAnswerTime = std::chrono::seconds(5);
}  // namespace

struct MetricsServer::Impl : std::enable_shared_from_this<MetricsServer::Impl> {
  Impl(asio::io_context& io, Sources from) : loop(io), acceptor(io), sources(std::move(from)) {}

  asio::awaitable<void> accept_all() {
    auto self = shared_from_this();
    for (;;) {
      boost::system::error_code error;
      auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error || connections >= kConnectionsMax) continue;
      ++connections;
      asio::co_spawn(loop, serve(beast::tcp_stream(std::move(socket))), [self](const std::exception_ptr&) { --self->connections; });
    }
  }

  asio::awaitable<void> serve(beast::tcp_stream stream) {
    auto self = shared_from_this();
    beast::flat_buffer buffer(2 * kHeaderBytesMax);
    for (bool keep = true; keep;) {
      boost::system::error_code error;
      http::request_parser<http::empty_body> parser;
      parser.header_limit(kHeaderBytesMax);
      stream.expires_after(kRequestTime);
      co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
      auto answer = co_await answer_to(parser.get());
      keep = answer.keep_alive();
      co_await http::async_write(stream, answer, asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
    }
  }

  using Response = http::response<http::string_body>;

  // The listener takes no name but a loopback one, so that no page of elsewhere can read it through a name of its own (DNS rebinding).
  static bool is_local_name(std::string_view host) {
    if (host.empty()) return true;
    if (host.front() == '[') return host.substr(0, host.find(']') + 1) == "[::1]";
    const auto name = host.substr(0, host.find(':'));
    boost::system::error_code error;
    const auto address = asio::ip::make_address(std::string(name), error);
    return name == "localhost" || (!error && address.is_loopback());
  }

  asio::awaitable<Response> answer_to(const http::request<http::empty_body>& request) {
    Response answer{http::status::ok, request.version()};
    answer.keep_alive(request.keep_alive());
    answer.set(http::field::content_type, "text/plain; charset=utf-8");
    const auto path = request.target().substr(0, request.target().find('?'));
    const std::string_view accept = request[http::field::accept];
    const bool wants_page = accept.find("text/html") != std::string_view::npos;
    if (path != "/metrics" && path != "/") {
      answer.result(http::status::not_found);
      answer.body() = "only / and /metrics are here\n";
    } else if (request.method() != http::verb::get && request.method() != http::verb::head) {
      answer.result(http::status::method_not_allowed);
      answer.set(http::field::allow, "GET, HEAD");
    } else if (!is_local_name(request[http::field::host])) {
      answer.result(http::status::forbidden);
      answer.body() = "ask for localhost or a loopback address\n";
    } else {
      const auto& collect = path == "/metrics" ? sources.metrics : wants_page ? sources.page : sources.json;
      answer.set(http::field::content_type, path == "/metrics" ? "text/plain; version=0.0.4; charset=utf-8" : wants_page ? "text/html; charset=utf-8" : "application/json");
      answer.set(http::field::cache_control, "no-store");
      if (wants_page) answer.set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
      co_await fill(answer, collect);
    }
    answer.prepare_payload();
    if (request.method() == http::verb::head) answer.body().clear();
    co_return answer;
  }

  asio::awaitable<void> fill(Response& answer, const Collect& collect) {
    struct Pending {
      explicit Pending(asio::io_context& io) : arrived(io) {}
      asio::steady_timer arrived;
      std::optional<std::string> body;
    };
    const auto pending = std::make_shared<Pending>(loop);
    pending->arrived.expires_after(kAnswerTime);
    collect([pending](std::string body) {
      pending->body = std::move(body);
      pending->arrived.cancel();
    });
    boost::system::error_code cancelled;
    if (!pending->body) co_await pending->arrived.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (pending->body) {
      answer.body() = std::move(*pending->body);
    } else {
      answer.result(http::status::service_unavailable);
      answer.body() = "not collected in time\n";
    }
  }

  asio::io_context& loop;
  tcp::acceptor acceptor;
  Sources sources;
  std::size_t connections = 0;
};

tl::expected<std::unique_ptr<MetricsServer>, std::string> MetricsServer::create(asio::io_context& loop, const Endpoint& listen, Sources sources) {
  auto impl = std::make_shared<Impl>(loop, std::move(sources));
  boost::system::error_code error;
  const auto address = asio::ip::make_address(listen.address.text(), error);
  const tcp::endpoint endpoint(address, listen.port);
  if (!error) impl->acceptor.open(endpoint.protocol(), error);
  if (!error) impl->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) impl->acceptor.bind(endpoint, error);
  if (!error) impl->acceptor.listen(8, error);
  if (error) return tl::make_unexpected("metrics.listen: " + listen.address.text() + " port " + std::to_string(listen.port) + ": " + error.message());
  asio::co_spawn(loop, impl->accept_all(), asio::detached);
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(impl)));
}

MetricsServer::MetricsServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

MetricsServer::~MetricsServer() {
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
}

}  // namespace distributor::node
