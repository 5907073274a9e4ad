// Frames that the daemon reads and writes itself, against bytes made by another program (D3, D13, X3).
#include "openflow/neighbour/frames.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/wire/hex.hpp"

namespace distributor::neighbour {
namespace {

using test::from_hex;
using test::to_hex;

const MacAddress kOwn({2, 0, 0, 0, 0, 0xa1});
const MacAddress kAsker({2, 0, 0, 0, 0xee, 1});
const IpAddress kVip = *IpAddress::parse("2001:db8::10");
const IpAddress kGateway = *IpAddress::parse("2001:db8::1");

constexpr const char* kSolicitation =
    "3333ff00001002000000ee0186dd6000000000203aff20010db8000000000000000000000001ff020000000000000000"
    "0001ff00001087002e0a0000000020010db8000000000000000000000010010102000000ee01";

constexpr const char* kSolicitationInVlan100 =
    "3333ff00001002000000ee018100006486dd6000000000203aff20010db8000000000000000000000001ff0200000000"
    "000000000001ff00001087002e0a0000000020010db8000000000000000000000010010102000000ee01";

constexpr const char* kDad =
    "3333ff00001002000000ee0186dd6000000000183aff00000000000000000000000000000000ff020000000000000000"
    "0001ff00001087004ccf0000000020010db8000000000000000000000010";

constexpr const char* kAnswer =
    "02000000ee010200000000a186dd6000000000203aff20010db800000000000000000000001020010db8000000000000"
    "000000000001880089b66000000020010db800000000000000000000001002010200000000a1";

constexpr const char* kAnswerInVlan100 =
    "02000000ee010200000000a18100006486dd6000000000203aff20010db800000000000000000000001020010db80000"
    "00000000000000000001880089b66000000020010db800000000000000000000001002010200000000a1";

constexpr const char* kAnswerToDad =
    "3333000000010200000000a186dd6000000000203aff20010db8000000000000000000000010ff020000000000000000"
    "0000000000018800f86c2000000020010db800000000000000000000001002010200000000a1";

constexpr const char* kArpProbe =
    "ffffffffffff0200000000a1080600010800060400010200000000a100000000000000000000c0000201000000000000"
    "000000000000000000000000";

constexpr const char* kNdProbe =
    "3333ff0000010200000000a186dd6000000000183aff00000000000000000000000000000000ff020000000000000000"
    "0001ff00000187004ced0000000020010db8000000000000000000000001";

constexpr const char* kArpReply =
    "0200000000a102000000ee010806000108000604000202000000ee01c00002010200000000a100000000";

constexpr const char* kNdAnswer =
    "33330000000102000000ee0186dd6000000000203aff20010db8000000000000000000000001ff020000000000000000"
    "00000000000188008b29a000000020010db8000000000000000000000001020102000000ee01";

TEST(NeighbourFrames, SolicitationsAreReadAndAnswered) {  // D3
  const auto asked = parse_solicitation(from_hex(kSolicitation));
  ASSERT_TRUE(asked);
  EXPECT_EQ(*asked, (Solicitation{kVip, kGateway, kAsker, std::nullopt}));
  EXPECT_EQ(to_hex(advertisement(*asked, kOwn)), kAnswer);
  const auto tagged = parse_solicitation(from_hex(kSolicitationInVlan100));
  ASSERT_TRUE(tagged);
  EXPECT_EQ(tagged->vlan, 100);
  EXPECT_EQ(to_hex(advertisement(*tagged, kOwn)), kAnswerInVlan100);
}

TEST(NeighbourFrames, DuplicateAddressDetectionIsAnsweredToAll) {  // D3
  const auto asked = parse_solicitation(from_hex(kDad));
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->source, IpAddress::v6({}));
  EXPECT_EQ(to_hex(advertisement(*asked, kOwn)), kAnswerToDad);
}

TEST(NeighbourFrames, ProbesSayNothingOfTheirSender) {  // D13
  EXPECT_EQ(to_hex(probe(*IpAddress::parse("192.0.2.1"), kOwn, std::nullopt)), kArpProbe);
  EXPECT_EQ(to_hex(probe(kGateway, kOwn, std::nullopt)), kNdProbe);
}

TEST(NeighbourFrames, ClaimsAreRead) {  // D13
  EXPECT_EQ(parse_claim(from_hex(kArpReply)), (Claim{*IpAddress::parse("192.0.2.1"), kAsker}));
  EXPECT_EQ(parse_claim(from_hex(kNdAnswer)), (Claim{kGateway, kAsker}));
  EXPECT_EQ(parse_claim(from_hex(kArpProbe)), std::nullopt) << "a question claims nothing";
  EXPECT_EQ(parse_claim(from_hex(kSolicitation)), std::nullopt);
}

// RFC 4861 7.1: anything that is not exactly right is discarded. Every byte of a good frame is changed in turn.
TEST(NeighbourFrames, WhatIsNotRightIsNotAnswered) {  // D3, X3
  const std::string good = from_hex(kSolicitation);
  constexpr std::size_t kHeaders = 14 + 6;  // addresses and type; version, class, label and length are checked or ignored
  for (std::size_t at = kHeaders; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x15);
    EXPECT_FALSE(parse_solicitation(bad)) << "byte " << at;
  }
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(parse_solicitation(good.substr(0, size))) << size;
  EXPECT_TRUE(parse_solicitation(good + std::string(10, '\0'))) << "padding behind the packet";
}

TEST(NeighbourFrames, NoiseIsSurvived) {  // X3
  std::mt19937 random(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string noise = i % 2 == 0 ? from_hex(kSolicitation) : from_hex(kArpReply);
    for (int flips = 0; flips < 4; ++flips) noise[random() % noise.size()] = static_cast<char>(random());
    noise.resize(random() % (noise.size() + 8), static_cast<char>(random()));
    parse_solicitation(noise);
    parse_claim(noise);
  }
}

}  // namespace
}  // namespace distributor::neighbour
