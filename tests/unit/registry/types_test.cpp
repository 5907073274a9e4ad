#include "sync/registry/types.hpp"

#include <gtest/gtest.h>

#include "sync/registry/load_balancer.hpp"

namespace distributor {
namespace {

template <typename Value>
std::string read(const std::string& text) {
  const auto value = Value::parse(text);
  return value ? value->text() : "refused";
}

TEST(Types, MacAddressReadsSixOctetsAndNothingElse) {
  EXPECT_EQ(read<MacAddress>("02:00:5E:10:00:0a"), "02:00:5e:10:00:0a");
  EXPECT_EQ(read<MacAddress>("02-00-5e-10-00-0a"), "02:00:5e:10:00:0a");
  for (const char* bad :
       {"", "02:00:5e:10:00", "02:00:5e:10:00:0a ", " 02:00:5e:10:00:0a", "02:00:5e:10:00:0a:01", "02:00:5e-10:00:0a",
        "02:00:5e:10:00:0g", "02005e10000a", "2:0:5e:10:0:a", "02:00:5e:10:00:+a"}) {
    EXPECT_EQ(read<MacAddress>(bad), "refused") << bad;
  }
  EXPECT_TRUE(MacAddress::parse("ff:ff:ff:ff:ff:ff")->is_multicast());
  EXPECT_TRUE(MacAddress::parse("01:00:5e:00:00:01")->is_multicast());
  EXPECT_TRUE(MacAddress::parse("00:00:00:00:00:00")->is_zero());
}

TEST(Types, IpAddressReadsBothFamiliesStrictly) {
  EXPECT_EQ(read<IpAddress>("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(read<IpAddress>("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
  EXPECT_EQ(read<IpAddress>("::"), "::");
  for (const char* bad :
       {"", "192.0.2", "192.0.2.1 ", " 192.0.2.1", "192.0.2.256", "192.0.2.01", "0x7f.0.0.1", "192.0.2.1/24",
        "2001:db8::1%eth0", "2001:db8:::1", "::ffff:192.0.2.1", "::ffff:c000:201", "1.2.3.4.5", "example"}) {
    EXPECT_EQ(read<IpAddress>(bad), "refused") << bad;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("192.0.2.1\0", 10)));
  EXPECT_FALSE(IpAddress::parse(std::string(100'000, '1')));
}

TEST(Types, IpAddressKnowsItsKinds) {
  EXPECT_TRUE(IpAddress::parse("0.0.0.0")->is_unspecified());
  EXPECT_TRUE(IpAddress::parse("::")->is_unspecified());
  EXPECT_TRUE(IpAddress::parse("224.0.0.18")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("ff02::1")->is_multicast());
  EXPECT_FALSE(IpAddress::parse("240.0.0.1")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("127.0.0.53")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("255.255.255.255")->is_limited_broadcast());
}

TEST(Types, PrefixMasksHostBitsAndBoundsItsLength) {
  EXPECT_EQ(read<IpPrefix>("192.0.2.7/24"), "192.0.2.0/24");
  EXPECT_EQ(read<IpPrefix>("192.0.2.7/0"), "0.0.0.0/0");
  EXPECT_EQ(read<IpPrefix>("192.0.2.7/32"), "192.0.2.7/32");
  EXPECT_EQ(read<IpPrefix>("10.255.255.255/9"), "10.128.0.0/9");
  EXPECT_EQ(read<IpPrefix>("2001:db8::ff/121"), "2001:db8::80/121");
  EXPECT_EQ(read<IpPrefix>("2001:db8::1/128"), "2001:db8::1/128");
  for (const char* bad : {"", "/24", "192.0.2.0", "192.0.2.0/", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/-1",
                          "192.0.2.0/+8", "192.0.2.0/024", "192.0.2.0/24 ", "192.0.2.0/ 24", "192.0.2.0/24/24",
                          "192.0.2.0/255.255.255.0", "192.0.2.0/99999999999"}) {
    EXPECT_EQ(read<IpPrefix>(bad), "refused") << bad;
  }
}

TEST(Types, PrefixContainsItsOwnFamilyOnly) {
  const auto four = *IpPrefix::parse("192.0.2.64/26");
  EXPECT_TRUE(four.contains(*IpAddress::parse("192.0.2.127")));
  EXPECT_FALSE(four.contains(*IpAddress::parse("192.0.2.128")));
  EXPECT_FALSE(four.contains(*IpAddress::parse("192.0.2.63")));
  EXPECT_FALSE(IpPrefix::parse("::/0")->contains(*IpAddress::parse("192.0.2.1")));
  EXPECT_TRUE(IpPrefix::parse("::/0")->contains(*IpAddress::parse("2001:db8::1")));
}

TEST(Types, UuidFoldsCase) {
  EXPECT_EQ(read<LoadBalancerId>("5F0E1A52-9a0c-4D0C-9f63-0d0f7a4c1b11"), "5f0e1a52-9a0c-4d0c-9f63-0d0f7a4c1b11");
  for (const char* bad : {"", "5f0e1a529a0c4d0c9f630d0f7a4c1b11", "5f0e1a52-9a0c-4d0c-9f63-0d0f7a4c1b1",
                          "5f0e1a52-9a0c-4d0c-9f63-0d0f7a4c1b1g", "{5f0e1a52-9a0c-4d0c-9f63-0d0f7a4c1b11}",
                          "5f0e1a52_9a0c-4d0c-9f63-0d0f7a4c1b11"}) {
    EXPECT_EQ(read<LoadBalancerId>(bad), "refused") << bad;
  }
}

TEST(Types, NodeIdTakesSafeCharacters) {
  EXPECT_EQ(read<NodeId>("node-A_1.example"), "node-A_1.example");
  EXPECT_EQ(read<NodeId>(std::string(64, 'n')), std::string(64, 'n'));
  EXPECT_EQ(read<NodeId>(std::string(65, 'n')), "refused");
  for (const char* bad : {"", "a b", "a/b", "a\n", "\xc3\xa9"}) EXPECT_EQ(read<NodeId>(bad), "refused") << bad;
}

TEST(Types, RefusalsAreBoundedAndPrintable) {
  const auto error = MacAddress::parse(std::string(1'000'000, '\n')).error().message;
  EXPECT_LT(error.size(), 200U);
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

TEST(Types, Sha256) {  // FIPS 180-2, appendix B.1
  EXPECT_EQ(sha256("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace distributor
