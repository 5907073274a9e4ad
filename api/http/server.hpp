// The HTTPS server: HTTP/1.1 over TLS 1.2 and 1.3, client certificates required (P1). Runs on the caller's event loop,
// one thread.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "api/http/time_histogram.hpp"
#include "api/routes/router.hpp"

namespace distributor::api {

// Bounds. What happens there stands beside each.
struct ServerLimits {
  std::size_t connections_max = 1024;             // then accepting pauses until one closes; the kernel queues
  std::size_t connections_per_address_max = 512;  // then a new one of that address is closed at once
  std::size_t header_bytes_max = 16 * 1024;       // 400 and close
  std::size_t body_bytes_max = 256 * 1024;        // 400 and close
  std::size_t requests_in_flight_max = 256;       // 503 too_busy; one connection has one at most, pipelined ones wait
  std::chrono::milliseconds handshake_time{10'000};  // then closed
  std::chrono::milliseconds read_time{20'000};       // from a request's first byte to its last; then closed
  std::chrono::milliseconds idle_time{120'000};      // between requests; then closed
  std::chrono::milliseconds answer_time{50'000};     // for the backend (Octavia's client waits 60 s); then 503
  std::chrono::milliseconds write_time{20'000};      // then closed
  std::chrono::milliseconds accept_pause{100};       // after a failed accept (no descriptors left)
};

struct Endpoint {
  std::string address;        // numeric; need not exist yet on this host (the management VIP): bound with IP_FREEBIND
  std::uint16_t port = 9443;  // 0: any free one
};

struct ServerConfig {
  std::vector<Endpoint> listen;
  std::string certificate_file;  // PEM: server certificate, then intermediates
  std::string key_file;          // PEM; may be the same file (Octavia's server.pem holds both)
  std::string client_ca_file;    // PEM: one or more CAs whose client certificates are admitted
  ServerLimits limits;
};

struct ServerError {
  std::string message;  // what was wanted, what was found, what to do
};

struct ServerStats {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;  // over the bound of one address
  std::uint64_t handshakes_failed = 0;
  std::uint64_t requests = 0;
  std::uint64_t requests_malformed = 0;
  std::uint64_t timeouts = 0;
  TimeHistogram reads;                        // GET, HEAD; from the request's last byte to the answer being ready
  TimeHistogram changes;                      // everything else
  std::array<std::uint64_t, 5> answers{};     // by the status's first digit, 1 to 5
  std::size_t connections_open = 0;
  std::size_t requests_in_flight = 0;
};

class Server {
 public:
  using Log = std::function<void(std::string)>;  // one line about a refused handshake or a failed accept; may be empty

  // Loads the certificates and binds; nothing is accepted before start(). The router must outlive the server.
  static tl::expected<std::unique_ptr<Server>, ServerError> create(boost::asio::io_context& io,
                                                                   const ServerConfig& config, Router& router, Log log);
  ~Server();  // closes whatever is open
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();
  std::vector<std::uint16_t> ports() const;  // bound ones, in the order of ServerConfig::listen

  // From now on new connections use these files; open ones go on. On an error nothing changes.
  tl::expected<void, ServerError> swap_certificate(const std::string& certificate_file, const std::string& key_file,
                                                   const std::string& client_ca_file);

  // The address is about to move to another host: its idle connections are closed, the others after their answer, and new ones at
  // once, so that clients come again and find the other host. Until stay(). Other addresses are served as ever.
  void leave(const std::string& address);
  void stay();

  // Closes the listeners and idle connections; lets requests in flight finish for at most `grace`; then calls done.
  void stop(std::chrono::milliseconds grace, std::function<void()> done);

  ServerStats stats() const;

 private:
  struct Impl;
  explicit Server(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::api
