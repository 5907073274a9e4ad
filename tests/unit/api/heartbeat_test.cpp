// Heartbeats as Octavia's receiver wants them (L2).
#include "api/heartbeat/heartbeat.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include <boost/json.hpp>
#include <set>

namespace distributor::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::size_t kHexHmac = 64;

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  return bytes;
}

// What Octavia's unwrap_envelope does; nothing if it would drop the datagram.
std::optional<boost::json::object> unwrapped(const std::string& datagram, const std::string& key) {
  if (datagram.size() <= kHexHmac) return std::nullopt;
  const auto payload = datagram.substr(0, datagram.size() - kHexHmac);
  std::array<unsigned char, 32> digest{};
  unsigned length = 0;
  ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(payload.data()), payload.size(), digest.data(), &length);
  if (from_hex(datagram.substr(payload.size())) != std::string(digest.begin(), digest.end())) return std::nullopt;
  std::string text(1 << 20, '\0');
  uLongf size = text.size();
  if (::uncompress(reinterpret_cast<Bytef*>(text.data()), &size, reinterpret_cast<const Bytef*>(payload.data()), payload.size()) != Z_OK) return std::nullopt;
  text.resize(size);
  return boost::json::parse(text).as_object();
}

LoadBalancerId id_of(unsigned number) {
  std::array<char, 37> text{};
  std::snprintf(text.data(), text.size(), "%08x-6a4e-4c8e-9d41-%08x%04x", number * 2654435761U, number * 40503U, number & 0xffffU);
  return LoadBalancerId::parse(text.data()).value();
}

BeatNode node() {
  BeatNode result;
  result.distributor_id = "6e2bc8a0-2548-4fb7-a5f0-fb1ef4a696ce";
  result.seq = 67;
  result.node_id = "node-1";
  result.version = "0.1.0";
  result.role = "MASTER";
  result.phase = "leading";
  result.leads = result.in_sync = true;
  result.state_digest = std::string(64, 'a');
  result.load_balancers = 1000;
  return result;
}

std::vector<BeatLoadBalancer> many(unsigned count) {
  std::vector<BeatLoadBalancer> result;
  for (unsigned i = 0; i < count; ++i) result.push_back({id_of(i), 8, 7, 1, i * 7919ULL * 65537ULL, i * 104729ULL * 65537ULL});
  return result;
}

TEST(Envelope, IsOctaviasToTheByte) {  // L2; FACTS of the wire, made by Octavia's own wrap_envelope with level 0
  const auto golden = from_hex(
      "7801015800a7ff7b226964223a2236653262633861302d323534382d346662372d613566302d666231656634613639366365222c227365"
      "71223a36372c22766572223a332c226c697374656e657273223a7b7d2c22706f6f6c73223a7b7d7d49691a636266336463333463353063"
      "3532313761666165643138626365353234666262316564666266333463323535313634346463383537336230333938383335616537");
  const std::string text = R"({"id":"6e2bc8a0-2548-4fb7-a5f0-fb1ef4a696ce","seq":67,"ver":3,"listeners":{},"pools":{}})";
  const auto stored = envelope(text, "insecure-heartbeat-key", 0);
  EXPECT_EQ(stored.size(), golden.size());
  EXPECT_EQ(stored, golden);
  EXPECT_EQ(boost::json::serialize(*unwrapped(envelope(text, "insecure-heartbeat-key"), "insecure-heartbeat-key")), text);
  EXPECT_FALSE(unwrapped(stored, "another key"));
}

TEST(Beat, SaysWhoAndHow) {  // L2
  const auto beat = encode_beat(node(), many(2), "key");
  EXPECT_EQ(beat.listed, 2U);
  const auto object = unwrapped(beat.datagram, "key");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->at("id").as_string(), "6e2bc8a0-2548-4fb7-a5f0-fb1ef4a696ce");
  EXPECT_EQ(object->at("seq").to_number<int>(), 67);
  EXPECT_EQ(object->at("ver").to_number<int>(), 3);
  EXPECT_TRUE(object->at("listeners").as_object().empty());
  EXPECT_TRUE(object->at("pools").as_object().empty());
  EXPECT_EQ(object->at("node_id").as_string(), "node-1");
  EXPECT_EQ(object->at("role").as_string(), "MASTER");
  EXPECT_EQ(object->at("sync").as_object().at("phase").as_string(), "leading");
  EXPECT_EQ(object->at("totals").as_object().at("load_balancers").to_number<int>(), 1000);
  const auto& lb = object->at("load_balancers").as_object().at(id_of(1).text()).as_object();
  EXPECT_EQ(lb.at("size").to_number<int>(), 8);
  EXPECT_EQ(lb.at("registered").to_number<int>(), 7);
  EXPECT_EQ(lb.at("spares").to_number<int>(), 1);
  EXPECT_EQ(lb.at("packets").to_number<std::uint64_t>(), 7919ULL * 65537ULL);
}

TEST(Beat, CountersThatAreNotKnownAreLeftOut) {
  const std::vector<BeatLoadBalancer> window{{id_of(1), 4, 4, 0, std::nullopt, std::nullopt}};
  const auto object = unwrapped(encode_beat(node(), window, "key").datagram, "key");
  EXPECT_FALSE(object->at("load_balancers").as_object().at(id_of(1).text()).as_object().contains("packets"));
}

TEST(Beat, StaysOneDatagram) {  // L2: whatever is configured
  const auto beat = encode_beat(node(), many(kBeatWindowMax), "key");
  EXPECT_LE(beat.datagram.size(), kDatagramBytesMax);
  EXPECT_GT(beat.listed, 10U);
  EXPECT_LT(beat.listed, kBeatWindowMax);
  EXPECT_EQ(unwrapped(beat.datagram, "key")->at("load_balancers").as_object().size(), beat.listed);
  EXPECT_EQ(encode_beat(node(), many(5), "key", 100).listed, 0U) << "the node itself is always told";
}

TEST(Beat, EveryLoadBalancerHasItsTurn) {  // L2
  Registry registry;
  for (unsigned i = 0; i < 200; ++i) {
    PlugCommand plug;
    plug.lb = id_of(i);
    Vip vip;
    vip.address = IpAddress::v4({192, 0, 2, static_cast<std::uint8_t>(i + 1)});
    vip.subnet = IpPrefix::parse("192.0.2.0/24").value();
    plug.vips.push_back(vip);
    plug.nodes.push_back({NodeId::parse("node-1").value(), MacAddress({2, 0, 0, 0, 0, static_cast<std::uint8_t>(i)}), std::nullopt, std::nullopt});
    plug.fresh_hash_seed = i + 1;
    const auto applied = registry.apply(plug);
    ASSERT_TRUE(applied) << applied.error().message;
  }
  BeatWindow window;
  std::set<LoadBalancerId> told;
  int beats = 0;
  for (; told.size() < 200 && beats < 100; ++beats) {
    const auto next = window.next(registry);
    ASSERT_EQ(next.size(), kBeatWindowMax);
    std::vector<BeatLoadBalancer> described;
    for (const auto& id : next) described.push_back(describe_for_beat(*registry.find(id)));
    const auto listed = encode_beat(node(), described, "key").listed;
    ASSERT_GT(listed, 0U);
    told.insert(next.begin(), next.begin() + static_cast<std::ptrdiff_t>(listed));
    window.told(next, listed);
  }
  EXPECT_EQ(told.size(), 200U);
  EXPECT_LT(beats, 20);
  BeatNode totals;
  count_all(registry, totals);
  EXPECT_EQ(totals.load_balancers, 200U);
}

TEST(BeatWindow, IsShortWhereLittleIsConfigured) { EXPECT_TRUE(BeatWindow().next(Registry()).empty()); }

class BeatSettingsTest : public ::testing::Test {
 protected:
  BeatSettingsTest() {
    agent.controllers = {*parse_controller("192.0.2.1:5555"), *parse_controller("[2001:db8::1]:5600")};
    agent.heartbeat_key = "octavia's";
    agent.heartbeat_interval = std::chrono::seconds(7);
  }
  static std::vector<std::string> texts(const BeatSettings& settings) {
    std::vector<std::string> result;
    for (const auto& one : settings.controllers) result.push_back(one.text());
    return result;
  }
  AgentConfig agent;
  OwnBeatSettings own;
};

TEST_F(BeatSettingsTest, OctaviasOwnHealthManagerIsNeverBeaten) {  // it would delete the VM
  const auto settings = beat_settings(own, &agent);
  EXPECT_THAT(texts(settings), ElementsAre("192.0.2.1:5556", "[2001:db8::1]:5600"));
  EXPECT_EQ(settings.key, "octavia's");
  EXPECT_EQ(settings.interval, std::chrono::seconds(7));
  EXPECT_THAT(settings.note, HasSubstr("port 5556"));
  EXPECT_TRUE(settings.may_beat());
}

TEST_F(BeatSettingsTest, OwnFileCountsFirst) {
  own.controllers = {*parse_controller("198.51.100.9:6000")};
  own.key = "own";
  own.interval = std::chrono::seconds(3);
  const auto settings = beat_settings(own, &agent);
  EXPECT_THAT(texts(settings), ElementsAre("198.51.100.9:6000"));
  EXPECT_EQ(settings.key, "own");
  EXPECT_EQ(settings.interval, std::chrono::seconds(3));
  EXPECT_THAT(settings.note, HasSubstr("heartbeat.controllers of distributord.toml counts"));
}

TEST_F(BeatSettingsTest, WithoutAReceiverOrAKeyThereIsNone) {
  EXPECT_FALSE(beat_settings(own, nullptr).may_beat());
  EXPECT_EQ(beat_settings(own, nullptr).interval, kBeatIntervalDefault);
  agent.heartbeat_key.reset();
  EXPECT_FALSE(beat_settings(own, &agent).may_beat());
}

}  // namespace
}  // namespace distributor::api
