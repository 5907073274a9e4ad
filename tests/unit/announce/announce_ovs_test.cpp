// Gate and announcements of a thousand VIPs through a real Open vSwitch (H4, D5).
#include <gtest/gtest.h>

#include "ha/announce/announce.hpp"
#include "tests/unit/programmer/ovs_fixture.hpp"

namespace distributor::test {
namespace {

constexpr std::uint32_t kPort = 2;
constexpr std::size_t kVips = 1000;

std::vector<wire::PacketOut> announcements() {
  std::vector<wire::PacketOut> batch;
  for (std::size_t i = 0; i < 2 * kVips; ++i) {
    announce::Target target;
    target.port = kPort;
    target.mac = {0x02, 0, 0, 0, 0x0a, 0x0a};
    const auto high = static_cast<std::uint8_t>(i / 2 >> 8U), low = static_cast<std::uint8_t>(i / 2);
    if (i % 2 == 0) {
      target.vip = announce::Ip4{10, 1, high, low};
    } else {
      target.vip = announce::Ip6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low};
    }
    const auto frame = announce::announcement(target);
    wire::PacketOut packet;
    packet.actions = {wire::Action::output(kPort)};
    packet.frame.assign(frame.begin(), frame.end());
    batch.push_back(std::move(packet));
  }
  return batch;
}

std::uint64_t sent_by_port(OvsSandbox& sandbox) {
  const auto text = sandbox.ofctl("dump-ports", "br0", std::to_string(kPort));
  const auto at = text.find("tx pkts=");
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + 8));
}

// The budget is 50 ms on a quiet machine; the test gives a noisy one ten times as much, prints what it took, and takes the best of five.
TEST_F(Ovs, AThousandVipsAreAnnouncedBehindTheGateInTensOfMilliseconds) {
  auto driver = driver_with({{kBaseKey, base_rules(false)}});
  driver->synchronise();
  double best_ms = 1e9;
  const auto batch = announcements();
  const std::uint64_t before = sent_by_port(*sandbox);
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(driver->programmer.set_desired(kBaseKey, base_rules(true)));
    const auto begun = std::chrono::steady_clock::now();
    std::optional<CommitResult> gate;
    driver->programmer.commit_urgent(kBaseKey, [&](CommitResult result) { gate = std::move(result); });
    ASSERT_TRUE(driver->programmer.packet_out(batch));
    ASSERT_TRUE(loop.run_until([&] { return gate.has_value(); }));
    // A barrier on the same connection: everything before it has been carried out.
    ASSERT_TRUE(driver->programmer.set_desired(kBaseKey, base_rules(false)));
    ASSERT_TRUE(driver->commit_urgent(kBaseKey));
    best_ms = std::min(best_ms, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count());
    ASSERT_TRUE(gate->has_value());
    EXPECT_EQ((*gate)->flows_sent, 1U) << "a takeover is one flow-mod";
  }
  std::printf("gate and %zu announcements: %.1f ms\n", batch.size(), best_ms);
  EXPECT_LT(best_ms, 500);
  EXPECT_GE(sent_by_port(*sandbox) - before, 5 * batch.size()) << "each of them left the port";
}

}  // namespace
}  // namespace distributor::test
