// Who is let in: TLS versions and client certificates over real connections (P1).
#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <fstream>

#include "tests/unit/api/server_fixture.hpp"

namespace distributor::api {
namespace {

using testing::Certificates;
using testing::ClientOptions;
using ::testing::HasSubstr;
using testing::http_request;
using testing::kLb;
using testing::kPlugBody;
using testing::kRegisterBody;
using testing::ServerTest;
using testing::TlsClient;

class TlsServerTest : public ServerTest, public ::testing::WithParamInterface<int> {
 protected:
  // A change that would stand if the client were let in.
  void expect_refused(ClientOptions options) {
    options.tls_version = GetParam();
    const auto before = digest();
    const std::string request = http_request("POST", std::string("/1.0/loadbalancer/") + kLb + "/plug", kPlugBody);
    EXPECT_FALSE(ask(options, request));
    EXPECT_EQ(digest(), before);
    EXPECT_EQ(stats().requests, 0U);
    EXPECT_TRUE(eventually([&] { return server->stats().handshakes_failed == 1; }));
  }
};

TEST_P(TlsServerTest, ClientOfTheCaIsServed) {  // P1
  start();
  ClientOptions options = client();
  options.tls_version = GetParam();
  TlsClient connection(options);
  ASSERT_TRUE(connection.handshake());
  EXPECT_EQ(connection.tls_version(), GetParam() == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
  ASSERT_TRUE(connection.send(http_request("GET", "/")));
  const auto reply = connection.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, R"({"api_version":"1.0"})");
}

TEST_P(TlsServerTest, NoClientCertificateIsRefused) {  // P1
  start();
  ClientOptions options = client();
  options.identity.reset();
  expect_refused(options);
}

TEST_P(TlsServerTest, CertificateOfAnotherCaIsRefused) {  // P1
  start();
  ClientOptions options = client();
  options.identity = certificates.issue("other-ca", "stranger");
  expect_refused(options);
}

TEST_P(TlsServerTest, ExpiredCertificateIsRefused) {  // P1
  start();
  ClientOptions options = client();
  options.identity = certificates.issue("client-ca", "old", Certificates::Validity::expired);
  expect_refused(options);
}

TEST_P(TlsServerTest, CertificateThatIsNotValidYetIsRefused) {  // P1
  start();
  ClientOptions options = client();
  options.identity = certificates.issue("client-ca", "early", Certificates::Validity::not_yet);
  expect_refused(options);
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsServerTest, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_F(ServerTest, OlderTlsIsRefused) {  // P1
  start();
  ClientOptions options = client();
  options.tls_version = TLS1_1_VERSION;
  EXPECT_FALSE(ask(options, http_request("GET", "/")));
}

TEST_F(ServerTest, PlainHttpAndNoiseAreRefusedAtTheHandshake) {  // P1, X3
  start();
  const std::string noise(1024 * 1024, '\x5a');
  for (const std::string& bytes : {http_request("GET", "/"), noise}) {
    TlsClient connection(client());
    connection.send_raw(bytes);  // may fail half-way: the server closes as soon as it sees what it is
    EXPECT_TRUE(connection.closed_by_server());
  }
  EXPECT_TRUE(
      eventually([&] { return server->stats().handshakes_failed == 2 && server->stats().connections_open == 0; }));
  EXPECT_EQ(stats().requests, 0U);
  EXPECT_THAT(on_loop([&] { return log; }), ::testing::Contains(HasSubstr("TLS handshake with 127.0.0.1 refused")));
}

TEST_F(ServerTest, SwappedCertificateIsForNewConnectionsOnly) {  // P2
  start();
  TlsClient old_one(client());
  ASSERT_TRUE(old_one.handshake());
  ASSERT_TRUE(old_one.send(http_request("GET", "/")));
  ASSERT_TRUE(old_one.receive());

  const auto other_ca = certificates.path("other-ca.pem");
  const auto identity = certificates.issue("other-ca", "server-2", Certificates::Validity::now, "distributor-1");
  const auto swapped =
      on_loop([&] { return server->swap_certificate(identity.certificate_file, identity.key_file, other_ca); });
  ASSERT_TRUE(swapped) << swapped.error().message;

  ASSERT_TRUE(old_one.send(http_request("GET", "/")));
  EXPECT_TRUE(old_one.receive());
  EXPECT_FALSE(ask(client(), http_request("GET", "/")));
  ClientOptions fresh = client();
  fresh.ca_file = other_ca;
  fresh.identity = certificates.issue("other-ca", "octavia-2");
  EXPECT_TRUE(ask(fresh, http_request("GET", "/")));
}

TEST_F(ServerTest, UnusableCertificateIsRefusedAndTheOldOneStays) {  // P2
  start();
  const auto stranger = certificates.issue("client-ca", "stranger");
  std::ofstream(certificates.path("noise.pem")) << "noise";
  const auto swap = [&](const std::string& certificate, const std::string& key, const std::string& ca) {
    const auto swapped = on_loop([&] { return server->swap_certificate(certificate, key, ca); });
    return swapped ? std::string() : swapped.error().message;
  };
  const auto& good = server_identity;
  EXPECT_THAT(swap(certificates.path("absent.pem"), good.key_file, ca_file), HasSubstr("absent.pem"));
  EXPECT_THAT(swap(certificates.path("noise.pem"), good.key_file, ca_file), HasSubstr("noise.pem"));
  EXPECT_THAT(swap(good.certificate_file, stranger.key_file, ca_file), HasSubstr(stranger.key_file));
  EXPECT_THAT(swap(good.certificate_file, good.key_file, certificates.path("noise.pem")), HasSubstr("client CAs"));
  EXPECT_TRUE(ask(client(), http_request("GET", "/")));
}

TEST_F(ServerTest, ListensOnAnAddressThatIsNotHereYet) {  // H5: the management address may be the peer's
  ServerConfig elsewhere = config();
  elsewhere.listen = {{"127.0.0.1", 0}, {"192.0.2.201", 9443}, {"2001:db8::201", 9443}};
  const auto created = Server::create(io, elsewhere, router, {});
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ((*created)->ports().size(), 3U);
}

TEST_F(ServerTest, SaysWhatItCannotListenOn) {
  ServerConfig wrong = config();
  wrong.listen = {{"distributor.example", 9443}};
  EXPECT_THAT(Server::create(io, wrong, router, {}).error().message, HasSubstr("distributor.example"));
  wrong.listen = {};
  EXPECT_THAT(Server::create(io, wrong, router, {}).error().message, HasSubstr("an address to listen on"));
}

}  // namespace
}  // namespace distributor::api
