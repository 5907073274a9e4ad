#include "node/ctl/https_client.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <exception>
#include <optional>

namespace distributor::ctl {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using boost::system::error_code;
using boost::system::system_error;
using Stream = beast::ssl_stream<beast::tcp_stream>;

constexpr std::chrono::seconds kConnectTimeMax{10};
constexpr std::size_t kAnswerBytesMax = 64 * 1024 * 1024;

ClientError tls_error(const std::string& what, const error_code& error) {
  return ClientError{Failure::tls, "wanted " + what + ", found: " + error.message()};
}

tl::expected<void, ClientError> prepare(ssl::context& context, const Target& target) {
  error_code error;
  context.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, error);
  context.use_certificate_chain_file(target.cert_file, error);
  if (error) return tl::unexpected(tls_error("a client certificate in " + target.cert_file, error));
  context.use_private_key_file(target.key_file, ssl::context::pem, error);
  if (error) return tl::unexpected(tls_error("the key of the client certificate in " + target.key_file, error));
  context.load_verify_file(target.ca_file, error);
  if (error) return tl::unexpected(tls_error("the CA of the server in " + target.ca_file, error));
  context.set_verify_mode(ssl::verify_peer);
  if (!target.server_name.empty()) context.set_verify_callback(ssl::host_name_verification(target.server_name));
  return {};
}

// The step that runs, for the message if it fails.
struct Progress {
  std::string step = "to find the address";
  bool in_tls = false;
};

asio::awaitable<Reply> exchange(const Target& target, Stream& stream, http::request<http::string_body> message,
                                Progress& progress) {
  asio::ip::tcp::resolver resolver(stream.get_executor());
  const auto endpoints =
      co_await resolver.async_resolve(target.address, std::to_string(target.port), asio::use_awaitable);
  auto& tcp = beast::get_lowest_layer(stream);
  const auto deadline = std::chrono::steady_clock::now() + target.time_limit;
  progress.step = "to connect";
  tcp.expires_after(std::min(kConnectTimeMax, target.time_limit));
  co_await tcp.async_connect(endpoints, asio::use_awaitable);
  tcp.expires_at(deadline);
  progress = {"a TLS session", true};
  co_await stream.async_handshake(ssl::stream_base::client, asio::use_awaitable);
  // With TLS 1.3 a refused client certificate shows only now.
  progress = {"to send the request", false};
  co_await http::async_write(stream, message, asio::use_awaitable);
  progress.step = "an answer";
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kAnswerBytesMax);
  co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
  auto response = parser.release();
  co_return Reply{response.result_int(), std::move(response.body())};
}

ClientError explain(const Target& target, const Progress& progress, const error_code& error) {
  const bool is_tls =
      error != beast::error::timeout && (progress.in_tls || error.category() == asio::error::get_ssl_category());
  const auto where = target.address + " port " + std::to_string(target.port);
  std::string message = "wanted " + progress.step + " from " + where + ", found: " + error.message();
  if (is_tls) message += "; check the client certificate, the CA and the server name";
  return ClientError{is_tls ? Failure::tls : Failure::cannot_connect, std::move(message)};
}

}  // namespace

tl::expected<Reply, ClientError> request(const Target& target, const std::string& method, const std::string& path,
                                         const std::string& body) {
  ssl::context context(ssl::context::tls_client);
  if (auto prepared = prepare(context, target); !prepared) return tl::unexpected(std::move(prepared.error()));
  asio::io_context io(1);
  Stream stream(io, context);
  if (!target.server_name.empty()) SSL_set_tlsext_host_name(stream.native_handle(), target.server_name.c_str());

  http::request<http::string_body> message(http::string_to_verb(method), path, 11);
  message.set(http::field::host, target.server_name.empty() ? target.address : target.server_name);
  message.set(http::field::user_agent, "distributorctl/" DISTRIBUTOR_VERSION);
  message.keep_alive(false);
  if (!body.empty()) message.set(http::field::content_type, "application/json");
  message.body() = body;
  message.prepare_payload();

  Progress progress;
  std::optional<Reply> reply;
  std::optional<ClientError> failed;
  const auto finished = [&](const std::exception_ptr& thrown, Reply received) {
    try {
      if (thrown) std::rethrow_exception(thrown);
      reply = std::move(received);
    } catch (const system_error& error) {
      failed = explain(target, progress, error.code());
    }
  };
  asio::co_spawn(io, exchange(target, stream, std::move(message), progress), finished);
  io.run_for(target.time_limit);
  if (reply) return std::move(*reply);
  if (failed) return tl::unexpected(std::move(*failed));
  return tl::unexpected(explain(target, progress, beast::error::timeout));
}

}  // namespace distributor::ctl
