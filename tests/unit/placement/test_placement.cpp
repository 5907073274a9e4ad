// The choice of a position, by itself: golden scores, ties, who moves (A3-A6, A8, F1, F7).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include "openflow/placement/granularity.hpp"
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
  const Selection selection{0, whole_fields(false)};
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

TEST(Placement, AGrowingClusterMovesClientsToTheNewOneAlone) {  // F7, S:572
  const RendezvousHash hash;
  constexpr std::uint32_t kMany = 100'000;
  const LoadBalancer before = cluster(8, 3);
  const LoadBalancer after = cluster(9, 3);
  std::uint32_t moved = 0;
  for (std::uint32_t n = 0; n < kMany; ++n) {
    const auto old_position = hash.where(before, client_number(n));
    const auto new_position = hash.where(after, client_number(n));
    if (old_position == new_position) continue;
    ASSERT_EQ(new_position, Position{8}) << "nobody moves between those that were there";
    ++moved;
  }
  EXPECT_NEAR(moved, kMany / 9.0, kMany * 0.005);
}

TEST(Placement, SeveralVacantSlotsSpreadTheirClientsOverAllThatAreLeft) {  // F4
  const RendezvousHash hash;
  const LoadBalancer whole = cluster(8, 3);
  LoadBalancer holes = whole;
  for (const std::size_t gone : {1U, 4U, 5U}) holes.slots[gone].occupant.reset();
  std::map<std::uint32_t, std::uint32_t> taken;
  for (std::uint32_t n = 0; n < kClients; ++n) {
    const auto before = hash.where(whole, client_number(n))->value;
    const auto after = hash.where(holes, client_number(n))->value;
    ASSERT_TRUE(holes.slots[after].occupant) << "never a black hole";
    if (whole.slots[before].occupant && holes.slots[before].occupant) {
      ASSERT_EQ(after, before);
    } else {
      ++taken[after];
    }
  }
  EXPECT_EQ(taken.size(), 5U);
  for (const auto& [position, count] : taken) EXPECT_NEAR(count, kClients * 3.0 / 8 / 5, kClients * 0.02) << position;
}

TEST(Placement, SpreadsEvenly) {
  const RendezvousHash hash;
  const LoadBalancer lb = cluster(4, 3);
  std::array<std::uint32_t, 4> hits{};
  for (std::uint32_t n = 0; n < 100'000; ++n) ++hits[hash.where(lb, client_number(n))->value];
  for (const auto count : hits) EXPECT_NEAR(count, 25'000, 750);
}

// How many different masked values the clients have: as many datapath flows, at most, can come of them.
std::size_t classes(const std::vector<HashInput>& fields, const std::vector<Client>& clients) {
  std::set<std::vector<std::uint8_t>> seen;
  for (const auto& client : clients) {
    std::vector<std::uint8_t> key{static_cast<std::uint8_t>(client.address.family())};
    for (const auto& input : fields) {
      const bool v4 = input.field == HashField::ip_src && client.address.is_v4();
      const bool v6 = input.field == HashField::ipv6_src && !client.address.is_v4();
      const bool port = input.field == HashField::tcp_src && client.protocol == Protocol::tcp;
      for (std::size_t i = 0; i < width_of(input.field); ++i) {
        if (v4 || v6) key.push_back(client.address.bytes()[i] & input.mask[i]);
        if (port) key.push_back(static_cast<std::uint8_t>(i == 0 ? client.port >> 8U : client.port) & input.mask[i]);
      }
    }
    seen.insert(key);
  }
  return seen.size();
}

TEST(Granularity, BoundsTheClassesOfAnyClients) {  // A7
  std::mt19937 random(7);
  std::vector<Client> v4;
  std::vector<Client> v6;
  for (int i = 0; i < 200'000; ++i) {
    const auto byte = [&] { return static_cast<std::uint8_t>(random()); };
    v4.push_back({IpAddress::v4({byte(), byte(), byte(), byte()}), static_cast<std::uint16_t>(random()), Protocol::tcp});
    std::array<std::uint8_t, 16> bytes{};
    for (auto& one : bytes) one = byte();
    v6.push_back({IpAddress::v6(bytes), static_cast<std::uint16_t>(random()), Protocol::tcp});
  }
  for (const std::uint32_t bound : {16U, 17U, 1000U, 1024U, 4096U, 65'536U}) {
    for (const bool ports : {false, true}) {
      const auto fields = bounded_fields(bound, ports);
      for (const auto* clients : {&v4, &v6}) {
        EXPECT_LE(classes(fields, *clients), bound);
        EXPECT_GE(classes(fields, *clients), bound / 4) << "most of what the bound allows is used";
      }
      for (const auto& input : fields) {
        EXPECT_NE(input.mask, HashInput{}.mask) << "Open vSwitch refuses an empty mask";
      }
    }
  }
}

TEST(Granularity, SpreadsClientsOfOneSubnetAndOfManyNetworks) {  // A7: not only the last octet
  const RendezvousHash hash;
  LoadBalancer lb = cluster(4, 3);
  lb.hash_classes_max = 1024;
  const auto fullest = [&](auto client_of) {
    std::array<int, 4> hits{};
    for (std::uint32_t n = 0; n < 4096; ++n) ++hits[hash.where(lb, client_of(n))->value];
    return *std::max_element(hits.begin(), hits.end()) / 1024.0;
  };
  const auto b = [](std::uint32_t value) { return static_cast<std::uint8_t>(value); };
  using Bytes6 = std::array<std::uint8_t, 16>;
  // Fullest amphora against the mean.
  EXPECT_LT(fullest([&](std::uint32_t n) { return Client{IpAddress::v4({203, 0, b(n >> 8U), b(n)})}; }), 1.6) << "a /20";
  EXPECT_LT(fullest([&](std::uint32_t n) { return Client{IpAddress::v4({b(n >> 8U), b(n), 3, 10})}; }), 2.1)
      << "one host of each network";
  EXPECT_LT(fullest([&](std::uint32_t n) {
              return Client{IpAddress::v6(Bytes6{0x20, 1, 0xd, 0xb8, 0, 0, b(n >> 8U), b(n), 0, 0, 0, 0, 0, 0, 0, 1})};
            }),
            1.6)
      << "one host of each /64";
  EXPECT_LT(fullest([&](std::uint32_t n) {
              return Client{IpAddress::v6(Bytes6{0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, b(n >> 8U), b(n)})};
            }),
            2.6)
      << "hosts of one /64: few classes, and yet every amphora has some";
}

class AlwaysTheFirst final : public Placement {
 public:
  Selection selection(const LoadBalancer& lb) const override { return {lb.hash_seed, {HashInput::whole(HashField::ip_src)}}; }
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
