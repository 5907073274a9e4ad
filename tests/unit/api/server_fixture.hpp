// A server on loopback with a fake backend, on an event loop in a thread of its own.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <mutex>
#include <thread>

#include "api/http/server.hpp"
#include "tests/unit/api/fake_backend.hpp"
#include "tests/unit/api/tls_client.hpp"

namespace distributor::api::testing {

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    ca_file = certificates.make_ca("client-ca");
    certificates.make_ca("other-ca");
    server_identity = certificates.issue("client-ca", "server", Certificates::Validity::now, "distributor-1");
    client_identity = certificates.issue("client-ca", "octavia");
  }
  ~ServerTest() override {
    if (!thread.joinable()) return;
    on_loop([&] { server.reset(); });
    work.reset();
    io.stop();
    thread.join();
  }

  ServerConfig config() const {
    return ServerConfig{.listen = {{"127.0.0.1", 0}},
                        .certificate_file = server_identity.certificate_file,
                        .key_file = server_identity.key_file,
                        .client_ca_file = ca_file,
                        .limits = limits};
  }
  void start() {
    auto created = Server::create(io, config(), router, [&](std::string line) { log.push_back(std::move(line)); });
    ASSERT_TRUE(created) << created.error().message;
    server = std::move(*created);
    port = server->ports().at(0);
    server->start();
    thread = std::thread([&] { io.run(); });
  }
  template <typename Work>
  auto on_loop(Work task) -> decltype(task()) {
    std::promise<decltype(task())> done;
    boost::asio::post(io, [&] {
      if constexpr (std::is_void_v<decltype(task())>) {
        task();
        done.set_value();
      } else {
        done.set_value(task());
      }
    });
    return done.get_future().get();
  }
  ServerStats stats() {
    return on_loop([&] { return server->stats(); });
  }
  Digest digest() {
    return on_loop([&] { return backend.state.digest(); });
  }
  // Until the loop has seen it; the limit is only for a failing test.
  template <typename Condition>
  bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      if (on_loop(condition)) return true;
      std::this_thread::yield();
    }
    return false;
  }

  ClientOptions client() const {
    return ClientOptions{
        .port = port, .ca_file = ca_file, .identity = client_identity, .tls_version = 0, .from = "127.0.0.1"};
  }
  // Handshake and one request on a new connection; nothing if the server refused it.
  std::optional<HttpReply> ask(const ClientOptions& options, const std::string& request) {
    TlsClient connection(options);
    if (!connection.handshake() || !connection.send(request)) return std::nullopt;
    return connection.receive();
  }
  HttpReply call(const std::string& method, const std::string& target, const std::string& body = {}) {
    return ask(client(), http_request(method, target, body)).value();
  }
  HttpReply post(const std::string& verb, const std::string& body) {
    return call("POST", std::string("/1.0/loadbalancer/") + kLb + "/" + verb, body);
  }

  Certificates certificates;
  std::string ca_file;
  Identity server_identity;
  Identity client_identity;
  ServerLimits limits;
  std::uint16_t port = 0;
  // The loop goes last but for what it uses.
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work = boost::asio::make_work_guard(io);
  FakeBackend backend;
  Router router{backend};
  std::vector<std::string> log;  // of the loop's thread
  std::unique_ptr<Server> server;
  std::thread thread;
};

}  // namespace distributor::api::testing
