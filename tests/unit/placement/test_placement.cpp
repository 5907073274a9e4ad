// The choice of a position, by itself: golden scores, ties, who moves (A3-A6, A8, F1, F7).
#include <gtest/gtest.h>

#include "openflow/placement/placement.hpp"

namespace distributor::placement {
namespace {

LoadBalancer cluster(std::uint32_t slots, std::uint64_t seed = 0) {
  LoadBalancer lb;
  lb.hash_seed = seed;
  for (std::uint32_t i = 0; i < slots; ++i) {
    lb.slots.push_back({Amphora{MacAddress({2, 0, 0, 0, 1, static_cast<std::uint8_t>(i)}), ""}, std::nullopt});
  }
  return lb;
}

Client client_number(std::uint32_t n, std::uint16_t port = 0) {
  const auto byte = [&](unsigned shift) { return static_cast<std::uint8_t>(n >> shift); };
  return {IpAddress::v4({10, byte(16), byte(8), byte(0)}), port, Protocol::tcp};
}

constexpr std::uint32_t kClients = 20'000;

// Scores that ofproto/trace printed for ids 1..4, 203.0.113.7, parameter 0, on either kind of build.
TEST(Placement, ScoresEqualThoseOfOpenVswitchBuilds) {  // A4
  const Selection selection{0, {HashField::ip_src, HashField::ipv6_src}};
  const Client client{IpAddress::v4({203, 0, 113, 7})};
  const auto scores = [&](HashVariant variant) {
    std::vector<std::uint32_t> out;
    for (std::uint32_t id = 1; id <= 4; ++id) out.push_back(bucket_score(variant, selection, client, id));
    return out;
  };
  EXPECT_EQ(scores(HashVariant::murmur3), (std::vector<std::uint32_t>{31287, 42144, 45093, 60722}));
  EXPECT_EQ(scores(HashVariant::crc32c), (std::vector<std::uint32_t>{42770, 19109, 47069, 48713}));
}

TEST(Placement, SourcePortCountsOnlyWithPortAffinity) {  // A2, A3
  const RendezvousHash hash;
  LoadBalancer lb = cluster(8);
  const auto distinct = [&](Protocol protocol) {
    std::set<Position> seen;
    for (std::uint16_t port = 1000; port < 1500; ++port) {
      Client client = client_number(7, port);
      client.protocol = protocol;
      seen.insert(*hash.where(lb, client));
    }
    return seen.size();
  };
  EXPECT_EQ(distinct(Protocol::tcp), 1U);
  EXPECT_EQ(distinct(Protocol::udp), 1U);
  lb.affinity = Affinity::source_ip_and_port;
  EXPECT_EQ(distinct(Protocol::tcp), 8U);
  EXPECT_EQ(distinct(Protocol::udp), 8U);
  EXPECT_EQ(distinct(Protocol::sctp), 8U);
  EXPECT_EQ(distinct(Protocol::other), 1U);  // ICMP has no port
}

TEST(Placement, VacantSlotMovesOnlyItsOwnClientsAndTheyReturn) {  // F1, F7
  const RendezvousHash hash;
  const LoadBalancer full = cluster(8, 42);
  for (std::uint32_t gone = 0; gone < 8; ++gone) {
    LoadBalancer less = full;
    less.slots[gone].occupant.reset();
    for (std::uint32_t n = 0; n < kClients; ++n) {
      const auto before = *hash.where(full, client_number(n));
      const auto after = *hash.where(less, client_number(n));
      if (before.value == gone) {
        ASSERT_NE(after.value, gone);
      } else {
        ASSERT_EQ(before, after);
      }
    }
  }
}

TEST(Placement, AnAddedPositionTakesItsShareAndNothingElseMoves) {  // F7
  const RendezvousHash hash;
  std::uint32_t moved = 0;
  for (std::uint32_t n = 0; n < kClients; ++n) {
    const auto before = *hash.where(cluster(7, 1), client_number(n));
    const auto after = *hash.where(cluster(8, 1), client_number(n));
    if (before == after) continue;
    ASSERT_EQ(after.value, 7U);
    ++moved;
  }
  EXPECT_NEAR(moved, kClients / 8.0, kClients / 80.0);
}

TEST(Placement, AnotherMacInTheSameSlotMovesNobody) {  // F1, F2
  const RendezvousHash hash;
  const LoadBalancer before = cluster(4, 9);
  LoadBalancer after = before;
  after.slots[2].occupant->mac = MacAddress({2, 9, 9, 9, 9, 9});
  for (std::uint32_t n = 0; n < kClients; ++n) {
    ASSERT_EQ(hash.where(before, client_number(n)), hash.where(after, client_number(n)));
  }
}

TEST(Placement, SeedChangesTheMapping) {  // A6
  const RendezvousHash hash;
  std::uint32_t equal = 0;
  for (std::uint32_t n = 0; n < kClients; ++n) {
    if (hash.where(cluster(8, 1), client_number(n)) == hash.where(cluster(8, 2), client_number(n))) ++equal;
  }
  EXPECT_NEAR(equal, kClients / 8.0, kClients / 80.0);
}

TEST(Placement, NoOccupiedSlotMeansNowhere) {
  const RendezvousHash hash;
  EXPECT_FALSE(hash.where(cluster(0), client_number(1)));
  LoadBalancer vacant = cluster(3);
  for (auto& slot : vacant.slots) slot.occupant.reset();
  vacant.spares.push_back({MacAddress({2, 0, 0, 0, 9, 9}), ""});
  EXPECT_FALSE(hash.where(vacant, client_number(1)));
}

TEST(Placement, SpreadsEvenly) {
  const RendezvousHash hash;
  const LoadBalancer lb = cluster(4, 3);
  std::array<std::uint32_t, 4> hits{};
  for (std::uint32_t n = 0; n < 100'000; ++n) ++hits[hash.where(lb, client_number(n))->value];
  for (const auto count : hits) EXPECT_NEAR(count, 25'000, 750);
}

class AlwaysTheFirst final : public Placement {
 public:
  Selection selection(const LoadBalancer& lb) const override { return {lb.hash_seed, {HashField::ip_src}}; }
  std::optional<Position> where(const LoadBalancer&, const Client&) const override { return Position{0}; }
};

TEST(Placement, AnotherAlgorithmIsOneRegistration) {  // A8
  Algorithms algorithms = Algorithms::standard();
  EXPECT_EQ(algorithms.find("first"), nullptr);
  algorithms.add("first", std::make_shared<AlwaysTheFirst>());
  ASSERT_NE(algorithms.find("first"), nullptr);
  EXPECT_EQ(algorithms.find("first")->where(cluster(4), client_number(5)), Position{0});
  EXPECT_EQ(algorithms.names(), (std::vector<std::string>{"first", "hash"}));
}

}  // namespace
}  // namespace distributor::placement
