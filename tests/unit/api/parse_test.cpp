// Bodies and queries into commands: what is understood, and which field a bad one is refused for (P3, P5-P8, X3).
#include "api/json/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/api/fake_backend.hpp"

namespace distributor::api {
namespace {

using ::testing::HasSubstr;
using testing::kLb;
using testing::kPlugBody;
using testing::parsed;

const LoadBalancerId kId = parsed<LoadBalancerId>(kLb);
const NodeId kNode = parsed<NodeId>("node-a");

TEST(ParsePlug, UnderstandsEveryFieldOfTheSeed) {  // P3
  const auto plug = parse_plug(kId, kPlugBody, kNode);
  ASSERT_TRUE(plug) << details_of(plug.error());
  ASSERT_EQ(plug->vips.size(), 1U);
  EXPECT_EQ(plug->lb, kId);
  EXPECT_EQ(plug->vips[0].address.text(), "192.0.2.10");
  EXPECT_EQ(plug->vips[0].subnet.text(), "192.0.2.0/24");
  EXPECT_EQ(plug->vips[0].gateway->text(), "192.0.2.1");
  ASSERT_EQ(plug->vips[0].host_routes.size(), 1U);
  EXPECT_EQ(plug->vips[0].host_routes[0].destination.text(), "198.51.100.0/24");
  EXPECT_EQ(plug->vips[0].host_routes[0].next_hop.text(), "192.0.2.2");
  ASSERT_EQ(plug->nodes.size(), 1U);
  EXPECT_EQ(plug->nodes[0].node, kNode);
  EXPECT_EQ(plug->nodes[0].mac.text(), "02:00:00:00:00:0a");
  EXPECT_EQ(plug->nodes[0].vrrp_ip->text(), "192.0.2.11");
  EXPECT_EQ(plug->affinity, Affinity::source_ip);
  EXPECT_EQ(plug->cluster_size, 4U);
  EXPECT_FALSE(plug->hash_seed);
}

TEST(ParsePlug, UnderstandsAPairsInterfacesAndMoreVips) {  // P3, D13
  const auto plug = parse_plug(
      kId,
      R"({"lb_id":"5D9B1F2C-6A4E-4C8E-9D41-0A5B7E3F2C11","vip_address":"192.0.2.10","subnet_cidr":"192.0.2.0/24","gateway":null,
          "nodes":[{"node_id":"node-a","mac_address":"02:00:00:00:00:0a","vlan":7},
                   {"node_id":"node-b","mac_address":"02:00:00:00:00:0b","vrrp_ip":"192.0.2.12"}],
          "additional_vips":[{"ip_address":"2001:db8::10","subnet_cidr":"2001:db8::/64","gateway":"2001:db8::1","host_routes":[]},
                             {"vip_address":"192.0.2.20","subnet_cidr":"192.0.2.0/24"}],
          "mtu":1450,"hash_seed":"00ff00ff00ff00ff","forwarding_mode":"hairpin",
          "alg_extras":{"algorithm":"hash","affinity":"Source_IP_AND_port"}})",
      kNode);
  ASSERT_TRUE(plug) << details_of(plug.error());
  ASSERT_EQ(plug->nodes.size(), 2U);
  EXPECT_EQ(plug->nodes[0].vlan, 7);
  EXPECT_EQ(plug->nodes[1].node.text(), "node-b");
  ASSERT_EQ(plug->vips.size(), 3U);
  EXPECT_FALSE(plug->vips[0].gateway);
  EXPECT_EQ(plug->vips[1].address.text(), "2001:db8::10");
  EXPECT_EQ(plug->mtu, 1450);
  EXPECT_EQ(plug->hash_seed, 0x00ff00ff00ff00ffULL);
  EXPECT_EQ(plug->mode, ForwardingMode::hairpin);
  EXPECT_EQ(plug->affinity, Affinity::source_ip_and_port);
}

TEST(ParsePlug, TakesTheSeedAsANumberOfFullWidthToo) {  // H1: what Octavia stored, in the form that it has
  const std::string head =
      R"({"vip_address":"192.0.2.10","subnet_cidr":"192.0.2.0/24","mac_address":"02:00:00:00:00:0a","hash_seed":)";
  EXPECT_EQ(parse_plug(kId, head + "18446744073709551615}", kNode)->hash_seed, 18446744073709551615ULL);
  EXPECT_EQ(parse_plug(kId, head + "0}", kNode)->hash_seed, 0U);
  EXPECT_EQ(parse_plug(kId, head + "\"FFFFFFFFFFFFFFFF\"}", kNode)->hash_seed, 18446744073709551615ULL);
}

struct BadBody {
  const char* what;
  std::string body;
  ErrorCode code;
  const char* field;
  const char* said;
};

std::string plug_with(const std::string& fields) {
  return R"({"vip_address":"192.0.2.10","subnet_cidr":"192.0.2.0/24")" + fields + "}";
}
std::string good_plug_with(const std::string& fields) {
  return plug_with(R"(,"mac_address":"02:00:00:00:00:0a")" + fields);
}

TEST(ParsePlug, NamesTheFieldThatIsWrong) {  // P3, P8, X3
  const auto kInvalid = ErrorCode::invalid_field;
  const std::vector<BadBody> table = {
      {"empty", "", ErrorCode::malformed_json, "", "empty body"},
      {"truncated", R"({"vip_address":"192.0)", ErrorCode::malformed_json, "", "incomplete"},
      {"no object", "[]", ErrorCode::malformed_json, "", "found an array"},
      {"two documents", "{}{}", ErrorCode::malformed_json, "", ""},
      {"too deep", std::string(100, '[') + std::string(100, ']'), ErrorCode::malformed_json, "", "8 levels"},
      {"bad UTF-8", "{\"vip_address\":\"\xff\xfe\"}", ErrorCode::malformed_json, "", "error at byte"},
      {"field twice", good_plug_with(R"(,"mtu":1450,"mtu":1500)"), ErrorCode::malformed_json, "mtu", "twice"},
      {"field twice, escaped", good_plug_with(R"(,"mtu":1450,"m\u0074u":1500)"), ErrorCode::malformed_json, "mtu",
       "twice"},
      {"unknown field", good_plug_with(R"(,"vip":"x")"), ErrorCode::unknown_field, "vip", "wanted one of"},
      {"unknown field inside", good_plug_with(R"(,"alg_extras":{"colour":"red"})"), ErrorCode::unknown_field,
       "alg_extras.colour", ""},
      {"unprintable name", good_plug_with(R"(,"\n\u0001":"x")"), ErrorCode::unknown_field, "??", ""},
      {"no VIP", R"({"subnet_cidr":"192.0.2.0/24","mac_address":"02:00:00:00:00:0a"})", kInvalid, "vip_address",
       "found nothing"},
      {"no subnet", R"({"vip_address":"192.0.2.10","mac_address":"02:00:00:00:00:0a"})", kInvalid, "subnet_cidr",
       "found nothing"},
      {"VIP is a number", R"({"vip_address":7,"subnet_cidr":"192.0.2.0/24"})", kInvalid, "vip_address",
       "found a number (7)"},
      {"VIP is no address", R"({"vip_address":"example.net","subnet_cidr":"192.0.2.0/24"})", kInvalid, "vip_address",
       "example.net"},
      {"VIP outside its subnet", R"({"vip_address":"198.51.100.1","subnet_cidr":"192.0.2.0/24"})", kInvalid,
       "vip_address", "wanted an address in 192.0.2.0/24"},
      {"no subnet form", R"({"vip_address":"192.0.2.10","subnet_cidr":"192.0.2.0"})", kInvalid, "subnet_cidr",
       "192.0.2.0"},
      {"prefix too long", R"({"vip_address":"192.0.2.10","subnet_cidr":"192.0.2.0/33"})", kInvalid, "subnet_cidr", ""},
      {"gateway is true", good_plug_with(R"(,"gateway":true)"), kInvalid, "gateway", "found true"},
      {"no interface", plug_with(""), kInvalid, "mac_address", "found neither"},
      {"vrrp_ip alone", plug_with(R"(,"vrrp_ip":"192.0.2.11")"), kInvalid, "vrrp_ip", "found alone"},
      {"bad MAC", plug_with(R"(,"mac_address":"02:00:00:00:00")"), kInvalid, "mac_address", "02:00:00:00:00"},
      {"bad vrrp_ip", good_plug_with(R"(,"vrrp_ip":"192.0.2.999")"), kInvalid, "vrrp_ip", "192.0.2.999"},
      {"VLAN 0", good_plug_with(R"(,"vlan":0)"), kInvalid, "vlan", "from 1 to 4094"},
      {"nodes is an object", plug_with(R"(,"nodes":{})"), kInvalid, "nodes", "wanted an array, found an object"},
      {"node is a string", plug_with(R"(,"nodes":["a"])"), kInvalid, "nodes[0]", "wanted an object"},
      {"node without name", plug_with(R"(,"nodes":[{"mac_address":"02:00:00:00:00:0a"}])"), kInvalid,
       "nodes[0].node_id", ""},
      {"node without MAC", plug_with(R"(,"nodes":[{"node_id":"a"}])"), kInvalid, "nodes[0].mac_address", ""},
      {"bad node name", plug_with(R"(,"nodes":[{"node_id":"a b","mac_address":"02:00:00:00:00:0a"}])"), kInvalid,
       "nodes[0].node_id", ""},
      {"two interfaces of one node",
       good_plug_with(R"(,"nodes":[{"node_id":"node-a","mac_address":"02:00:00:00:00:0b"}])"), kInvalid, "mac_address",
       "found two that differ"},
      {"routes is a string", good_plug_with(R"(,"host_routes":"none")"), kInvalid, "host_routes", "wanted an array"},
      {"route without next hop", good_plug_with(R"(,"host_routes":[{"destination":"0.0.0.0/0"}])"), kInvalid,
       "host_routes[0].nexthop", ""},
      {"bad destination", good_plug_with(R"(,"host_routes":[{"destination":"x","nexthop":"192.0.2.1"}])"), kInvalid,
       "host_routes[0].destination", ""},
      {"algorithm", good_plug_with(R"(,"alg_extras":{"algorithm":"round_robin"})"), kInvalid, "alg_extras.algorithm",
       "round_robin"},
      {"affinity", good_plug_with(R"(,"alg_extras":{"affinity":"source_ip"})"), kInvalid, "alg_extras.affinity",
       "Source_IP_AND_port"},
      {"extras is a string", good_plug_with(R"(,"alg_extras":"hash")"), kInvalid, "alg_extras", "wanted an object"},
      {"cluster of none", good_plug_with(R"(,"cluster_size":0)"), kInvalid, "cluster_size", "from 1 to 256"},
      {"cluster of a half", good_plug_with(R"(,"cluster_size":1.5)"), kInvalid, "cluster_size", "whole number"},
      {"cluster as text", good_plug_with(R"(,"cluster_size":"4")"), kInvalid, "cluster_size", "found a string (\"4\")"},
      {"MTU", good_plug_with(R"(,"mtu":100)"), kInvalid, "mtu", "from 576"},
      {"negative seed", good_plug_with(R"(,"hash_seed":-1)"), kInvalid, "hash_seed", "found a number (-1)"},
      {"short seed", good_plug_with(R"(,"hash_seed":"ff")"), kInvalid, "hash_seed", "16 hexadecimal digits"},
      {"seed of other letters", good_plug_with(R"(,"hash_seed":"00ff00ff00ff00fg")"), kInvalid, "hash_seed",
       "16 hexadecimal digits"},
      {"mode", good_plug_with(R"(,"forwarding_mode":"nat")"), kInvalid, "forwarding_mode", "hairpin"},
      {"another id", good_plug_with(R"(,"lb_id":"6e2bc8a0-2548-4fb7-a5f0-fb1ef4a696ce")"), kInvalid, "lb_id",
       "wanted the id of the path"},
      {"both names of a VIP",
       good_plug_with(
           R"(,"additional_vips":[{"ip_address":"192.0.2.20","vip_address":"192.0.2.20","subnet_cidr":"192.0.2.0/24"}])"),
       kInvalid, "additional_vips[0].ip_address", "found both"},
      {"additional VIP outside",
       good_plug_with(R"(,"additional_vips":[{"ip_address":"192.0.3.20","subnet_cidr":"192.0.2.0/24"}])"), kInvalid,
       "additional_vips[0].ip_address", "wanted an address in"},
      {"long text", good_plug_with(R"(,"gateway":")" + std::string(100'000, 'x') + "\""), kInvalid, "gateway",
       "at most 256 bytes"},
  };
  for (const auto& bad : table) {
    const auto plug = parse_plug(kId, bad.body, kNode);
    ASSERT_FALSE(plug) << bad.what;
    EXPECT_EQ(plug.error().code, bad.code) << bad.what << ": " << details_of(plug.error());
    EXPECT_EQ(plug.error().field, bad.field) << bad.what << ": " << details_of(plug.error());
    EXPECT_THAT(plug.error().message, HasSubstr(bad.said)) << bad.what;
    EXPECT_LT(details_of(plug.error()).size(), 1000U) << bad.what;
  }
}

TEST(ParseRegister, UnderstandsPositionIdAndRole) {  // P6
  const auto command = parse_register(
      kId, R"({"amphorae":[{"mac_address":"02-00-00-00-01-01","position":3,"amphora_id":"a1","role":"active"},
                           {"mac_address":"02:00:00:00:01:02","role":"standby"},{"mac_address":"02:00:00:00:01:03","position":null}]})");
  ASSERT_TRUE(command) << details_of(command.error());
  ASSERT_EQ(command->items.size(), 3U);
  EXPECT_EQ(command->items[0].position, Position{3});
  EXPECT_EQ(command->items[0].amphora.amphora_id, "a1");
  EXPECT_EQ(command->items[0].role, AmphoraRole::active);
  EXPECT_EQ(command->items[1].role, AmphoraRole::standby);
  EXPECT_FALSE(command->items[2].position);
  EXPECT_FALSE(command->items[2].role);
}

TEST(ParseRegister, NamesTheFieldThatIsWrong) {  // P6
  std::string many = R"({"amphorae":[)";
  for (int i = 0; i < 300; ++i) many += std::string(i == 0 ? "" : ",") + R"({"mac_address":"02:00:00:00:01:01"})";
  many += "]}";
  const auto kInvalid = ErrorCode::invalid_field;
  const std::vector<BadBody> table = {
      {"no list", "{}", kInvalid, "amphorae", "found nothing"},
      {"empty list", R"({"amphorae":[]})", kInvalid, "amphorae", "found 0"},
      {"too many", many, kInvalid, "amphorae", "found 300"},
      {"no list but text", R"({"amphorae":"all"})", kInvalid, "amphorae", "wanted an array"},
      {"a plain MAC", R"({"amphorae":["02:00:00:00:01:01"]})", kInvalid, "amphorae[0]", "wanted an object"},
      {"no MAC", R"({"amphorae":[{"position":1}]})", kInvalid, "amphorae[0].mac_address", "found nothing"},
      {"bad MAC", R"({"amphorae":[{"mac_address":"02:00:00:00:01:01"},{"mac_address":"zz:00:00:00:01:01"}]})", kInvalid,
       "amphorae[1].mac_address", "zz"},
      {"position -1", R"({"amphorae":[{"mac_address":"02:00:00:00:01:01","position":-1}]})", kInvalid,
       "amphorae[0].position", "from 0 to 255"},
      {"position 256", R"({"amphorae":[{"mac_address":"02:00:00:00:01:01","position":256}]})", kInvalid,
       "amphorae[0].position", "found a number (256)"},
      {"position as text", R"({"amphorae":[{"mac_address":"02:00:00:00:01:01","position":"1"}]})", kInvalid,
       "amphorae[0].position", "found a string"},
      {"role", R"({"amphorae":[{"mac_address":"02:00:00:00:01:01","role":"MASTER"}]})", kInvalid, "amphorae[0].role",
       "MASTER"},
      {"long id", R"({"amphorae":[{"mac_address":"02:00:00:00:01:01","amphora_id":")" + std::string(65, 'a') + "\"}]}",
       kInvalid, "amphorae[0].amphora_id", "at most 64"},
      {"unknown field", R"({"amphorae":[{"mac_address":"02:00:00:00:01:01","pos":1}]})", ErrorCode::unknown_field,
       "amphorae[0].pos", ""},
  };
  for (const auto& bad : table) {
    const auto command = parse_register(kId, bad.body);
    ASSERT_FALSE(command) << bad.what;
    EXPECT_EQ(command.error().code, bad.code) << bad.what;
    EXPECT_EQ(command.error().field, bad.field) << bad.what;
    EXPECT_THAT(command.error().message, HasSubstr(bad.said)) << bad.what;
  }
}

TEST(ParseUnregister, TakesMacsOnly) {  // P7
  const auto command = parse_unregister(kId, R"({"amphorae":["02:00:00:00:01:01","02:00:00:00:01:02"]})");
  ASSERT_TRUE(command);
  EXPECT_EQ(command->macs.size(), 2U);
  EXPECT_EQ(parse_unregister(kId, R"({"amphorae":["02:00:00:00:01:01",7]})").error().field, "amphorae[1]");
  EXPECT_EQ(parse_unregister(kId, R"({"amphorae":["02:00:00:00:01:01","x"]})").error().field, "amphorae[1]");
  EXPECT_EQ(parse_unregister(kId, R"({"amphorae":[]})").error().field, "amphorae");
}

TEST(ParseReplace, StandbyIsOptional) {  // F1
  const auto command = parse_replace(kId, R"({"failed":"02:00:00:00:01:01","standby":null})");
  ASSERT_TRUE(command);
  EXPECT_FALSE(command->standby);
  EXPECT_TRUE(parse_replace(kId, R"({"failed":"02:00:00:00:01:01","standby":"02:00:00:00:01:09"})")->standby);
  EXPECT_EQ(parse_replace(kId, "{}").error().field, "failed");
  EXPECT_EQ(parse_replace(kId, R"({"failed":"02:00:00:00:01:01","standby":"x"})").error().field, "standby");
}

TEST(ParseUnplug, BodyMayBeEmpty) {  // P5
  EXPECT_TRUE(parse_unplug(kId, ""));
  EXPECT_TRUE(parse_unplug(kId, "{}"));
  EXPECT_EQ(parse_unplug(kId, R"({"force":true})").error().code, ErrorCode::unknown_field);
}

TEST(ParseFlow, UnderstandsAClient) {  // A5
  const auto flow = parse_flow("client=2001%3Adb8%3A%3a1&port=40000&protocol=udp");
  ASSERT_TRUE(flow) << details_of(flow.error());
  EXPECT_EQ(flow->client.text(), "2001:db8::1");
  EXPECT_EQ(flow->port, 40000);
  EXPECT_EQ(flow->protocol, IpProtocol::udp);
  EXPECT_EQ(parse_flow("client=192.0.2.7")->protocol, IpProtocol::tcp);
}

TEST(ParseFlow, NamesTheFieldThatIsWrong) {  // A5
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "client"},
      {"port=7", "client"},
      {"client=x", "client"},
      {"client=192.0.2.7&port=65536", "port"},
      {"client=192.0.2.7&port=", "port"},
      {"client=192.0.2.7&port=7x", "port"},
      {"client=192.0.2.7&protocol=gre", "protocol"},
      {"client=192.0.2.7&client=192.0.2.8", "client"},
      {"clientt=192.0.2.7", "clientt"},
      {"client=%zz", "client=%zz"},
      {"client=%4", "client=%4"},
      {"client=" + std::string(2000, '1'), "query"},
  };
  for (const auto& [query, field] : table) {
    const auto flow = parse_flow(query);
    ASSERT_FALSE(flow) << query;
    EXPECT_EQ(flow.error().field, field) << query;
    EXPECT_EQ(row_of(flow.error().code).status, 400U) << query;
  }
}

// Bytes changed, cut out or repeated at random places: refused with a bounded message, or a command that the registry
// can judge.
TEST(ParseAnything, SurvivesDamagedBodies) {  // X3
  std::mt19937 random(20240501);
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  const std::vector<std::string> good = {kPlugBody, testing::kRegisterBody, R"({"amphorae":["02:00:00:00:01:01"]})",
                                         R"({"failed":"02:00:00:00:01:01","standby":"02:00:00:00:01:09"})"};
  const Registry registry;
  int understood = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string body = good[below(good.size())];
    for (std::size_t damage = below(4); damage > 0; --damage) {
      const auto at = below(body.size());
      const auto length = 1 + below(8);
      switch (below(3)) {
        case 0:
          body[at] = static_cast<char>(random());
          break;
        case 1:
          body.erase(at, length);
          break;
        default:
          body.insert(at, body.substr(below(body.size()), length));
      }
      if (body.empty()) break;
    }
    const auto judge = [&](const auto& command) {
      if (!command) {
        EXPECT_LT(details_of(command.error()).size(), 1000U) << body;
        EXPECT_EQ(row_of(command.error().code).status, 400U) << body;
        return;
      }
      ++understood;
      const auto checked = registry.check(*command);
      EXPECT_TRUE(checked || !checked.error().message.empty());
    };
    judge(parse_plug(kId, body, kNode));
    judge(parse_register(kId, body));
    judge(parse_unregister(kId, body));
    judge(parse_replace(kId, body));
    EXPECT_FALSE(parse_flow(body));
  }
  EXPECT_GT(understood, 1000);
}

}  // namespace
}  // namespace distributor::api
