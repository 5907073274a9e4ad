#include "api/http/server.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <utility>

#include "api/http/detail/shared.hpp"
#include "api/http/detail/tls_context.hpp"

namespace distributor::api {
namespace detail {

constexpr std::chrono::seconds kNotePause{1};

void Shared::note(const std::string& line) {
  if (!log) return;
  const auto now = std::chrono::steady_clock::now();
  if (noted_ != std::chrono::steady_clock::time_point{} && now - noted_ < kNotePause) {
    ++unsaid_;
    return;
  }
  noted_ = now;
  log(unsaid_ == 0 ? line : line + " (" + std::to_string(unsaid_) + " such lines left out)");
  unsaid_ = 0;
}

}  // namespace detail

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using detail::Shared;
using tcp = asio::ip::tcp;

// The address may come to this host later (IP_FREEBIND), and an old connection may still linger on it.
error_code open_listener(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (error) return error;
  const bool v6 = endpoint.address().is_v6();
  const int on = 1;
  if (v6) acceptor.set_option(asio::ip::v6_only(true), error);
  if (error) return error;
  if (::setsockopt(acceptor.native_handle(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &on,
                   sizeof on) != 0) {
    return {errno, boost::system::system_category()};
  }
  acceptor.bind(endpoint, error);
  if (error) return error;
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

asio::awaitable<void> wait(asio::steady_timer& timer) {
  error_code cancelled;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

asio::awaitable<void> serve(std::unique_ptr<detail::Connection> connection) {
  co_await connection->run();
}

void admit(const std::shared_ptr<Shared>& shared, tcp::socket socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;  // it has gone again
  const auto address = remote.address().to_string();
  if (!shared->leaving.empty() && socket.local_endpoint(error).address().to_string() == shared->leaving) return;
  const auto present = shared->per_address.find(address);
  if (present != shared->per_address.end() && present->second >= shared->limits.connections_per_address_max) {
    ++shared->stats.connections_refused;
    shared->note("connection from " + address + " closed: it has " + std::to_string(present->second) + " already");
    return;
  }
  socket.set_option(tcp::no_delay(true), error);
  ++shared->stats.connections_accepted;
  asio::co_spawn(shared->io, serve(detail::make_connection(shared, std::move(socket), address)), asio::detached);
}

asio::awaitable<void> listen(std::shared_ptr<Shared> shared, std::size_t index) {
  auto& acceptor = shared->acceptors[index];
  while (!shared->stopping) {
    if (shared->stats.connections_open >= shared->limits.connections_max) {
      co_await wait(shared->closed);
      continue;
    }
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (shared->stopping) co_return;
    if (!error) {
      admit(shared, std::move(socket));
      continue;
    }
    shared->note("accepting a connection failed: " + error.message());
    asio::steady_timer pause(shared->io, shared->limits.accept_pause);
    co_await wait(pause);
  }
}

void close_connections(Shared& shared, bool only_idle) {
  for (auto* connection : shared.connections) {
    if (!only_idle || (connection->idle() && shared.ends(*connection))) connection->close();
  }
}

asio::awaitable<void> finish(std::shared_ptr<Shared> shared, std::chrono::milliseconds grace,
                             std::function<void()> done) {
  const auto deadline = std::chrono::steady_clock::now() + grace;
  shared->closed.expires_at(deadline);
  while (shared->stats.connections_open > 0 && std::chrono::steady_clock::now() < deadline)
    co_await wait(shared->closed);
  close_connections(*shared, false);
  if (done) done();
}

void close_listeners(Shared& shared) {
  shared.stopping = true;
  error_code ignored;
  for (auto& acceptor : shared.acceptors) acceptor.close(ignored);
  shared.closed.cancel();
}

}  // namespace

struct Server::Impl {
  std::shared_ptr<Shared> shared;
};

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  close_listeners(*impl_->shared);
  close_connections(*impl_->shared, false);
  impl_->shared->router = nullptr;
  impl_->shared->log = nullptr;
}

tl::expected<std::unique_ptr<Server>, ServerError> Server::create(asio::io_context& io, const ServerConfig& config,
                                                                  Router& router, Log log) {
  auto shared = std::make_shared<Shared>(io, router, config.limits, std::move(log));
  auto context = detail::make_context(config.certificate_file, config.key_file, config.client_ca_file);
  if (!context) return tl::unexpected(std::move(context.error()));
  shared->context = std::move(*context);
  for (const auto& endpoint : config.listen) {
    error_code error;
    const auto address = asio::ip::make_address(endpoint.address, error);
    if (!error) error = open_listener(shared->acceptors.emplace_back(io), tcp::endpoint(address, endpoint.port));
    if (error) {
      return tl::unexpected(ServerError{"wanted to listen on " + endpoint.address + " port " +
                                        std::to_string(endpoint.port) + ", found: " + error.message() +
                                        "; give a numeric address and a free port"});
    }
  }
  if (shared->acceptors.empty())
    return tl::unexpected(ServerError{"wanted an address to listen on, found none; name one"});
  auto impl = std::make_shared<Impl>();
  impl->shared = std::move(shared);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::start() {
  for (std::size_t i = 0; i < impl_->shared->acceptors.size(); ++i) {
    asio::co_spawn(impl_->shared->io, listen(impl_->shared, i), asio::detached);
  }
}

std::vector<std::uint16_t> Server::ports() const {
  std::vector<std::uint16_t> ports;
  for (const auto& acceptor : impl_->shared->acceptors) {
    error_code error;
    ports.push_back(acceptor.local_endpoint(error).port());
  }
  return ports;
}

tl::expected<void, ServerError> Server::swap_certificate(const std::string& certificate_file,
                                                         const std::string& key_file,
                                                         const std::string& client_ca_file) {
  auto context = detail::make_context(certificate_file, key_file, client_ca_file);
  if (!context) return tl::unexpected(std::move(context.error()));
  impl_->shared->context = std::move(*context);
  return {};
}

void Server::stop(std::chrono::milliseconds grace, std::function<void()> done) {
  close_listeners(*impl_->shared);
  close_connections(*impl_->shared, true);
  asio::co_spawn(impl_->shared->io, finish(impl_->shared, grace, std::move(done)), asio::detached);
}

void Server::leave(const std::string& address) {
  impl_->shared->leaving = address;
  close_connections(*impl_->shared, true);
}

void Server::stay() {
  impl_->shared->leaving.clear();
}

ServerStats Server::stats() const {
  return impl_->shared->stats;
}

}  // namespace distributor::api
