// The status page and the JSON behind it: concerns, shares, bounds, and that nothing from outside is taken for HTML.
#include <gmock/gmock.h>

#include <boost/json/parse.hpp>

#include "node/overview/page_parts.hpp"

namespace distributor::node {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

BalancerLine balancer(unsigned number, std::size_t buckets) {
  BalancerLine line;
  char id[37];
  std::snprintf(id, sizeof id, "00000000-0000-4000-8000-%012u", number);
  line.id = LoadBalancerId::parse(id).value();
  line.vips = {"192.0.2.10"};
  line.affinity = "Source_IP";
  line.carried = true;
  for (std::uint32_t i = 0; i < buckets; ++i) line.buckets.push_back({Position{i}, MacAddress::parse("02:00:00:00:00:01").value(), "", 25, 2500});
  line.packets = 25 * buckets;
  return line;
}

Overview healthy() {
  Overview overview;
  overview.unix_ms = 1'769'860'800'000;
  overview.pair.pair_id = "pair";
  overview.pair.phase = "leading";
  overview.pair.entitled = true;
  overview.pair.peer_alive = overview.pair.peer_connected = true;
  auto& self = overview.pair.self;
  self.node = NodeId::parse("node-1").value();
  self.role = "MASTER";
  self.leads = self.ready = self.gate_open = self.ovs_programmed = true;
  overview.pair.peer = self;
  overview.pair.peer->node = NodeId::parse("node-2").value();
  overview.pair.peer->role = "BACKUP";
  overview.pair.peer->gate_open = overview.pair.peer->leads = false;
  overview.keepalived_used = overview.keepalived_alive = overview.gatekeeper_connected = true;
  overview.readiness = 150;
  overview.balancers = {balancer(1, 4)};
  return overview;
}

TEST(Overview, AHealthyPairRaisesNoConcern) {
  EXPECT_THAT(concerns_of(healthy()), IsEmpty());
  EXPECT_THAT(overview_page(healthy()), HasSubstr("Nothing needs attention."));
}

TEST(Overview, EachTroubleIsNamed) {
  const std::vector<std::pair<const char*, void (*)(Overview&)>> troubles{
      {"the peer is away", [](Overview& o) { o.pair.peer_alive = false; }},
      {"different states", [](Overview& o) { o.pair.diverged = true; }},
      {"may not own the VIPs: it was wiped", [](Overview& o) { o.pair.entitled = false, o.pair.why_not = "it was wiped"; }},
      {"1 changes were lost", [](Overview& o) { o.pair.dropped.resize(1); }},
      {"clients would move", [](Overview& o) { o.pair.affinity_at_risk = true; }},
      {"the peer is not ready", [](Overview& o) { o.pair.peer->ready = false; }},
      {"this node is not ready: no store", [](Overview& o) { o.pair.self.ready = false, o.readiness_reason = "no store"; }},
      {"Open vSwitch does not hold", [](Overview& o) { o.pair.self.ovs_programmed = false; }},
      {"2 VIP interfaces", [](Overview& o) { o.pair.self.vip_links_wanted = 2; }},
      {"keepalived does not run", [](Overview& o) { o.keepalived_alive = false; }},
      {"the gatekeeper does not watch", [](Overview& o) { o.gatekeeper_connected = false; }},
      {"no packet counters: it is down", [](Overview& o) { o.counters_missing = "it is down"; }},
  };
  for (const auto& [text, spoil] : troubles) {
    auto overview = healthy();
    spoil(overview);
    ASSERT_EQ(concerns_of(overview).size(), 1U) << text;
    EXPECT_THAT(concerns_of(overview).front().text, HasSubstr(text));
    EXPECT_THAT(overview_page(overview), HasSubstr(text));
  }
}

TEST(StatusPage, WhatComesFromOutsideIsEscaped) {  // X3
  auto overview = healthy();
  const std::string evil = "<script>alert('x')</script>&\"";
  overview.pair.pair_id = overview.pair.phase = overview.pair.self.role = overview.pair.self.version = overview.readiness_reason = evil;
  overview.pair.peer->role = overview.pair.peer->version = evil;
  overview.pair.affinity_at_risk = true;
  overview.pair.affinity_reason = evil;
  overview.balancers.front().buckets.front().amphora_id = "<b>";
  overview.balancers.front().vips = {evil};
  overview.counters_missing = evil;
  const auto page = overview_page(overview);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<b>")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
}

TEST(StatusPage, SharesAddUpAndAnEmptyLoadBalancerIsSaid) {
  auto overview = healthy();
  EXPECT_THAT(overview_page(overview), HasSubstr("width:25.0%"));
  overview.balancers.front() = balancer(1, 0);
  EXPECT_THAT(overview_page(overview), HasSubstr("frames are dropped"));
  overview.balancers.clear();
  EXPECT_THAT(overview_page(overview), HasSubstr("None is plugged."));
}

TEST(StatusPage, ManyLoadBalancersAreBounded) {
  auto overview = healthy();
  overview.balancers.clear();
  for (unsigned i = 0; i < 4096; ++i) overview.balancers.push_back(balancer(i, 1));
  EXPECT_THAT(overview_page(overview), HasSubstr("3840 more"));
  const auto few = boost::json::parse(overview_json(overview, 3)).as_object();
  EXPECT_EQ(few.at("loadbalancers").as_array().size(), 3U);
  EXPECT_EQ(few.at("loadbalancers_total").to_number<std::size_t>(), 4096U);
  overview.balancers.assign(64, balancer(1, 256));
  EXPECT_EQ(boost::json::parse(overview_json(overview)).as_object().at("loadbalancers").as_array().size(), kBucketsShownMax / 256);
}

TEST(StatusPage, StandaloneAndUnknownPeerHaveAPicture) {  // H9
  auto overview = healthy();
  overview.pair.standalone = true;
  overview.pair.peer.reset();
  EXPECT_THAT(overview_page(overview), Not(HasSubstr("no contact")));
  overview.pair.standalone = overview.pair.peer_alive = false;
  EXPECT_THAT(overview_page(overview), HasSubstr("no contact"));
}

TEST(StatusPage, TakeoversShowHowLongEachStageTook) {
  auto overview = healthy();
  overview.ownership = {{2000, false, std::nullopt}, {1000, true, api::TakeoverView{3, 200, false, 0.42, 3.08, 5.0, std::nullopt}}, {0, true, api::TakeoverView{2, 200, true, 0, 1, 2, 3}}};
  const auto page = overview_page(overview);
  EXPECT_THAT(page, HasSubstr("<td class=\"n\">0.4 ms</td><td class=\"n\">200, 3.1 ms</td><td class=\"n\">5.0 ms</td><td class=\"n\">never</td>"));
  EXPECT_THAT(page, HasSubstr("<td class=\"n\">already</td>"));
  const auto changes = boost::json::parse(overview_json(overview)).as_object().at("ownership").as_array();
  EXPECT_TRUE(changes.at(0).at("takeover").is_null());
  EXPECT_DOUBLE_EQ(changes.at(1).at("takeover").at("gate_ms").as_double(), 0.42);
}

TEST(StatusPage, NumbersAreReadable) {
  EXPECT_EQ(page::number(0), "0");
  EXPECT_EQ(page::number(1234567), "1,234,567");
  EXPECT_EQ(page::bytes(999), "999 B");
  EXPECT_EQ(page::bytes(1'500'000), "1.5 MB");
  EXPECT_EQ(utc_time(1'769'860'800'000), "2026-01-31 12:00:00");
}

}  // namespace
}  // namespace distributor::node
