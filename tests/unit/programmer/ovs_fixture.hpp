// A fixture with a private Open vSwitch and programmers on its bridge, and the rules that its tests program.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tests/unit/programmer/harness.hpp"
#include "tests/unit/programmer/ovs_sandbox.hpp"
#include "tests/unit/wire/facts_rules.hpp"

namespace distributor::test {
using programmer::kBaseKey;

inline constexpr programmer::Key kLb = 1;

inline Rules base_rules(bool gate_open) {
  return {{{0, 0, 0, Match(), {}}, {2, 1, 0, Match(), gate_open ? Actions{Action::resubmit_table(3)} : Actions{}}}, {}};
}

// Everything that facts_rules() says but its table-miss rule, which is the base's.
inline Rules load_balancer(std::uint32_t amphorae = 4) {
  Rules rules = facts_rules(amphorae);
  std::erase_if(rules.flows, [](const FlowRule& rule) { return rule.match.empty(); });
  return rules;
}

// Small load balancer of its own ordinal, for numbers.
inline Rules numbered(std::uint32_t ordinal, std::uint32_t group_offset = 0) {
  const IpAddress vip =
      IpAddress::v4({10, 1, static_cast<std::uint8_t>(ordinal >> 8U), static_cast<std::uint8_t>(ordinal)});
  return {{{0,
            100,
            ordinal,
            Match().in_port(1).eth_dst(kNodeMac).ip_dst(vip),
            {Action::group(100 + ordinal + group_offset)}},
           {3, 100, ordinal, Match().in_port(1).arp_op(1).arp_tpa(vip), arp_responder().actions}},
          {select_group(100 + ordinal, 4, ordinal)}};
}

inline std::size_t lines_with(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

class Ovs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!OvsSandbox::installed()) GTEST_SKIP() << "Open vSwitch is not installed: apt-get install openvswitch-switch";
    sandbox.emplace();
    sandbox->add_bridge("br0", {"p1", "p2"});
  }
  std::unique_ptr<Driver> driver() {
    return std::make_unique<Driver>(loop, options_for(sandbox->management_socket("br0")));
  }
  std::unique_ptr<Driver> driver_with(std::initializer_list<std::pair<programmer::Key, Rules>> desired) {
    auto out = driver();
    for (const auto& [key, rules] : desired) EXPECT_TRUE(out->programmer.set_desired(key, rules));
    return out;
  }
  std::string flows() { return sandbox->ofctl("dump-flows", "br0"); }
  std::string flows_without_counters() {
    return sandbox->run("ovs-ofctl -O OpenFlow15 --no-stats dump-flows unix:" + sandbox->management_socket("br0"));
  }
  std::string groups() { return sandbox->ofctl("dump-groups", "br0"); }
  void inject(const std::string& flow) { sandbox->appctl("netdev-dummy/receive p1 '" + flow + "'"); }
  void inject_to_vip(int source) {
    inject("in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:0a:0a),eth_type(0x0800),ipv4(src=203.0.113." +
           std::to_string(source) + ",dst=192.0.2.100,proto=17,tos=0,ttl=64,frag=no),udp(src=1000,dst=53)");
  }

  programmer::CounterReport counters(Driver& driver) {
    std::optional<programmer::CounterReport> report;
    driver.programmer.query_counters([&](auto answer) { report = answer.value(); }, true);
    EXPECT_TRUE(loop.run_until([&] { return report.has_value(); }));
    return report.value_or(programmer::CounterReport{});
  }
  static std::uint64_t packets_in_group(const programmer::CounterReport& report, std::uint32_t group) {
    std::uint64_t sum = 0;
    for (const auto& bucket : report.buckets) sum += bucket.group_id == group ? bucket.counters.packets : 0;
    return sum;
  }
  static std::uint64_t packets_of_cookie(const programmer::CounterReport& report, std::uint64_t cookie) {
    std::uint64_t sum = 0;
    for (const auto& flow : report.flows) sum += flow.cookie == cookie ? flow.counters.packets : 0;
    return sum;
  }
  // The datapath's counters reach flows and groups with the next revalidation, within half a second.
  bool packets_arrive(Driver& driver, std::uint32_t group, std::uint64_t packets) {
    return loop.run_until([&] { return packets_in_group(counters(driver), group) >= packets; });
  }

  std::optional<OvsSandbox> sandbox;
  Loop loop;
};

}  // namespace distributor::test
