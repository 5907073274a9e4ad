#include "sync/registry/codec.hpp"

#include <gtest/gtest.h>

#include <random>

#include "sync/registry/limits.hpp"
#include "tests/unit/registry/values.hpp"

namespace distributor {
namespace {

using test::item;
using test::lb_id;

std::vector<Command> one_of_each() {
  auto plug = test::plug_of(1);
  plug.hash_seed = 0;
  plug.cluster_size = 256;
  plug.mtu = 9000;
  plug.mode = ForwardingMode::hairpin;
  plug.vips[0].hairpin_address = test::ip("192.0.2.250");
  plug.vips[1].hairpin_address = test::ip("2001:db8::250");
  plug.hash_classes_max = 65'536;
  plug.affinity = Affinity::source_ip_and_port;
  plug.nodes[0].vlan = 4094;
  auto named = item(2, 0, AmphoraRole::active);
  named.amphora.amphora_id = "amphora-2";
  return {plug,
          test::plug_of(2),
          UnplugCommand{lb_id(1)},
          test::reg(1, {item(1), named, test::spare(3)}),
          test::unreg(1, {1, 2}),
          test::replace(1, 1),
          test::replace(1, 1, 3)};
}

LoadBalancer rich() {
  Registry registry;
  auto plug = std::get<PlugCommand>(one_of_each()[0]);
  EXPECT_TRUE(registry.apply(plug));
  EXPECT_TRUE(registry.apply(test::reg(1, {item(1), item(2, 5), test::spare(3), test::spare(4)})));
  EXPECT_TRUE(registry.apply(test::replace(1, 1)));
  return *registry.find(lb_id(1));
}

// The bytes of a protobuf field: number, wire type, payload.
std::string field(unsigned number, unsigned wire_type, const std::string& payload) {
  std::string out(1, static_cast<char>(number << 3U | wire_type));
  if (wire_type == 2) out += static_cast<char>(payload.size());
  return out + payload;
}

TEST(Codec, EveryCommandComesBackAsItWas) {
  for (const auto& command : one_of_each()) {
    const auto bytes = encode(command);
    const auto back = decode_command(bytes);
    ASSERT_TRUE(back) << command.index() << ": " << back.error().message;
    EXPECT_EQ(*back, command);
    EXPECT_EQ(encode(*back), bytes);
  }
}

TEST(Codec, ALoadBalancerComesBackAsItWas) {
  const auto lb = rich();
  ASSERT_TRUE(lb.slots[0].previous);
  const auto back = decode_load_balancer(encode(lb));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, lb);
}

TEST(Codec, GoldenBytes) {  // what is on disks and links today must be readable tomorrow
  const auto id = lb_id(1).text();
  const std::string mac("\x02\x00\x00\xaa\x00\x01", 6);
  EXPECT_EQ(encode(Command{UnplugCommand{lb_id(1)}}), field(2, 2, field(1, 2, id)));
  EXPECT_EQ(encode(Command{test::unreg(1, {1})}), field(4, 2, field(1, 2, id) + field(2, 2, mac)));
  EXPECT_EQ(encode(Command{test::replace(1, 1)}), field(5, 2, field(1, 2, id) + field(2, 2, mac)));
  const auto active_at_0 = field(1, 2, field(1, 2, mac)) + field(2, 0, std::string(1, '\0')) + field(3, 0, "\x01");
  EXPECT_EQ(encode(Command{test::reg(1, {item(1, 0, AmphoraRole::active)})}),
            field(3, 2, field(1, 2, id) + field(2, 2, active_at_0)));
}

TEST(Codec, RefusesUnknownFieldsAtEveryDepth) {
  const auto id = field(1, 2, lb_id(1).text());
  const auto unknown = field(15, 0, "\x01");
  const std::string mac("\x02\x00\x00\xaa\x00\x01", 6);
  const auto item_with = [&](const std::string& amphora_extra, const std::string& item_extra) {
    return field(3, 2, id + field(2, 2, field(1, 2, field(1, 2, mac) + amphora_extra) + item_extra));
  };
  ASSERT_TRUE(decode_command(item_with("", "")));
  for (const auto& bytes :
       {item_with(unknown, ""), item_with("", unknown), field(2, 2, id + unknown), field(2, 2, id) + unknown}) {
    const auto refused = decode_command(bytes);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("unknown field"), std::string::npos) << refused.error().message;
  }
  EXPECT_FALSE(decode_load_balancer(encode(rich()) + unknown));
}

TEST(Codec, RefusesWhatIsNoCommand) {
  const auto id = field(1, 2, lb_id(1).text());
  const std::string mac("\x02\x00\x00\xaa\x00\x01", 6);
  EXPECT_FALSE(decode_command(""));                                      // none is set
  EXPECT_FALSE(decode_command(field(6, 2, id)));                         // a command of the future
  EXPECT_FALSE(decode_command(field(2, 2, "")));                         // no id
  EXPECT_FALSE(decode_command(field(2, 2, field(1, 2, "not-a-uuid"))));  //
  EXPECT_FALSE(decode_command(field(2, 2, field(1, 2, "00000000-0000-4000-8000-00000000000A"))));  // not canonical
  EXPECT_FALSE(decode_command(field(5, 2, id + field(2, 2, mac.substr(1)))));                      // five octets
  EXPECT_FALSE(decode_command(field(5, 2, id + field(2, 2, mac + "x"))));                          // seven
  EXPECT_FALSE(decode_command(field(5, 2, field(2, 2, mac) + id)));                                // order of fields
  EXPECT_FALSE(decode_command(field(2, 2, id) + field(2, 2, id)));  // the same field twice
  const auto role = [&](const char* value) {
    return field(3, 2, id + field(2, 2, field(1, 2, field(1, 2, mac)) + field(3, 0, value)));
  };
  EXPECT_TRUE(decode_command(role("\x02")));
  EXPECT_FALSE(decode_command(role("\x03")));
}

TEST(Codec, RefusesValuesOutOfTheirRange) {
  const auto good = rich();
  const auto spoiled = [&](auto spoil) {
    auto lb = good;
    spoil(lb);
    return decode_load_balancer(encode(lb)).has_value();
  };
  EXPECT_TRUE(spoiled([](LoadBalancer&) {}));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.id = {}; }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.ordinal = 4097; }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.affinity = static_cast<Affinity>(0); }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.mode = static_cast<ForwardingMode>(3); }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.nodes[0].node = {}; }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.vips[0].subnet.length = 33; }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.vips.resize(9, lb.vips[0]); }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.vips[0].host_routes.resize(65, lb.vips[0].host_routes[0]); }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.slots.resize(257, lb.slots[0]); }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.slots.emplace_back(); }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.slots[0].occupant.reset(); }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.spares.resize(17, lb.spares[0]); }));
  EXPECT_FALSE(spoiled([](LoadBalancer& lb) { lb.spares[0].amphora_id = std::string(65, 'x'); }));
}

TEST(Codec, TheLargestLoadBalancerFits) {
  auto lb = rich();
  lb.vips.resize(limits::kVipsPerLoadBalancerMax, lb.vips[0]);
  for (auto& vip : lb.vips) {
    const HostRoute route{test::prefix("2001:db8:ffff:ffff:ffff::/128"), test::ip("2001:db8:ffff:ffff:ffff::1")};
    vip.host_routes.assign(limits::kHostRoutesMax, route);
  }
  const Amphora amphora{test::amphora_mac(1), std::string(limits::kAmphoraIdBytesMax, 'x')};
  lb.slots.assign(limits::kSlotsMax, Slot{amphora, amphora.mac});
  lb.spares.assign(limits::kSparesMax, amphora);
  EXPECT_TRUE(decode_load_balancer(encode(lb)));
  EXPECT_FALSE(decode_load_balancer(std::string(1'000'000, '\x0a')));
}

TEST(Codec, SurvivesGarbage) {  // X3; every prefix, and every byte changed
  std::mt19937 random(1);
  std::vector<std::string> seeds;
  for (const auto& command : one_of_each()) seeds.push_back(encode(command));
  seeds.push_back(encode(rich()));
  const auto try_both = [](const std::string& bytes) {
    const auto command = decode_command(bytes);
    EXPECT_TRUE(!command || encode(*command) == bytes);
    const auto lb = decode_load_balancer(bytes);
    EXPECT_TRUE(!lb || encode(*lb) == bytes);
  };
  for (const auto& seed : seeds) {
    for (std::size_t i = 0; i < seed.size(); ++i) {
      try_both(seed.substr(0, i));
      auto changed = seed;
      changed[i] = static_cast<char>(changed[i] ^ static_cast<char>(1 + random() % 255));
      try_both(changed);
    }
  }
  for (int i = 0; i < 2000; ++i) {
    std::string noise(random() % 200, '\0');
    for (auto& byte : noise) byte = static_cast<char>(random());
    try_both(noise);
  }
}

}  // namespace
}  // namespace distributor
