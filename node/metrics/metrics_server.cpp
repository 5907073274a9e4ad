#include "node/metrics/metrics_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace distributor::node {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {
constexpr std::size_t kConnectionsMax = 16;  // further ones are closed at once
constexpr std::size_t kHeaderBytesMax = 4096;
constexpr auto kRequestTime = std::chrono::seconds(10);
}  // namespace

struct MetricsServer::Impl : std::enable_shared_from_this<MetricsServer::Impl> {
  Impl(asio::io_context& io, Collect source) : loop(io), acceptor(io), collect(std::move(source)) {}

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
      auto answer = answer_to(parser.get());
      keep = answer.keep_alive();
      co_await http::async_write(stream, answer, asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
    }
  }

  http::response<http::string_body> answer_to(const http::request<http::empty_body>& request) {
    http::response<http::string_body> answer{http::status::ok, request.version()};
    answer.keep_alive(request.keep_alive());
    if (request.target() != "/metrics") {
      answer.result(http::status::not_found);
      answer.set(http::field::content_type, "text/plain");
      answer.body() = "only /metrics is here\n";
    } else if (request.method() != http::verb::get) {
      answer.result(http::status::method_not_allowed);
      answer.set(http::field::allow, "GET");
    } else {
      answer.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
      answer.body() = collect();
    }
    answer.prepare_payload();
    return answer;
  }

  asio::io_context& loop;
  tcp::acceptor acceptor;
  Collect collect;
  std::size_t connections = 0;
};

tl::expected<std::unique_ptr<MetricsServer>, std::string> MetricsServer::create(asio::io_context& loop, const Endpoint& listen, Collect collect) {
  auto impl = std::make_shared<Impl>(loop, std::move(collect));
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
