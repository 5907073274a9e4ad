// Announcements as bytes, and their schedule (D5).
#include "ha/announce/announce.hpp"

#include <gmock/gmock.h>

#include <numeric>

#include "ha/announce/planner.hpp"

namespace distributor::announce {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

constexpr Mac kMac{0x02, 0x00, 0x00, 0x00, 0x0a, 0x01};
constexpr Ip4 kVip4{203, 0, 113, 10};
constexpr Ip6 kVip6{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10};

std::string hex(const Frame& frame) {
  std::string text;
  char octet[3];
  for (const auto byte : frame) {
    std::snprintf(octet, sizeof octet, "%02x", byte);
    text += octet;
  }
  return text;
}

TEST(Announce, GratuitousArpOfRfc5227) {
  EXPECT_EQ(hex(gratuitous_arp(kMac, kVip4)),
            "ffffffffffff0200000"
            "00a010806"
            "0001080006040001"
            "020000000a01"
            "cb00710a"
            "000000000000"
            "cb00710a"
            "000000000000000000000000000000000000");
}

TEST(Announce, GratuitousArpInReplyForm) {  // RFC 5944 4.6: the target hardware address is the one to be cached
  const auto frame = gratuitous_arp(kMac, kVip4, {}, ArpForm::reply);
  EXPECT_EQ(hex(Frame(frame.begin() + 20, frame.begin() + 42)),
            "0002"
            "020000000a01"
            "cb00710a"
            "020000000a01"
            "cb00710a");
}

TEST(Announce, UnsolicitedNaOfRfc4861) {
  const auto frame = unsolicited_na(kMac, kVip6);
  ASSERT_EQ(frame.size(), 86U);
  EXPECT_EQ(hex(Frame(frame.begin(), frame.begin() + 22)),
            "333300000001"
            "020000000a01"
            "86dd"
            "60000000"
            "0020"
            "3a"
            "ff");
  EXPECT_EQ(hex(Frame(frame.begin() + 58, frame.end())),
            "20000000"
            "20010db8000100000000000000000010"
            "0201"
            "020000000a01");
}

TEST(Announce, NaChecksumMakesThePseudoHeaderSumToOnes) {  // RFC 1071: a receiver's view, computed another way
  const auto frame = unsolicited_na(kMac, kVip6);
  std::uint64_t sum = 32 + 58;
  for (std::size_t i = 22; i < frame.size(); i += 2) sum += static_cast<std::uint64_t>(frame[i]) * 256 + frame[i + 1];
  EXPECT_EQ(sum % 65535, 0U);
}

TEST(Announce, TagComesBeforeTheType) {
  const auto frame = gratuitous_arp(kMac, kVip4, 100);
  EXPECT_EQ(hex(Frame(frame.begin() + 12, frame.begin() + 18)), "810000640806");
}

Target target(std::uint32_t port) {
  return {port, {}, kMac, kVip4};
}

TEST(Planner, EachTargetAtItsOffsets) {
  Planner planner({{milliseconds(0), milliseconds(200)}, 100});
  planner.announce({target(1), target(2)}, milliseconds(1000));
  EXPECT_THAT(planner.take_due(milliseconds(1000), 10), ElementsAre(target(1), target(2)));
  EXPECT_EQ(planner.next_deadline(), milliseconds(1200));
  EXPECT_TRUE(planner.take_due(milliseconds(1199), 10).empty());
  EXPECT_EQ(planner.take_due(milliseconds(1200), 1).size(), 1U);
  EXPECT_EQ(planner.take_due(milliseconds(1200), 10).size(), 1U);
  EXPECT_EQ(planner.next_deadline(), TimePoint::max());
}

TEST(Planner, TargetThatIsAnnouncedAgainStartsAnew) {
  Planner planner({{milliseconds(0), milliseconds(200)}, 100});
  planner.announce({target(1)}, milliseconds(0));
  planner.take_due(milliseconds(0), 10);
  planner.announce({target(1)}, milliseconds(100));
  EXPECT_EQ(planner.next_deadline(), milliseconds(100));
  EXPECT_THAT(planner.take_due(milliseconds(100), 10), ElementsAre(target(1)));
  EXPECT_EQ(planner.next_deadline(), milliseconds(300));  // the first plan's 200 is gone
  planner.forget(target(1));
  EXPECT_EQ(planner.next_deadline(), TimePoint::max());
}

}  // namespace
}  // namespace distributor::announce
