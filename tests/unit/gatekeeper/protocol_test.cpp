// Beats and replies as bytes (H12), and what is refused (X3).
#include "ha/gatekeeper/protocol.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace distributor::gatekeeper {
namespace {

using keepalived::VrrpState;
using Bytes = std::vector<std::uint8_t>;

const Bytes kBeat{'D',  'G',  'K',  '1',  1,    1,    1,    0,       // beat, MASTER, gate open
                  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,    // seq
                  0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x2a};   // episode_seen
const Bytes kReply{'D',  'G',  'K',  '1',  2,    0,    3,    0,      // reply, declared dead, gate closed
                   0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,   // seq
                   0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01};  // episode
const Beat kBeatValue{0x0102030405060708, 0xff0000000000002a, VrrpState::master, true};
const Reply kReplyValue{256, 0x8000000000000001, true, true};

template <typename Array>
Bytes bytes_of(const Array& array) {
  return {array.begin(), array.end()};
}

TEST(GatekeeperProtocol, GoldenBytes) {
  EXPECT_EQ(bytes_of(encode(kBeatValue)), kBeat);
  EXPECT_EQ(bytes_of(encode(kReplyValue)), kReply);
  EXPECT_EQ(decode_beat(kBeat), kBeatValue);
  EXPECT_EQ(decode_reply(kReply), kReplyValue);
}

TEST(GatekeeperProtocol, EveryStateComesBack) {
  for (const auto vrrp :
       {VrrpState::unknown, VrrpState::master, VrrpState::backup, VrrpState::fault, VrrpState::stopped}) {
    for (const bool open : {false, true}) {
      const Beat beat{7, 3, vrrp, open};
      EXPECT_EQ(decode_beat(encode(beat)), beat);
    }
  }
  for (const bool dead : {false, true}) {
    for (const bool closed : {false, true}) {
      EXPECT_EQ(decode_reply(encode(Reply{7, 3, dead, closed})), (Reply{7, 3, dead, closed}));
    }
  }
}

TEST(GatekeeperProtocol, OneIsNotTakenForTheOther) {
  EXPECT_FALSE(decode_reply(kBeat));
  EXPECT_FALSE(decode_beat(kReply));
}

TEST(GatekeeperProtocol, AnyOtherLengthIsRefused) {  // X3
  for (std::size_t size = 0; size < kBeat.size(); ++size) {
    EXPECT_FALSE(decode_beat(Bytes(kBeat.begin(), kBeat.begin() + static_cast<std::ptrdiff_t>(size))));
    EXPECT_FALSE(decode_reply(Bytes(kReply.begin(), kReply.begin() + static_cast<std::ptrdiff_t>(size))));
  }
  auto longer = kBeat;
  longer.push_back(0);
  EXPECT_FALSE(decode_beat(longer));
}

TEST(GatekeeperProtocol, WrongMagicStateFlagOrPaddingIsRefused) {  // X3
  for (std::size_t at = 0; at < 8; ++at) {
    auto beat = kBeat;
    auto reply = kReply;
    beat[at] = reply[at] = 0x77;
    EXPECT_FALSE(decode_beat(beat)) << at;
    EXPECT_FALSE(decode_reply(reply)) << at;
  }
}

TEST(GatekeeperProtocol, WhatIsTakenFromNoiseIsExactlyWhatWouldBeSent) {  // X3
  std::mt19937 random(12);
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = kBeat;
    for (auto flips = random() % 3; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    const auto beat = decode_beat(bytes);
    if (!beat) continue;
    ++taken;
    EXPECT_EQ(bytes_of(encode(*beat)), bytes);
  }
  EXPECT_GT(taken, 0);
}

}  // namespace
}  // namespace distributor::gatekeeper
