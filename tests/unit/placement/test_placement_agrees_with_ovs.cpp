// `where` against the real Open vSwitch: its own trace names the bucket it takes (A5).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>
#include <string>

#include "openflow/placement/placement.hpp"
#include "tests/unit/ovsdb/private_ovs.hpp"

namespace distributor::placement {
namespace {

constexpr int kRounds = 32;
constexpr int kClientsPerRound = 200;  // 6,400 in all

class AgreesWithOvs : public testing::Test {
 protected:
  void SetUp() override {
    const std::string missing = test::PrivateOvs::missing();
    if (!missing.empty()) GTEST_SKIP() << missing;
    ovs = std::make_unique<test::PrivateOvs>();
    ovs->vsctl(
        {"add-br", "b", "--", "set", "bridge", "b", "datapath_type=dummy", "fail_mode=secure", "protocols=OpenFlow15"});
  }

  LoadBalancer random_cluster(Affinity affinity, std::optional<std::uint32_t> classes_max) {
    LoadBalancer lb;
    lb.hash_classes_max = classes_max;
    lb.affinity = affinity;
    lb.hash_seed = random();
    lb.slots.resize(2 + random() % 63);
    for (auto& slot : lb.slots) {
      if (random() % 8 != 0) slot.occupant = Amphora{};
    }
    lb.slots.front().occupant = Amphora{};
    return lb;
  }

  // As ovs-ofctl writes them, with masks.
  static std::string fields_of(const LoadBalancer& lb) {
    std::string out;
    for (const auto& input : RendezvousHash().selection(lb).fields) {
      std::array<std::uint8_t, 4> v4{};
      std::copy_n(input.mask.begin(), 4, v4.begin());
      char port[8];
      std::snprintf(port, sizeof port, "0x%02x%02x", input.mask[0], input.mask[1]);
      if (!out.empty()) out += ",";
      switch (input.field) {
        case HashField::ip_src:
          out += "ip_src=" + IpAddress::v4(v4).text();
          break;
        case HashField::ipv6_src:
          out += "ipv6_src=" + IpAddress::v6(input.mask).text();
          break;
        case HashField::tcp_src:
          out += std::string("tcp_src=") + port;
          break;
        case HashField::udp_src:
          out += std::string("udp_src=") + port;
          break;
        case HashField::sctp_src:
          out += std::string("sctp_src=") + port;
          break;
      }
    }
    return out;
  }

  void set_group(const LoadBalancer& lb) {
    std::string group =
        "group_id=1,type=select,selection_method=hash,selection_method_param=" + std::to_string(lb.hash_seed) +
        ",fields(" + fields_of(lb) + ")";
    for (std::size_t id = 0; id < lb.slots.size(); ++id) {
      if (lb.slots[id].occupant) group += ",bucket=bucket_id:" + std::to_string(id) + ",weight:1,actions=in_port";
    }
    ovs->ofctl({"--may-create", "mod-group", "unix:" + ovs->management_socket("b"), group});
  }

  Client random_client() {
    Client client;
    if (random() % 2 == 0) {
      std::array<std::uint8_t, 4> bytes{};
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
      client.address = IpAddress::v4(bytes);
    } else {
      std::array<std::uint8_t, 16> bytes{};
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
      client.address = IpAddress::v6(bytes);
    }
    client.port = static_cast<std::uint16_t>(random());
    constexpr std::array kProtocols{Protocol::tcp, Protocol::udp, Protocol::sctp, Protocol::other};
    client.protocol = kProtocols[random() % kProtocols.size()];
    return client;
  }

  std::string bucket_of(const Client& client) {
    const bool v4 = client.address.is_v4();
    std::string flow = "in_port=controller,";
    const std::string port = std::to_string(client.port);
    switch (client.protocol) {
      case Protocol::tcp:
        flow += (v4 ? "tcp,tcp_src=" : "tcp6,tcp_src=") + port;
        break;
      case Protocol::udp:
        flow += (v4 ? "udp,udp_src=" : "udp6,udp_src=") + port;
        break;
      case Protocol::sctp:
        flow += (v4 ? "sctp,sctp_src=" : "sctp6,sctp_src=") + port;
        break;
      case Protocol::other:
        flow += v4 ? "icmp" : "icmp6";
        break;
    }
    flow += (v4 ? ",nw_src=" : ",ipv6_src=") + client.address.text();
    const std::string trace = ovs->vswitchd().call("ofproto/trace-packet-out", {"b", flow, "group:1"});
    const std::string key = "using bucket ";
    const auto at = trace.find(key);
    return at == std::string::npos ? trace : trace.substr(at + key.size(), trace.find('\n', at) - at - key.size());
  }

  void compare(Affinity affinity, std::optional<std::uint32_t> classes_max = {}) {
    const RendezvousHash hash;
    for (int round = 0; round < kRounds; ++round) {
      const LoadBalancer lb = random_cluster(affinity, classes_max);
      set_group(lb);
      for (int i = 0; i < kClientsPerRound; ++i) {
        const Client client = random_client();
        const auto position = hash.where(lb, client);
        ASSERT_TRUE(position);
        ASSERT_EQ(std::to_string(position->value), bucket_of(client))
            << client.address.text() << " port " << client.port << ", seed " << lb.hash_seed << ", slots "
            << lb.slots.size();
      }
    }
  }

  std::unique_ptr<test::PrivateOvs> ovs;
  std::mt19937_64 random{20'261'124};
};

TEST_F(AgreesWithOvs, SourceAddress) {
  compare(Affinity::source_ip);
}  // A5, A2
TEST_F(AgreesWithOvs, SourceAddressAndPort) {
  compare(Affinity::source_ip_and_port);
}  // A5, A3

TEST_F(AgreesWithOvs, BoundedClasses) {  // A5, A7
  compare(Affinity::source_ip, 1024);
  compare(Affinity::source_ip_and_port, 4096);
}

// Score 0..65535 with 64 buckets: ties are rare among random clients, so look for one on purpose.
TEST_F(AgreesWithOvs, TheLastBucketWinsATie) {  // A5
  LoadBalancer lb;
  lb.slots.resize(64, Slot{Amphora{}, std::nullopt});
  set_group(lb);
  const RendezvousHash hash;
  const Selection selection = hash.selection(lb);
  int ties = 0;
  for (std::uint32_t n = 0; ties < 20; ++n) {
    const Client client{IpAddress::v4(
        {10, static_cast<std::uint8_t>(n >> 16U), static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)})};
    const std::uint32_t winner = hash.where(lb, client)->value;
    const auto score = [&](std::uint32_t id) { return bucket_score(HashVariant::murmur3, selection, client, id); };
    bool tie = false;
    for (std::uint32_t id = 0; id < winner; ++id) tie = tie || score(id) == score(winner);
    if (!tie) continue;
    ++ties;
    ASSERT_EQ(std::to_string(winner), bucket_of(client)) << client.address.text();
  }
}

}  // namespace
}  // namespace distributor::placement
