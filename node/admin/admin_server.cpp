#include "node/admin/admin_server.hpp"

#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <optional>

namespace distributor::node {
namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

namespace {
constexpr std::size_t kLineBytesMax = 4096;
constexpr std::size_t kConnectionsMax = 16;  // further ones are closed at once
constexpr auto kIdleMax = std::chrono::seconds(30);
constexpr auto kAnswerMax = std::chrono::seconds(120);

// An answer that is being waited for; the handler's callback holds it too.
struct Pending {
  explicit Pending(asio::io_context& loop) : arrived(loop) {}
  asio::steady_timer arrived;
  std::optional<boost::json::object> answer;
};
}  // namespace

struct AdminServer::Impl : std::enable_shared_from_this<AdminServer::Impl> {
  Impl(asio::io_context& io, std::filesystem::path path, Handler on_request)
      : loop(io), acceptor(io), socket_path(std::move(path)), handler(std::move(on_request)) {}

  asio::awaitable<void> accept_all() {
    auto self = shared_from_this();
    for (;;) {
      boost::system::error_code error;
      auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) continue;
      if (connections >= kConnectionsMax) continue;  // the socket closes here
      ++connections;
      asio::co_spawn(loop, serve(std::make_shared<Protocol::socket>(std::move(socket))), [self](const std::exception_ptr&) { --self->connections; });
    }
  }

  asio::awaitable<void> serve(std::shared_ptr<Protocol::socket> socket) {
    auto self = shared_from_this();
    asio::steady_timer idle(loop);
    asio::streambuf input(kLineBytesMax);
    for (;;) {
      idle.expires_after(kIdleMax);
      idle.async_wait([socket](boost::system::error_code error) {
        if (!error) socket->close(error);
      });
      boost::system::error_code error;
      const auto length = co_await asio::async_read_until(*socket, input, '\n', asio::redirect_error(asio::use_awaitable, error));
      idle.cancel();
      if (error) co_return;
      std::string line(asio::buffers_begin(input.data()), asio::buffers_begin(input.data()) + static_cast<std::ptrdiff_t>(length));
      input.consume(length);
      const auto answer = boost::json::serialize(co_await answer_to(line)) + "\n";
      co_await asio::async_write(*socket, asio::buffer(answer), asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
    }
  }

  asio::awaitable<boost::json::object> answer_to(const std::string& line) {
    boost::system::error_code error;
    const auto value = boost::json::parse(line, error);
    const auto* request = error ? nullptr : value.if_object();
    const auto* command = request != nullptr ? request->if_contains("command") : nullptr;
    if (command == nullptr || !command->is_string()) {
      co_return boost::json::object{{"ok", false}, {"message", "wanted one line of JSON like {\"command\":\"status\"}"}};
    }
    const auto pending = std::make_shared<Pending>(loop);
    handler(std::string(command->as_string()), *request, [pending](boost::json::object answer) {
      pending->answer = std::move(answer);
      pending->arrived.cancel();
    });
    pending->arrived.expires_after(kAnswerMax);
    if (!pending->answer) co_await pending->arrived.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (pending->answer) co_return std::move(*pending->answer);
    co_return boost::json::object{{"ok", false}, {"message", "the daemon did not come to an answer in time; see its log"}};
  }

  asio::io_context& loop;
  Protocol::acceptor acceptor;
  std::filesystem::path socket_path;
  Handler handler;
  std::size_t connections = 0;
};

tl::expected<std::unique_ptr<AdminServer>, std::string> AdminServer::create(asio::io_context& loop, const std::filesystem::path& socket,
                                                                           Handler handler) {
  std::error_code made;
  std::filesystem::create_directories(socket.parent_path(), made);
  ::unlink(socket.c_str());
  auto impl = std::make_shared<Impl>(loop, socket, std::move(handler));
  boost::system::error_code error;
  impl->acceptor.open(Protocol(), error);
  if (!error) {
    const auto mask = ::umask(0177);
    impl->acceptor.bind(Protocol::endpoint(socket.string()), error);
    ::umask(mask);
  }
  if (!error) impl->acceptor.listen(8, error);
  if (error) return tl::make_unexpected("admin socket " + socket.string() + ": " + error.message());
  asio::co_spawn(loop, impl->accept_all(), asio::detached);
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

AdminServer::AdminServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

AdminServer::~AdminServer() {
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
  ::unlink(impl_->socket_path.c_str());
}

}  // namespace distributor::node
