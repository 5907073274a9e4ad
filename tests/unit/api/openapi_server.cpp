// The real server and router on a backend of the tests, for test_openapi.py: prints one line of JSON (port, certificates, every call the
// router knows) and serves until its standard input ends.
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/json.hpp>
#include <iostream>

#include "api/http/server.hpp"
#include "tests/unit/api/certificates.hpp"
#include "tests/unit/api/fake_backend.hpp"

namespace {

namespace api = distributor::api;
namespace json = boost::json;

void fill(api::testing::FakeBackend& backend) {
  auto& node = backend.node_view;
  node.node_id = backend.node_id();
  node.distributor_id = api::testing::kOtherLb;
  node.hostname = "node-a.example";
  node.version = "1.2.3";
  node.versions = {{"openvswitch", "3.1.0"}};
  node.role = "MASTER";
  node.phase = "leading";
  node.owns = true;
  node.machine.networks = {{"eth0", 1, 2}};
  node.certificate = api::CertificateView{"CN=distributor", "01", "2026-11-27T05:35:18Z", 86400, true};
  node.counters = {{"takeovers_total", 1}};
  auto& pair = backend.pair_view;
  pair.pair_id = api::testing::kOtherLb;
  pair.phase = "leading";
  pair.self.node = backend.node_id();
  pair.self.role = "MASTER";
  pair.peer = pair.self;
  pair.dropped.push_back({distributor::Term{3}, distributor::Seq{9}, "key:digest", "register", api::testing::parsed<distributor::LoadBalancerId>(api::testing::kLb), "why"});
}

}  // namespace

int main() {
  api::testing::Certificates certificates;
  const auto ca = certificates.make_ca("ca");
  const auto server_identity = certificates.issue("ca", "server", api::testing::Certificates::Validity::now, "distributor-1");
  const auto client = certificates.issue("ca", "client");
  boost::asio::io_context io{1};
  api::testing::FakeBackend backend;
  fill(backend);
  api::Router router(backend);
  const api::ServerConfig config{.listen = {{"127.0.0.1", 0}},
                                 .certificate_file = server_identity.certificate_file,
                                 .key_file = server_identity.key_file,
                                 .client_ca_file = ca,
                                 .limits = {}};
  auto server = api::Server::create(io, config, router, {});
  if (!server) {
    std::cerr << server.error().message << "\n";
    return 1;
  }
  (*server)->start();
  json::array calls;
  for (const auto& route : api::routes()) calls.push_back(json::array{std::string(route.method), std::string(route.pattern)});
  std::cout << json::serialize(json::object{{"port", (*server)->ports().at(0)}, {"ca", ca}, {"certificate", client.certificate_file}, {"key", client.key_file},
                                            {"server_name", "distributor-1"}, {"calls", std::move(calls)}})
            << std::endl;
  boost::asio::posix::stream_descriptor input(io, ::dup(STDIN_FILENO));
  char byte = 0;
  input.async_read_some(boost::asio::buffer(&byte, 1), [&](boost::system::error_code, std::size_t) { io.stop(); });
  io.run();
}
