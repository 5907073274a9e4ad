// What PUT /1.0/certificate takes and refuses (P2).
#include "api/certificate/bundle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/unit/api/certificates.hpp"

namespace distributor::api {
namespace {

using std::chrono::hours;
using testing::Certificates;
using ::testing::HasSubstr;
using testing::Identity;

constexpr const char* kName = "6f0c5a0e-6b8e-4d6c-9a53-0d5b1a3e7f10";

std::string text_of(const std::string& file) {
  std::ifstream input(file);
  return {std::istreambuf_iterator<char>(input), {}};
}

class BundleTest : public ::testing::Test {
 protected:
  BundleTest() { certificates.make_ca("ca"); }
  Identity issue(const std::string& name, Certificates::Validity validity = Certificates::Validity::now, const std::string& server_name = kName) {
    return certificates.issue("ca", name, validity, server_name);
  }
  static std::string bundle(const Identity& identity) { return text_of(identity.certificate_file) + text_of(identity.key_file); }
  void expect_refused(const std::string& pem, const std::string& said) {
    const auto checked = check_bundle(pem, kName, now);
    ASSERT_FALSE(checked) << said;
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_certificate);
    EXPECT_THAT(details_of(checked.error()), HasSubstr(said));
  }

  Certificates certificates;
  WallTime now = std::chrono::system_clock::now();
};

TEST_F(BundleTest, TakesACertificateAndItsKey) {  // P2
  const auto checked = check_bundle(bundle(issue("server")), kName, now);
  ASSERT_TRUE(checked) << details_of(checked.error());
  EXPECT_EQ(checked->subject, "CN=server");
  EXPECT_EQ(checked->chain, 1U);
  EXPECT_LT(checked->not_before, now);
  EXPECT_GT(checked->not_after, now + hours(24));
}

TEST_F(BundleTest, TakesTheKeyFirstAndTheChainBehind) {  // P2
  const auto identity = issue("server");
  const auto pem = text_of(identity.key_file) + text_of(identity.certificate_file) + text_of(certificates.path("ca.pem"));
  const auto checked = check_bundle(pem, kName, now);
  ASSERT_TRUE(checked) << details_of(checked.error());
  EXPECT_EQ(checked->chain, 2U);
}

TEST_F(BundleTest, RefusesGarbage) {  // P2
  const auto good = bundle(issue("server"));
  expect_refused("", "an empty body");
  expect_refused("garbage", "found none");
  expect_refused(std::string(1000, '\0'), "found none");
  expect_refused(text_of(issue("lone").certificate_file), "wanted one PRIVATE KEY block, found 0");
  expect_refused(text_of(issue("lonely").key_file), "wanted a CERTIFICATE block, found none");
  expect_refused(good + text_of(issue("two").key_file), "wanted one PRIVATE KEY block, found 2");
  expect_refused(good + "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "found a block X509 CRL");
  expect_refused(good.substr(0, good.size() - 40), "damaged");
  expect_refused(good + std::string(kBundleBytesMax, '\n'), "wanted at most 65536 bytes");
  auto damaged = good;
  damaged[good.find('\n') + 1] = '!';
  EXPECT_FALSE(check_bundle(damaged, kName, now));
}

TEST_F(BundleTest, RefusesAnotherKey) {  // P2
  expect_refused(text_of(issue("server").certificate_file) + text_of(issue("other").key_file), "wanted the private key of the certificate");
}

TEST_F(BundleTest, RefusesAKeyWithAPassphraseWithoutAskingForIt) {  // P2
  const auto identity = issue("server");
  expect_refused(text_of(identity.certificate_file) + certificates.encrypted_key("server"), "without a passphrase");
}

TEST_F(BundleTest, RefusesWhatIsExpiredOrNotYetValid) {  // P2
  expect_refused(bundle(issue("old", Certificates::Validity::expired)), "expired at");
  expect_refused(bundle(issue("early", Certificates::Validity::not_yet)), "is valid from");
}

TEST_F(BundleTest, AClockThatIsALittleBehindIsForgiven) {  // P2: Octavia issues with its own clock
  const auto good = bundle(issue("server"));
  const auto begins = check_bundle(good, kName, now)->not_before;
  EXPECT_TRUE(check_bundle(good, kName, begins - kClockSkewMax));
  EXPECT_FALSE(check_bundle(good, kName, begins - kClockSkewMax - std::chrono::seconds(1)));
}

TEST_F(BundleTest, RefusesAnotherName) {  // P2, P10: what Octavia's client compares
  expect_refused(bundle(issue("server", Certificates::Validity::now, "another")), std::string("dNSName ") + kName + ", found another");
  expect_refused(bundle(issue(kName, Certificates::Validity::now, "")), "found none");  // the common name alone is not enough
}

TEST_F(BundleTest, RefusesAChainThatIsNone) {  // P2
  certificates.make_ca("stranger");
  expect_refused(bundle(issue("server")) + text_of(certificates.path("stranger.pem")), "is not signed by the next one");
}

TEST(Expiry, StagesAreThirtySevenAndOneDay) {  // P2
  const auto now = std::chrono::system_clock::now();
  EXPECT_EQ(expiry_stage(now + hours(24 * 14), now), std::nullopt);
  EXPECT_EQ(expiry_stage(now + hours(24 * 13), now), 13);
  EXPECT_EQ(expiry_stage(now + hours(24 * 8), now), 13);
  EXPECT_EQ(expiry_stage(now + hours(24 * 7), now), 7);
  EXPECT_EQ(expiry_stage(now + hours(25), now), 7);
  EXPECT_EQ(expiry_stage(now + hours(24), now), 1);
  EXPECT_EQ(expiry_stage(now, now), 0);
}

TEST(Expiry, TimesAreUtc) { EXPECT_EQ(utc_text(WallTime{} + hours(24)), "1970-01-02T00:00:00Z"); }

}  // namespace
}  // namespace distributor::api
