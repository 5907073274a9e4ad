// What the listeners and connections of one server share. One thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/http/server.hpp"

namespace distributor::api::detail {

// An open connection, as the server needs it for counting and stopping.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual boost::asio::awaitable<void> run() = 0;  // until it closes
  virtual bool idle() const = 0;                   // waits for a request's first byte
  virtual void close() = 0;
  virtual const std::string& local_address() const = 0;
};

struct Shared {
  Shared(boost::asio::io_context& loop, Router& to, const ServerLimits& bounds, Server::Log to_log)
      : io(loop), router(&to), limits(bounds), log(std::move(to_log)), closed(loop) {
    closed.expires_at(std::chrono::steady_clock::time_point::max());
  }

  boost::asio::io_context& io;
  Router* router;  // null once the server is gone
  ServerLimits limits;
  Server::Log log;
  std::shared_ptr<boost::asio::ssl::context> context;
  std::vector<boost::asio::ip::tcp::acceptor> acceptors;
  std::set<Connection*> connections;
  std::map<std::string, std::size_t> per_address;
  boost::asio::steady_timer closed;  // never expires; cancelled whenever a connection closes
  ServerStats stats;
  bool stopping = false;
  std::string leaving;  // an address of this host that moves away: nobody is admitted there, and nobody stays

  bool ends(const Connection& connection) const { return stopping || (!leaving.empty() && connection.local_address() == leaving); }

  // At most one line a second; says how many were left out.
  void note(const std::string& line);

 private:
  std::chrono::steady_clock::time_point noted_{};
  std::uint64_t unsaid_ = 0;
};

// Counts from here on. Uses the TLS context that is current now.
std::unique_ptr<Connection> make_connection(std::shared_ptr<Shared> shared, boost::asio::ip::tcp::socket socket,
                                            std::string address);

}  // namespace distributor::api::detail
