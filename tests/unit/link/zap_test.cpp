// X2: the decision itself, on requests as ZeroMQ's RFC 27 (ZAP) draws them.
#include "sync/link/detail/zap.hpp"

#include <gmock/gmock.h>
#include <zmq.h>

#include <array>

#include "sync/link/detail/rate_limit.hpp"
#include "sync/link/keys.hpp"

namespace distributor::link::detail {
namespace {

using testing::ElementsAre;

std::string raw(const std::string& key) {
  std::array<std::uint8_t, 32> bytes{};
  zmq_z85_decode(bytes.data(), key.c_str());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Case {
  const char* description;
  std::vector<std::string> request;
  bool answerable;
  bool admitted;
};

TEST(Zap, AdmitsExactlyThePeersKeys) {
  const std::string peer = generate_key_pair().public_key, next = generate_key_pair().public_key;
  const std::string stranger = generate_key_pair().public_key;
  const std::string d = "distributor";
  const std::vector<Case> cases = {
      {"the peer", {"1.0", "1", d, "192.0.2.2", "", "CURVE", raw(peer)}, true, true},
      {"the peer's next key", {"1.0", "1", d, "192.0.2.2", "", "CURVE", raw(next)}, true, true},
      {"a stranger", {"1.0", "1", d, "192.0.2.2", "", "CURVE", raw(stranger)}, true, false},
      {"no encryption", {"1.0", "1", d, "192.0.2.2", "", "NULL"}, true, false},
      {"a password", {"1.0", "1", d, "192.0.2.2", "", "PLAIN", "user", "password"}, true, false},
      {"another domain", {"1.0", "1", "global", "192.0.2.2", "", "CURVE", raw(peer)}, true, false},
      {"a short key", {"1.0", "1", d, "192.0.2.2", "", "CURVE", raw(peer).substr(1)}, true, false},
      {"the key as text", {"1.0", "1", d, "192.0.2.2", "", "CURVE", peer}, true, false},
      {"another version", {"2.0", "1", d, "192.0.2.2", "", "CURVE", raw(peer)}, false, false},
      {"nothing", {}, false, false},
  };
  for (const Case& c : cases) {
    const ZapVerdict verdict = judge(c.request, d, {peer, next});
    EXPECT_EQ(verdict.answerable, c.answerable) << c.description;
    EXPECT_EQ(verdict.admitted, c.admitted) << c.description;
    if (c.answerable) {
      EXPECT_EQ(verdict.reply.at(2), c.admitted ? "200" : "400") << c.description;
    }
  }
}

TEST(Zap, NobodyIsAdmittedWithoutPeerKeys) {
  const std::string key = generate_key_pair().public_key;
  EXPECT_FALSE(judge({"1.0", "1", "d", "", "", "CURVE", raw(key)}, "d", {}).admitted);
}

TEST(RateLimit, OncePerTextAndIntervalAndBounded) {
  using namespace std::chrono_literals;
  RateLimit limit(60s);
  const RateLimit::Clock::time_point start{};
  EXPECT_TRUE(limit.due("x", start));
  EXPECT_FALSE(limit.due("x", start + 59s));
  EXPECT_TRUE(limit.due("y", start + 59s));
  EXPECT_TRUE(limit.due("x", start + 60s));
  int reported = 0;
  for (int i = 0; i < 1000; ++i) reported += limit.due("key " + std::to_string(i), start + 61s) ? 1 : 0;
  EXPECT_EQ(reported, 62);
}

}  // namespace
}  // namespace distributor::link::detail
