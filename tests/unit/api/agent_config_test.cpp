// /etc/octavia/amphora-agent.conf as Octavia renders it, and what is wrong with others (P2, L2).
#include "api/agent_config/agent_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distributor::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// As Octavia's template renders it, shortened by options of the same kinds.
constexpr const char* kRendered = R"([DEFAULT]
debug = False
use_syslog = True

[haproxy_amphora]
base_cert_dir = /var/lib/octavia/certs
bind_host = ::
bind_port = 9443
respawn_count = 2

[health_manager]
controller_ip_port_list = 192.0.2.10:5555, [2001:db8::a]:5555,2001:db8::b:5556
heartbeat_interval = 10
heartbeat_key = insecure-heartbeat-key

[amphora_agent]
agent_server_ca = /etc/octavia/certs/client_ca.pem
agent_server_cert = /etc/octavia/certs/server.pem
agent_request_read_timeout = 180
amphora_id = 6f0c5a0e-6b8e-4d6c-9a53-0d5b1a3e7f10
amphora_udp_driver = keepalived_lvs

[controller_worker]
loadbalancer_topology = ACTIVE_STANDBY
)";

TEST(AgentConfig, ReadsWhatOctaviaRenders) {
  const auto config = parse_agent_config(kRendered);
  ASSERT_TRUE(config) << config.error().front();
  EXPECT_EQ(config->bind_host, IpAddress::parse("::").value());
  EXPECT_EQ(config->bind_port, 9443);
  ASSERT_TRUE(config->controllers);
  std::vector<std::string> controllers;
  for (const auto& one : *config->controllers) controllers.push_back(one.text());
  EXPECT_THAT(controllers, ElementsAre("192.0.2.10:5555", "[2001:db8::a]:5555", "[2001:db8::b]:5556"));
  EXPECT_EQ(config->heartbeat_interval, std::chrono::seconds(10));
  EXPECT_EQ(config->heartbeat_key, "insecure-heartbeat-key");
  EXPECT_EQ(config->agent_server_ca, "/etc/octavia/certs/client_ca.pem");
  EXPECT_EQ(config->agent_server_cert, "/etc/octavia/certs/server.pem");
  EXPECT_EQ(config->amphora_id, "6f0c5a0e-6b8e-4d6c-9a53-0d5b1a3e7f10");
}

TEST(AgentConfig, SyntaxIsOslos) {
  const auto config = parse_agent_config(
      "# comment\r\n; comment\r\n[health_manager]\r\nheartbeat_key : \"quoted = #key\"\r\ncontroller_ip_port_list = 192.0.2.1:1,\r\n"
      "  192.0.2.2:2\r\n\r\n[amphora_agent]\r\namphora_id=one\r\namphora_id=two\r\n");
  ASSERT_TRUE(config) << config.error().front();
  EXPECT_EQ(config->heartbeat_key, "quoted = #key");
  EXPECT_EQ(config->controllers->size(), 2U);
  EXPECT_EQ(config->amphora_id, "two");
}

TEST(AgentConfig, EmptyTextAndEmptyValuesSayNothing) {
  EXPECT_EQ(parse_agent_config("").value(), AgentConfig{});
  EXPECT_EQ(parse_agent_config("[health_manager]\nheartbeat_key =\ncontroller_ip_port_list =\n").value(), AgentConfig{});
}

TEST(AgentConfig, UnknownKeysAreOctavias) {
  EXPECT_EQ(parse_agent_config("[DEFAULT]\nanything = goes\n[other]\nbind_port = far too much\n").value(), AgentConfig{});
}

TEST(AgentConfig, NamesWhatIsWrong) {
  struct Bad {
    const char* text;
    const char* said;
  };
  const std::vector<Bad> table = {
      {"garbage", "line 1: wanted [SECTION] or KEY = VALUE"},
      {"[a]\n[b\n", "line 2: wanted [SECTION]"},
      {"  indented = 1\n", "line 1: wanted a section or KEY = VALUE at the beginning"},
      {"= nothing\n", "line 1: wanted [SECTION] or KEY = VALUE"},
      {"[health_manager]\nheartbeat_interval = 0\n", "health_manager.heartbeat_interval (line 2): wanted whole seconds from 1 to 3600, found '0'"},
      {"[health_manager]\nheartbeat_interval = ten\n", "found 'ten'"},
      {"[health_manager]\ncontroller_ip_port_list = host:5555\n", "wanted ADDRESS:PORT"},
      {"[health_manager]\ncontroller_ip_port_list = 192.0.2.1\n", "wanted ADDRESS:PORT"},
      {"[health_manager]\ncontroller_ip_port_list = 192.0.2.1:0\n", "wanted ADDRESS:PORT"},
      {"[haproxy_amphora]\nbind_host = somewhere\n", "haproxy_amphora.bind_host (line 2): wanted an IPv4 or IPv6 address"},
      {"[haproxy_amphora]\nbind_port = 65536\n", "haproxy_amphora.bind_port (line 2): wanted a port"},
      {"[amphora_agent]\nagent_server_cert = certs/server.pem\n", "amphora_agent.agent_server_cert (line 2): wanted an absolute path"},
  };
  for (const auto& bad : table) {
    const auto config = parse_agent_config(bad.text);
    ASSERT_FALSE(config) << bad.text;
    EXPECT_THAT(config.error().front(), HasSubstr(bad.said)) << bad.text;
  }
  EXPECT_THAT(parse_agent_config(std::string("a = \0b", 6)).error().front(), HasSubstr("control character"));
  EXPECT_THAT(parse_agent_config(std::string(kAgentConfigBytesMax + 1, '\n')).error().front(), HasSubstr("wanted at most 65536 bytes"));
}

TEST(AgentConfig, AKeyIsNeverShown) {
  const auto config = parse_agent_config("[health_manager]\nheartbeat_key = " + std::string(kHeartbeatKeyBytesMax + 1, 'k') + "\n");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().front(), ::testing::Not(HasSubstr("kkk")));
}

}  // namespace
}  // namespace distributor::api
