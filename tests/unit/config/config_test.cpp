// The configuration file: what is read, and that every mistake is named with its key.
#include "node/config/config.hpp"

#include <gmock/gmock.h>

namespace distributor::node {
namespace {

using testing::HasSubstr;

constexpr const char* kStandalone = R"(
node_id = "node-1"
pair_id = "0f0e0d0c-1111-4222-8333-444455556666"
[api]
listen = ["0.0.0.0:9443", "[::]:9443"]
certificate = "/etc/distributor/server.pem"
client_ca = "/etc/distributor/client_ca.pem"
)";

constexpr const char* kPairSections = R"(
[peer]
node_id = "node-2"
bind = "tcp://198.51.100.1:9444"
connect = "tcp://198.51.100.2:9444"
own_key = "/etc/distributor/own.key"
peer_public = "/etc/distributor/peer.pub"
[keepalived]
interface = "eth0"
own_address = "198.51.100.1"
peer_address = "198.51.100.2"
management_vip = "198.51.100.10/24"
)";

std::string problems_of(const std::string& toml) {
  const auto config = parse_config(toml);
  if (config) return "accepted";
  std::string all;
  for (const auto& problem : config.error().problems) all += problem + "\n";
  return all;
}

TEST(Config, StandaloneNeedsNoPeer) {  // H9
  const auto config = parse_config(kStandalone);
  ASSERT_TRUE(config) << config.error().problems.front();
  EXPECT_FALSE(config->peer);
  EXPECT_FALSE(config->keepalived);
  ASSERT_EQ(config->api.listen.size(), 2U);
  EXPECT_EQ(config->api.listen[1].address.text(), "::");
  EXPECT_EQ(config->api.listen[1].port, 9443);
  EXPECT_EQ(config->fifo(), "/run/distributor/vrrp.fifo");
}

TEST(Config, ProfileChoosesTheInterval) {  // H5
  const auto pair = std::string(kStandalone) + kPairSections;
  EXPECT_EQ(parse_config(pair)->keepalived->advert_interval.count(), 100);
  EXPECT_EQ(parse_config(pair + "profile = \"safe\"\n")->keepalived->advert_interval.count(), 1000);
  EXPECT_EQ(parse_config(pair + "profile = \"fast\"\n")->keepalived->advert_interval.count(), 50);
  EXPECT_EQ(parse_config(pair + "profile = \"extreme\"\n")->keepalived->advert_interval.count(), 20);
  EXPECT_EQ(parse_config(pair + "profile = \"fast\"\nadvert_interval_ms = 70\n")->keepalived->advert_interval.count(), 70);
  EXPECT_THAT(problems_of(pair + "profile = \"warp\"\n"), HasSubstr("keepalived.profile: wanted one of safe, default, fast, extreme"));
  EXPECT_THAT(problems_of(pair + "profile = \"extreme\"\nrealtime = false\n"), HasSubstr("keepalived.realtime"));
}

TEST(Config, AnnouncementsAndThePeersMacAreChosen) {  // D5, H5
  const auto pair = std::string(kStandalone) + kPairSections;
  const auto config = parse_config(pair + "peer_mac = \"02:00:00:00:0a:02\"\n[announce]\nrounds = 7\ninterval_ms = 250\nrefresh_s = 0\n");
  ASSERT_TRUE(config) << config.error().problems.front();
  EXPECT_EQ(config->keepalived->peer_mac->text(), "02:00:00:00:0a:02");
  EXPECT_EQ(config->announce.rounds, 7);
  EXPECT_EQ(config->announce.interval.count(), 250);
  EXPECT_EQ(config->announce.refresh.count(), 0);
  EXPECT_THAT(problems_of(pair + "peer_mac = \"nonsense\"\n"), HasSubstr("keepalived.peer_mac"));
  EXPECT_THAT(problems_of(pair + "[announce]\nrounds = 0\n"), HasSubstr("announce.rounds"));
}

TEST(Config, PairIsReadWhole) {
  const auto config = parse_config(std::string(kStandalone) + kPairSections);
  ASSERT_TRUE(config) << config.error().problems.front();
  ASSERT_TRUE(config->peer);
  EXPECT_EQ(config->peer->peer_public, "/etc/distributor/peer.pub");
  ASSERT_TRUE(config->keepalived);
  EXPECT_EQ(config->keepalived->management_vip.text(), "198.51.100.10");
  EXPECT_EQ(config->keepalived->management_prefix, 24);
}

TEST(Config, OpenflowTargetsMayBeElsewhere) {  // O6
  EXPECT_EQ(parse_config(kStandalone)->openflow.target.path, "") << "the management socket in run_dir";
  const auto tls = std::string(kStandalone) + "[openflow]\ntarget = \"ssl:127.0.0.1\"\n";
  const auto files = "certificate = \"/c.pem\"\nprivate_key = \"/k.pem\"\nca = \"/ca.pem\"\n";
  const auto config = parse_config(tls + files);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->openflow.target.text(), "ssl:127.0.0.1:6653");
  EXPECT_EQ(config->openflow.target.tls.ca, "/ca.pem");
  EXPECT_THAT(problems_of(tls), HasSubstr("openflow.private_key: is required with an ssl: target"));
  EXPECT_THAT(problems_of(std::string(kStandalone) + "[openflow]\ntarget = \"tcp:bridge\"\n"), HasSubstr("openflow.target: wanted unix:PATH"));
}

TEST(Config, LimitsMayBeLowered) {  // L6
  EXPECT_EQ(parse_config(kStandalone)->ceilings, Ceilings{});
  const auto config = parse_config(std::string(kStandalone) + "[limits]\nload_balancers_max = 20\nslots_max = 8\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->ceilings, (Ceilings{.load_balancers_max = 20, .slots_max = 8}));
  EXPECT_TRUE(parse_config(std::string(kStandalone) + "[limits]\nmode = \"dedicated\"\n")->ceilings.dedicated);
}

TEST(Config, EveryMistakeIsNamedWithItsKey) {
  const std::string standalone = kStandalone;
  const struct {
    const char* description;
    std::string toml;
    const char* wanted;
  } cases[] = {
      {"not TOML", "node_id = ", "line 1"},
      {"unknown key at the root", "surprise = 1\n" + standalone, "surprise: unknown key"},
      {"unknown key in a section", standalone + "[openflow]\nbrigde = \"br0\"\n", "openflow.brigde: unknown key"},
      {"required key missing", "pair_id = \"x\"\n[api]\nlisten=\"0.0.0.0:1\"\ncertificate=\"/c\"\nclient_ca=\"/d\"\n", "node_id: is required"},
      {"section missing", "node_id = \"n\"\npair_id = \"x\"\n", "api: this section is required"},
      {"wrong type", standalone + "[replication]\nsolo_after_ms = \"soon\"\n", "replication.solo_after_ms: wanted a whole number from 500 to 60000"},
      {"out of range", standalone + "[gatekeeper]\ngrace_ms = 1\n", "gatekeeper.grace_ms: wanted a whole number"},
      {"metrics beyond loopback", standalone + "[metrics]\nlisten = \"0.0.0.0:9464\"\n", "metrics.listen: wanted a loopback"},
      {"bad endpoint", "node_id=\"n\"\npair_id=\"x\"\n[api]\nlisten=[\"here\"]\ncertificate=\"/c\"\nclient_ca=\"/d\"\n", "api.listen: wanted ADDRESS:PORT"},
      {"peer without keepalived", standalone + "[peer]\nnode_id = \"node-2\"\n", "keepalived: a pair needs this section"},
      {"peer is oneself", standalone + "[peer]\nnode_id = \"node-1\"\n", "peer.node_id: is this node's own"},
      {"mode", standalone + "[limits]\nmode = \"private\"\n", "limits.mode: wanted \"shared\" or \"dedicated\""},
      {"above the hard limit", standalone + "[limits]\nslots_max = 257\n", "limits.slots_max: wanted a whole number from 1 to 256"},
      {"dedicated to several", standalone + "[limits]\nmode = \"dedicated\"\nload_balancers_max = 5\n", "limits.load_balancers_max: has no meaning"},
      {"relative path", standalone + "[admin]\nsocket = \"admin.sock\"\n", "admin.socket: wanted an absolute path"},
  };
  for (const auto& one : cases) EXPECT_THAT(problems_of(one.toml), HasSubstr(one.wanted)) << one.description;
}

}  // namespace
}  // namespace distributor::node
