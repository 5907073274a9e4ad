// D5: golden bytes of gratuitous ARP and unsolicited Neighbour Advertisement, and when they are sent.
#include "ha/announce/announce.hpp"

#include <gmock/gmock.h>

#include <cstdio>

#include "ha/announce/planner.hpp"

namespace distributor::announce {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Mac kMac = {0xfa, 0x16, 0x3e, 0x01, 0x02, 0x03};
constexpr Ip4 kVip4 = {203, 0, 113, 10};
constexpr Ip6 kVip6 = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10};

std::string hex(const Frame& frame) {
  std::string text;
  for (const std::uint8_t byte : frame) {
    std::array<char, 3> two{};
    std::snprintf(two.data(), two.size(), "%02x", byte);
    text += two.data();
  }
  return text;
}

TEST(Announce, GratuitousArpInRequestForm) {
  EXPECT_EQ(hex(gratuitous_arp(kMac, kVip4)),
            "ffffffffffff"
            "fa163e010203"
            "0806"
            "0001080006040001"
            "fa163e010203"
            "cb00710a"
            "000000000000"
            "cb00710a"
            "000000000000000000000000000000000000");
}

TEST(Announce, GratuitousArpInReplyFormAndTagged) {
  EXPECT_EQ(hex(gratuitous_arp(kMac, kVip4, 100, ArpForm::reply)),
            "ffffffffffff"
            "fa163e010203"
            "81000064"
            "0806"
            "0001080006040002"
            "fa163e010203"
            "cb00710a"
            "fa163e010203"
            "cb00710a"
            "0000000000000000000000000000");
}

TEST(Announce, UnsolicitedNeighbourAdvertisement) {
  // Checksum: 0x3a + 0x20 (length) + words of both addresses and of the message, folded and inverted, worked out apart
  // from the code.
  EXPECT_EQ(hex(unsolicited_na(kMac, kVip6)),
            "333300000001"
            "fa163e010203"
            "86dd"
            "60000000"
            "00203aff"
            "20010db8000000000000000000000010"
            "ff020000000000000000000000000001"
            "8800c0f2"
            "20000000"
            "20010db8000000000000000000000010"
            "0201fa163e010203");
}

TEST(Announce, TagKeepsTheAdvertisementAsItIs) {
  const Frame plain = unsolicited_na(kMac, kVip6), tagged = unsolicited_na(kMac, kVip6, 4094);
  ASSERT_EQ(tagged.size(), plain.size() + 4);
  EXPECT_EQ(hex(tagged).substr(24, 8), "81000ffe");
  EXPECT_EQ(hex(tagged).substr(32), hex(plain).substr(24));
}

TEST(Announce, TargetsFamilyChoosesTheProtocol) {
  EXPECT_EQ(announcement({1, {}, kMac, kVip4}), gratuitous_arp(kMac, kVip4));
  EXPECT_EQ(announcement({1, 7, kMac, kVip6}), unsolicited_na(kMac, kVip6, 7));
}

const Target kOne = {1, {}, kMac, kVip4};
const Target kTwo = {2, {}, kMac, kVip6};

TEST(Planner, RepeatsAtItsOffsets) {
  Planner planner({{0ms, 200ms, 1000ms}, 100});
  EXPECT_EQ(planner.next_deadline(), TimePoint::max());
  planner.announce({kOne, kTwo}, 10s);
  EXPECT_EQ(planner.next_deadline(), 10s);
  EXPECT_THAT(planner.take_due(10s, 100), ElementsAre(kOne, kTwo));
  EXPECT_THAT(planner.take_due(10s + 199ms, 100), IsEmpty());
  EXPECT_THAT(planner.take_due(10s + 200ms, 1), ElementsAre(kOne));
  EXPECT_THAT(planner.take_due(10s + 200ms, 1), ElementsAre(kTwo));
  EXPECT_EQ(planner.next_deadline(), 11s);
  EXPECT_THAT(planner.take_due(12s, 100), ElementsAre(kOne, kTwo));
  EXPECT_EQ(planner.planned(), 0U);
}

TEST(Planner, StartsAnewAndForgets) {
  Planner planner({{0ms, 1000ms}, 100});
  planner.announce({kOne, kTwo}, 10s);
  planner.take_due(10s, 100);
  planner.announce({kOne}, 10s + 500ms);
  planner.forget(kTwo);
  EXPECT_THAT(planner.take_due(11s, 100), ElementsAre(kOne));
  EXPECT_EQ(planner.next_deadline(), 11s + 500ms);
  planner.forget_all();
  EXPECT_THAT(planner.take_due(60s, 100), IsEmpty());
}

TEST(Planner, LateCallerGetsEachTargetOnce) {
  Planner planner({{0ms, 200ms, 1000ms, 3000ms}, 100});
  planner.announce({kOne}, 0s);
  EXPECT_THAT(planner.take_due(2s, 100), ElementsAre(kOne));
  EXPECT_EQ(planner.next_deadline(), 3s);
}

TEST(Planner, IsBounded) {
  Planner planner({{0ms}, 10});
  std::vector<Target> many;
  for (std::uint32_t port = 0; port < 50; ++port) many.push_back({port, {}, kMac, kVip4});
  planner.announce(many, 0s);
  EXPECT_EQ(planner.planned(), 10U);
  planner.announce({many.front()}, 0s);
  EXPECT_EQ(planner.planned(), 10U);
}

}  // namespace
}  // namespace distributor::announce
