// What status and watch show: rates, bars, bounds of the window.
#include "node/ctl/screen.hpp"

#include <gmock/gmock.h>

#include <boost/json/parse.hpp>

#include "node/ctl/human.hpp"

namespace distributor::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

boost::json::object overview(long ms, long first, long second) {
  return boost::json::parse(R"({"unix_ms":)" + std::to_string(ms) + R"(,"concerns":[],"pair":{"pair_id":"p","phase":"leading","term":7,"affinity":"ok","dropped_total":0,"peer_alive":true,
    "self":{"node_id":"node-1","role":"MASTER","gate_open":true,"ready":true,"ovs_programmed":true,"vip_links_up":1,"vip_links_wanted":1,"committed_seq":4,"programmed_seq":4},
    "peer":{"node_id":"node-2","role":"BACKUP","gate_open":false,"ready":true,"ovs_programmed":true,"vip_links_up":1,"vip_links_wanted":1,"committed_seq":4,"programmed_seq":4}},
    "replication_lag":{"entries":0,"seconds":0},"changes":{"pair":4,"local":0},"open_vswitch":{"repairs":0,"programming_last_ms":0.5},
    "ownership":[{"unix_ms":1,"utc":"2026-01-31 12:00:00","gained":true,
      "takeover":{"number":3,"planned":false,"gate_ms":0.42,"announcements":200,"announced_ms":3.08,"term_ms":5.0,"writes_ms":null}}],"loadbalancers_total":1,
    "loadbalancers":[{"lb_id":"a","vips":["192.0.2.10","2001:db8::10"],"carried":true,"vacant":0,"spares":1,"packets":)" + std::to_string(first + second) +
                            R"(,"bytes":0,"buckets":[{"position":0,"mac_address":"02:00:00:00:00:01","packets":)" + std::to_string(first) +
                            R"(,"bytes":0},{"position":1,"mac_address":"02:00:00:00:00:02","packets":)" + std::to_string(second) + R"(,"bytes":0}]}]})")
      .as_object();
}

TEST(Screen, RatesAreDifferencesOverTime) {
  auto now = overview(3000, 1300, 100);
  add_rates(overview(1000, 1000, 0), now);
  const auto& lb = now.at("loadbalancers").at(0);
  EXPECT_DOUBLE_EQ(lb.at("packets_per_s").as_double(), 200);
  EXPECT_DOUBLE_EQ(lb.at("buckets").at(0).at("packets_per_s").as_double(), 150);
  EXPECT_DOUBLE_EQ(lb.at("buckets").at(1).at("packets_per_s").as_double(), 50);
  EXPECT_THAT(watch_screen(now, {100, 40}, {}), HasSubstr("75.0 %"));
}

TEST(Screen, CounterThatWentBackIsNoRate) {  // rules made anew
  auto now = overview(2000, 5, 5);
  add_rates(overview(1000, 1000, 0), now);
  EXPECT_DOUBLE_EQ(now.at("loadbalancers").at(0).at("buckets").at(0).at("packets_per_s").as_double(), 0);
  auto same_moment = overview(1000, 5, 5);
  add_rates(overview(1000, 0, 0), same_moment);
  EXPECT_DOUBLE_EQ(same_moment.at("loadbalancers").at(0).at("packets_per_s").as_double(), 0);
}

TEST(Screen, NeverLargerThanTheWindow) {
  auto now = overview(2000, 9, 9);
  add_rates(overview(1000, 0, 0), now);
  for (const Size size : {Size{20, 5}, Size{80, 24}, Size{40, 1}, Size{200, 60}}) {
    const auto screen = watch_screen(now, size, {});
    int lines = 0;
    for (std::size_t begin = 0; begin < screen.size(); ++lines) {
      const auto end = screen.find('\n', begin);
      EXPECT_LE(end - begin, static_cast<std::size_t>(size.columns));
      begin = end + 1;
    }
    EXPECT_LE(lines, std::max(size.rows - 1, 1));
  }
}

TEST(Screen, ColoursOnlyWhenWanted) {
  EXPECT_THAT(status_screen(overview(1, 0, 0), {}), Not(HasSubstr("\033")));
  EXPECT_THAT(status_screen(overview(1, 0, 0), {true}), HasSubstr("\033[32m"));
}

TEST(Screen, StatusTellsThePairOnOneScreen) {
  const auto screen = status_screen(overview(1, 40, 2), {});
  for (const auto* text : {"all well", "* node-1", "answers for the VIPs", "ready to take over", "no lag", "took the VIPs over", "gate 0.4 ms, 200 announcements 3.1 ms, term on disk 5.0 ms, changes taken never", "192.0.2.10 2001:db8::10", "1 spare"}) {
    EXPECT_THAT(screen, HasSubstr(text));
  }
  EXPECT_LE(std::count(screen.begin(), screen.end(), '\n'), 24);
}

TEST(Screen, WhatIsMissingOrWrongIsNoCrash) {  // X3
  for (const auto* text : {"{}", R"({"pair":7,"loadbalancers":{},"concerns":[1]})", R"({"loadbalancers":[null,{"buckets":[[]]}],"ownership":[3]})"}) {
    auto odd = boost::json::parse(text).as_object();
    auto before = odd;
    add_rates(before, odd);
    EXPECT_THAT(status_screen(odd, {}), HasSubstr("load balancers"));
    EXPECT_FALSE(watch_screen(odd, {80, 24}, {}).empty());
  }
}

TEST(Screen, BarsAndNumbers) {
  EXPECT_EQ(bar(0.5, 10), "#####.....");
  EXPECT_EQ(bar(-1, 4), "....");
  EXPECT_EQ(bar(7, 4), "####");
  EXPECT_EQ(short_number(950), "950");
  EXPECT_EQ(short_number(12'340), "12.3k");
}

TEST(Human, DifferencesAndLossesAreListed) {
  const auto text = human_diff(R"({"equal":false,"message":"1 load balancers differ","here":"aa","peer":"bb","here_committed":4,"peer_committed":4,"differences":[{"lb_id":"x","where":"peer only"}]})");
  EXPECT_THAT(text, HasSubstr("x  peer only"));
  EXPECT_THAT(human_losses(R"({"dropped_total":0,"dropped":[]})"), HasSubstr("no change was lost"));
  EXPECT_THAT(human_losses(R"({"dropped_total":1,"dropped_mark":"1-0123456789ab","dropped":[{"seq":9,"change":"register","lb_id":"x","reason":"r"}]})"), HasSubstr("losses --acknowledge 1-0123456789ab\n"));
}

}  // namespace
}  // namespace distributor::ctl
