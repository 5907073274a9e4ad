// Who is asked when, and what is news (D13).
#include "openflow/neighbour/gateways.hpp"

#include <gtest/gtest.h>

namespace distributor::neighbour {
namespace {

using namespace std::chrono_literals;

const LoadBalancerId kLb = *LoadBalancerId::parse("11111111-1111-4111-8111-111111111111");
const IpAddress kGateway = *IpAddress::parse("192.0.2.1");
const IpAddress kOther = *IpAddress::parse("2001:db8::1");
const MacAddress kMac({2, 0, 0, 0, 0, 1});
const MacAddress kNewMac({2, 0, 0, 0, 0, 2});

TEST(Gateways, AreAskedForUntilTheyAnswerAndThenNowAndThen) {
  Gateways gateways;
  EXPECT_FALSE(gateways.next_deadline());
  gateways.want(kLb, {kGateway}, 10s);
  EXPECT_EQ(gateways.next_deadline(), TimePoint(10s));
  EXPECT_EQ(gateways.take_due(10s).size(), 1U);
  EXPECT_TRUE(gateways.take_due(10s).empty());
  EXPECT_EQ(gateways.next_deadline(), TimePoint(11s));
  EXPECT_EQ(gateways.take_due(11s).size(), 1U);
  EXPECT_TRUE(gateways.heard(kLb, kGateway, kMac, 11s));
  EXPECT_EQ(gateways.next_deadline(), TimePoint(21s));
  EXPECT_EQ(gateways.take_due(21s).size(), 1U);
  EXPECT_EQ(gateways.next_deadline(), TimePoint(31s)) << "it keeps what it knows, and asks calmly";
  EXPECT_EQ(gateways.known(kLb).at(kGateway), kMac);
}

TEST(Gateways, OnlyANewAddressIsNews) {
  Gateways gateways;
  gateways.want(kLb, {kGateway}, 0s);
  EXPECT_TRUE(gateways.heard(kLb, kGateway, kMac, 1s));
  EXPECT_FALSE(gateways.heard(kLb, kGateway, kMac, 2s));
  EXPECT_TRUE(gateways.heard(kLb, kGateway, kNewMac, 3s)) << "the router was replaced";
  EXPECT_FALSE(gateways.heard(kLb, kOther, kMac, 3s)) << "nobody wants it";
  EXPECT_FALSE(gateways.heard(kLb, kGateway, MacAddress({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), 3s)) << "no host's address";
  EXPECT_FALSE(gateways.heard(kLb, kGateway, MacAddress({0, 0, 0, 0, 0, 0}), 3s));
}

TEST(Gateways, WhatIsNotWantedAnyMoreIsForgotten) {
  Gateways gateways;
  gateways.want(kLb, {kGateway, kOther}, 0s);
  gateways.heard(kLb, kGateway, kMac, 0s);
  gateways.want(kLb, {kGateway}, 1s);
  EXPECT_EQ(gateways.known(kLb).size(), 1U) << "what is still wanted is still known";
  gateways.want(kLb, {}, 2s);
  EXPECT_TRUE(gateways.known(kLb).empty());
  EXPECT_FALSE(gateways.next_deadline());
  EXPECT_FALSE(gateways.heard(kLb, kGateway, kMac, 2s));
}

}  // namespace
}  // namespace distributor::neighbour
