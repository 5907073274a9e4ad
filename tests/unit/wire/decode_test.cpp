// Reading what OVS sends: golden messages of OVS 3.1, and garbage of every kind (X3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "openflow/wire/framer.hpp"
#include "openflow/wire/message.hpp"
#include "openflow/wire/multipart.hpp"
#include "tests/unit/wire/facts_rules.hpp"
#include "tests/unit/wire/hex.hpp"

namespace distributor::test {
namespace {

using ::testing::HasSubstr;

const std::string kOxs =
    "0000003480020008000000000754d4c080020208000000000000000080020808000000000000000780020a080000000000000aaa00000000";
const std::string kFlowIpv4 =
    "0088000000000064000000000000000000000000000000110001002480000004000000018000060602000000"
    "0a0a80000a02080080001804c000026400000000" +
    kOxs + "00040010000000000016000800000001";
const std::string kFlowGotoTable =
    "00600000050000070000000000000000000000000000000000010004000000" + std::string("00") + kOxs + "0001000807000000";
const std::string kSelectGroup =
    "009801000000000100400000000000000040003000000001001900108000080602000000"
    "0a0a0000001900108000060602000000010100000000001" +
    std::string("0fffffff800000000000000000000000800010000") +
    "ffff00440000154d000000010000000068617368000000000000000000000000000000000000000780001604ffffffff80003410ffffffffff"
    "ffffffffffffffffffffff00000000";
const std::string kGroupStats =
    "0048000000000001000000020000000000000000000000050000000000000208"
    "0000000007641700"
    "00000000000000020000000000000100"
    "00000000000000030000000000000108";
const std::string kPorts =
    "0000000100480000aa55aa55000e00007031000000000000000000000000000000000000000000040000002000000000000000000000000000"
    "000000000000000000000000"
    "000000fffffffe00480000d29ba434fc4d00006272300000000000000000000000000000000000000000040000002000000000000000000000"
    "0000000000000000000000"
    "00000000000000";

TEST(Decode, FlowDescription) {  // O4
  const auto flows = decode_flow_desc(from_hex(kFlowIpv4 + kFlowGotoTable));
  ASSERT_TRUE(flows) << flows.error().message;
  ASSERT_EQ(flows->size(), 2U);
  const FlowRule expected{0, 100, 0x11, Match().in_port(1).eth_dst(kNodeMac).ip_dst(kVip4), {Action::group(1)}};
  EXPECT_EQ(flows->at(0), (FlowDescription{expected, true, {7, 0xaaa}}));
  EXPECT_EQ(flows->at(1).rule.table, 5);
  EXPECT_FALSE(flows->at(1).plain) << "goto_table is not something that our rules say";
}

TEST(Decode, FlowWithTimeoutIsNotPlain) {  // O5: such a rule vanishes by itself
  std::string bytes = from_hex(kFlowIpv4);
  bytes[9] = 10;
  const auto flows = decode_flow_desc(bytes);
  ASSERT_TRUE(flows);
  EXPECT_FALSE(flows->at(0).plain);
}

TEST(Decode, GroupDescription) {  // O2, O4
  const auto groups = decode_group_desc(from_hex(kSelectGroup));
  ASSERT_TRUE(groups) << groups.error().message;
  ASSERT_EQ(groups->size(), 1U);
  EXPECT_TRUE(groups->at(0).plain);
  EXPECT_EQ(groups->at(0).group, select_group(1, 1, 7)) << groups->at(0).group.text();
}

TEST(Decode, GroupStatistics) {  // P9
  const auto groups = decode_group_stats(from_hex(kGroupStats));
  ASSERT_TRUE(groups) << groups.error().message;
  EXPECT_EQ(*groups, (std::vector<GroupCounters>{{1, 2, {5, 520}, {{2, 256}, {3, 264}}}}));
}

TEST(Decode, Ports) {
  const auto ports = decode_port_desc(from_hex(kPorts));
  ASSERT_TRUE(ports) << ports.error().message;
  ASSERT_EQ(ports->size(), 2U);
  EXPECT_EQ(ports->at(0).number, 1U);
  EXPECT_EQ(ports->at(0).name, "p1");
  EXPECT_EQ(ports->at(0).mac, MacAddress({0xaa, 0x55, 0xaa, 0x55, 0, 0x0e}));
  EXPECT_EQ(ports->at(1).number, kPortLocal);
  const auto status = decode_port_status(from_hex("0100000000000000") + from_hex(kPorts).substr(0, 72));
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(*status, (PortStatus{PortChange::removed, ports->at(0)}));
}

TEST(Decode, ErrorsAreReadable) {
  const auto error = decode_error(from_hex("00020009060e0010"));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->text(), "OFPBAC_BAD_OUT_GROUP");
  const auto experimenter = decode_error(from_hex("ffff000a00002320"));
  ASSERT_TRUE(experimenter);
  EXPECT_EQ(experimenter->text(), "experimenter error 0x00002320/10");
  EXPECT_EQ((RemoteError{99, 1, 0, {}}.text()), "OpenFlow error type 99 code 1");
}

TEST(Decode, HelloOfABridgeWithoutOpenFlow15SaysWhatToDo) {
  const auto check = [](const std::string& hex) { return check_hello(*decode_header(from_hex(hex))); };
  EXPECT_TRUE(check("06000010000000010001000800000040"));
  EXPECT_TRUE(check("06000010000000010001000800000052"));
  EXPECT_TRUE(check("0600000800000001")) << "no bitmap: the header's version counts";
  for (const char* old : {"05000010000000010001000800000020", "0400000800000001"}) {
    const auto refused = check(old);
    ASSERT_FALSE(refused) << old;
    EXPECT_EQ(refused.error().code, WireErrorCode::version);
    EXPECT_THAT(refused.error().message, HasSubstr("protocols=OpenFlow15"));
  }
}

TEST(Decode, PacketIn) {
  // buffer, total 64, reason 1, table 3, cookie 0x11, match in_port=1, 2 bytes of padding, frame
  const auto packet = decode_packet_in(from_hex("ffffffff0040010300000000000000110001000c800000040000000100000000") +
                                       from_hex("0000aabb"));
  ASSERT_TRUE(packet) << packet.error().message;
  EXPECT_EQ(*packet, (PacketIn{1, 3, 0x11, 64, from_hex("aabb")}));
}

TEST(MultipartReply, PutsPartsTogetherWithinItsBound) {  // X3
  const auto part = [](bool more, const std::string& rest) {
    return from_hex(more ? "0001000100000000" : "0001000000000000") + rest;
  };
  MultipartReply reply(MultipartType::flow_desc);
  EXPECT_EQ(reply.add(part(true, "abc")), false);
  EXPECT_EQ(reply.add(part(false, "def")), true);
  EXPECT_EQ(reply.body(), "abcdef");

  MultipartReply bounded(MultipartType::flow_desc, 5);
  EXPECT_EQ(bounded.add(part(true, "abc")), false);
  EXPECT_EQ(bounded.add(part(true, "def")).error().code, WireErrorCode::too_long);
  EXPECT_FALSE(bounded.add(part(false, ""))) << "stays failed";

  MultipartReply other(MultipartType::group_desc);
  EXPECT_EQ(other.add(part(false, "")).error().code, WireErrorCode::malformed);
}

TEST(Framer, YieldsWholeMessagesHoweverTheBytesArrive) {
  const std::string stream = encode_hello(1) + encode_echo_request(2) + encode_echo_reply(3, std::string(60000, 'x')) +
                             encode_barrier_request(4);
  for (const std::size_t step : {1U, 3U, 7U, 1000U, 70000U}) {
    Framer framer;
    std::vector<std::uint32_t> xids;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      framer.push(std::string_view(stream).substr(at, step));
      while (true) {
        const auto message = framer.next();
        ASSERT_TRUE(message);
        if (!*message) break;
        xids.push_back(decode_header(**message)->xid);
      }
      EXPECT_LE(framer.held(), kMessageBytesMax + step);
    }
    EXPECT_EQ(xids, (std::vector<std::uint32_t>{1, 2, 3, 4})) << step;
  }
}

TEST(Framer, GarbageIsATypedErrorAndStaysOne) {  // X3
  Framer text;
  text.push("GET / HTTP/1.1\r\n\r\n");
  ASSERT_FALSE(text.next());
  EXPECT_EQ(text.next().error().code, WireErrorCode::version);
  text.push(encode_hello(1));
  EXPECT_FALSE(text.next());

  Framer short_length;
  short_length.push(from_hex("0614000700000000"));
  EXPECT_EQ(short_length.next().error().code, WireErrorCode::malformed);
}

// Feeds bytes to every decoder. The sanitizers see what a plain run does not.
void decode_everything(std::string_view bytes) {
  (void)decode_flow_desc(bytes);
  (void)decode_group_desc(bytes);
  (void)decode_group_stats(bytes);
  (void)decode_port_desc(bytes);
  (void)decode_port_status(bytes);
  (void)decode_packet_in(bytes);
  (void)decode_error(bytes);
  (void)decode_features(bytes);
  (void)decode_bundle_control(bytes);
  if (const auto match = Match::from_oxm(bytes)) {
    EXPECT_EQ(Match::from_oxm(match->oxm()), match) << "canonical bytes are a fixed point: " << to_hex(bytes);
    (void)match->text();
  }
  if (const auto actions = Actions::from_bytes(bytes)) (void)actions->text();
  if (const auto message = decode_header(bytes)) (void)check_hello(*message);
  Framer framer;
  framer.push(bytes);
  for (auto next = framer.next(); next && *next; next = framer.next()) (void)decode_header(**next);
}

TEST(Decode, SurvivesRandomMutations) {  // X3
  std::mt19937 random(20240607);         // NOLINT: the same bytes in every run
  const std::string seeds[] = {from_hex(kFlowIpv4 + kFlowGotoTable),
                               from_hex(kSelectGroup),
                               from_hex(kGroupStats),
                               from_hex(kPorts),
                               from_hex("0100000000000000") + from_hex(kPorts),
                               nd_responders()[2].match.oxm(),
                               nd_responders()[2].actions.bytes(),
                               encode_hello(1),
                               from_hex("ffffffff0040010300000000000000110001000c8000000400000001000000000000aabb")};
  for (const std::string& seed : seeds) decode_everything(seed);
  for (int round = 0; round < 30000; ++round) {
    std::string bytes = seeds[random() % std::size(seeds)];
    const std::size_t changes = 1 + random() % 6;
    for (std::size_t i = 0; i < changes && !bytes.empty(); ++i) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.resize(at);
          break;
        case 2:
          bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << (random() % 8)));
          break;
        default:
          bytes.insert(at, 1 + random() % 9, static_cast<char>(random()));
          break;
      }
    }
    decode_everything(bytes);
  }
  for (int round = 0; round < 5000; ++round) {
    std::string noise(random() % 200, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    decode_everything(noise);
  }
}

TEST(Decode, EveryTruncationOfAGoldenMessageIsAnErrorOrShorterList) {  // X3
  const std::string flow = from_hex(kFlowIpv4);
  for (std::size_t length = 1; length < flow.size(); ++length)
    EXPECT_FALSE(decode_flow_desc(flow.substr(0, length))) << length;
  const std::string group = from_hex(kSelectGroup);
  for (std::size_t length = 1; length < group.size(); ++length)
    EXPECT_FALSE(decode_group_desc(group.substr(0, length))) << length;
}

}  // namespace
}  // namespace distributor::test
