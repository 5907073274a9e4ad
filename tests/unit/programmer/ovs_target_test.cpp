// O6: the same programmer over a unix socket, TCP and TLS. The others' tests use the unix socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/unit/programmer/ovs_fixture.hpp"

namespace distributor::test {
namespace {

using programmer::parse_target;
using programmer::Target;
using ::testing::HasSubstr;

TEST(Target, IsReadAsOpenVswitchWritesIt) {  // O6
  EXPECT_EQ(parse_target("unix:/run/openvswitch/br.mgmt")->path, "/run/openvswitch/br.mgmt");
  const auto tcp = parse_target("tcp:192.0.2.1:6640");
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->kind, Target::Kind::tcp);
  EXPECT_EQ(tcp->text(), "tcp:192.0.2.1:6640");
  EXPECT_EQ(parse_target("tcp:192.0.2.1")->port, programmer::kOpenFlowPort);
  const auto tls = parse_target("ssl:[2001:db8::1]:6640");
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->host, "2001:db8::1");
  EXPECT_EQ(tls->text(), "ssl:[2001:db8::1]:6640");
  for (const char* bad : {"", "unix:", "tcp", "tcp:", "tcp:host:1", "tcp:192.0.2.1:", "tcp:192.0.2.1:0", "tcp:192.0.2.1:70000", "tcp:192.0.2.1:1x",
                          "ssl:[2001:db8::1", "ssl:[2001:db8::1]x", "udp:192.0.2.1"}) {
    const auto found = parse_target(bad);
    ASSERT_FALSE(found) << bad;
    EXPECT_THAT(found.error(), HasSubstr("wanted unix:PATH"));
  }
}

class OverTheNetwork : public Ovs {
 protected:
  static std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
    ::close(fd);
    return ntohs(address.sin_port);
  }
  Target listening(const std::string& passive, const std::string& active) {
    const auto port = std::to_string(free_port());
    sandbox->vsctl("set-controller br0 " + passive + ":" + port + ":127.0.0.1");
    return *parse_target(active + ":127.0.0.1:" + port);
  }
  // A CA, and a certificate of it for either side.
  void make_certificates() {
    const auto d = sandbox->directory();
    const std::string key = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout " + d + "/ca.key -out " + d + "/ca.pem";
    sandbox->run(key);
    for (const std::string who : {"bridge", "daemon"}) {
      sandbox->run("openssl req -newkey rsa:2048 -nodes -subj /CN=" + who + " -keyout " + d + "/" + who + ".key -out " + d + "/" + who + ".csr");
      sandbox->run("openssl x509 -req -days 2 -in " + d + "/" + who + ".csr -CA " + d + "/ca.pem -CAkey " + d + "/ca.key -CAcreateserial -out " + d +
                   "/" + who + ".pem");
    }
    sandbox->vsctl("set-ssl " + d + "/bridge.key " + d + "/bridge.pem " + d + "/ca.pem");
  }
  void expect_programmed(const Target& target) {
    Options options;
    options.target = target;
    Driver driver(loop, options);
    ASSERT_TRUE(driver.programmer.set_desired(kLb, load_balancer()));
    const auto report = driver.synchronise();
    EXPECT_EQ(report.groups_sent, 2U);
    sandbox->ofctl("del-groups", "br0");
    ASSERT_TRUE(loop.run_until([&] { return !driver.repaired.empty(); })) << "it hears of others' changes here as well";
    EXPECT_THAT(groups(), HasSubstr("group_id=1"));
  }
};

TEST_F(OverTheNetwork, TcpWorks) { expect_programmed(listening("ptcp", "tcp")); }  // O6

TEST_F(OverTheNetwork, TlsWorksWithCertificatesOfOneCa) {  // O6
  make_certificates();
  auto target = listening("pssl", "ssl");
  const auto d = sandbox->directory();
  target.tls = {d + "/daemon.pem", d + "/daemon.key", d + "/ca.pem"};
  expect_programmed(target);
}

TEST_F(OverTheNetwork, TlsRefusesABridgeOfAnotherCa) {  // O6
  make_certificates();
  auto target = listening("pssl", "ssl");
  const auto d = sandbox->directory();
  sandbox->run("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout " + d + "/other.key -out " + d + "/other.pem");
  target.tls = {d + "/daemon.pem", d + "/daemon.key", d + "/other.pem"};
  Options options;
  options.target = target;
  Driver driver(loop, options);
  ASSERT_TRUE(loop.run_until([&] { return !driver.losses.empty(); }));
  EXPECT_THAT(driver.losses[0], HasSubstr("certificate verify failed"));
  target.tls.private_key = d + "/nothing.key";
  options.target = target;
  Driver keyless(loop, options);
  ASSERT_TRUE(loop.run_until([&] { return !keyless.losses.empty(); }));
  EXPECT_THAT(keyless.losses[0], HasSubstr("nothing.key"));
}

}  // namespace
}  // namespace distributor::test
