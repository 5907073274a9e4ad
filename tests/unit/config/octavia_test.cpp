// What Octavia injected, and what distributord.toml says before it.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "node/config/config.hpp"
#include "tests/unit/scratch_folder.hpp"

namespace distributor::node {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kInjected = R"([haproxy_amphora]
bind_host = ::
bind_port = 9444
[health_manager]
controller_ip_port_list = 192.0.2.10:5555
heartbeat_key = secret
[amphora_agent]
agent_server_ca = /etc/octavia/certs/client_ca.pem
agent_server_cert = /etc/octavia/certs/server.pem
amphora_id = 6f0c5a0e-6b8e-4d6c-9a53-0d5b1a3e7f10
)";

ReadAgentConfig file_of(const std::string& content, const std::string& at = "/etc/octavia/amphora-agent.conf") {
  return [=](const std::filesystem::path& path) { return path == at ? std::optional<std::string>(content) : std::nullopt; };
}

std::string problems_of(const std::string& toml, const ReadAgentConfig& read = {}) {
  const auto config = parse_config(toml, read);
  if (config) return "accepted";
  std::string all;
  for (const auto& problem : config.error().problems) all += problem + "\n";
  return all;
}

TEST(OctaviaConfig, WhatOctaviaInjectedIsEnough) {
  const auto config = parse_config("node_id = \"node-1\"", file_of(kInjected));
  ASSERT_TRUE(config) << config.error().problems.front();
  EXPECT_EQ(config->pair_id, "6f0c5a0e-6b8e-4d6c-9a53-0d5b1a3e7f10");
  ASSERT_EQ(config->api.listen.size(), 2U) << "Octavia's :: is both families";
  EXPECT_EQ(config->api.listen[0].address.text(), "::");
  EXPECT_EQ(config->api.listen[1].address.text(), "0.0.0.0");
  EXPECT_EQ(config->api.listen[1].port, 9444);
  EXPECT_EQ(config->api.certificate, "/etc/octavia/certs/server.pem");
  EXPECT_EQ(config->api.client_ca, "/etc/octavia/certs/client_ca.pem");
  EXPECT_EQ(config->octavia.agent->heartbeat_key, "secret");
}

TEST(OctaviaConfig, OurOwnFileCountsFirst) {
  const auto config = parse_config(R"(
node_id = "node-1"
pair_id = "own-id"
[octavia]
config = "/run/agent.conf"
[api]
listen = ["198.51.100.1:1234"]
certificate = "/own.pem"
client_ca = "/own_ca.pem"
[heartbeat]
controllers = ["[2001:db8::1]:6000"]
key = "own"
interval_s = 3
receiver_port = 6001
)",
                                   file_of(kInjected, "/run/agent.conf"));
  ASSERT_TRUE(config) << config.error().problems.front();
  EXPECT_EQ(config->pair_id, "own-id");
  ASSERT_EQ(config->api.listen.size(), 1U);
  EXPECT_EQ(config->api.certificate, "/own.pem");
  EXPECT_EQ(config->heartbeat.controllers.at(0).text(), "[2001:db8::1]:6000");
  EXPECT_EQ(config->heartbeat.key, "own");
  EXPECT_EQ(config->heartbeat.interval, std::chrono::seconds(3));
  EXPECT_EQ(config->heartbeat.receiver_port, 6001);
  EXPECT_TRUE(config->octavia.agent);
}

TEST(OctaviaConfig, WithoutAnInjectedFileOurOwnMustSayAll) {
  EXPECT_THAT(problems_of("node_id = \"node-1\""), HasSubstr("pair_id: is required"));
  EXPECT_THAT(problems_of("node_id = \"node-1\""), HasSubstr("api: this section is required"));
}

TEST(OctaviaConfig, MistakesAreNamed) {
  const std::string toml = "node_id = \"node-1\"\n";
  EXPECT_THAT(problems_of(toml, file_of("[health_manager]\nheartbeat_interval = ten\n")),
              HasSubstr("octavia.config: /etc/octavia/amphora-agent.conf: health_manager.heartbeat_interval (line 2): wanted whole seconds"));
  EXPECT_THAT(problems_of(toml + "[octavia]\nconfig = \"relative\"\n"), HasSubstr("octavia.config: wanted an absolute path"));
  EXPECT_THAT(problems_of(toml + "[heartbeat]\ncontrollers = [\"somewhere\"]\n"), HasSubstr("heartbeat.controllers: wanted ADDRESS:PORT"));
  EXPECT_THAT(problems_of(toml + "[heartbeat]\ninterval_s = 0\n"), HasSubstr("heartbeat.interval_s: wanted a whole number from 1 to 3600"));
  EXPECT_THAT(problems_of(toml + "[heartbeat]\nintervall = 1\n"), HasSubstr("heartbeat.intervall: unknown key"));
}

TEST(OctaviaConfig, AFileThatIsThereAndCannotBeReadIsNoAbsentOne) {
  const test::ScratchFolder folder;
  const std::string agent = folder / "agent";
  std::ofstream(folder / "distributord.toml") << "node_id = \"node-1\"\n[octavia]\nconfig = \"" << agent << "\"\n";
  const auto problems = [&] {
    const auto config = load_config(folder / "distributord.toml");
    return config ? std::string("accepted") : ::testing::PrintToString(config.error().problems);
  };
  EXPECT_THAT(problems(), Not(HasSubstr("cannot be read"))) << "absent: nothing was injected";
  std::ofstream(agent).flush();
  EXPECT_THAT(problems(), Not(HasSubstr("cannot be read"))) << "empty";
  std::filesystem::remove(agent);
  std::filesystem::create_directory(agent);  // root reads every file: a folder is what nobody can
  EXPECT_THAT(problems(), HasSubstr("octavia.config: " + agent + ": it is there and cannot be read"));
}

}  // namespace
}  // namespace distributor::node
