#include "ha/keepalived/config.hpp"

#include <gmock/gmock.h>

namespace distributor::keepalived {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Config good() {
  Config config;
  config.run_dir = "/run/distributor";
  config.interface = "eth0";
  config.own_ip = "192.0.2.11";
  config.peer_ip = "192.0.2.12";
  config.management_vip = "192.0.2.10";
  return config;
}

TEST(KeepalivedConfig, IsTheOneThatWasTriedOut) {  // H5, H6
  EXPECT_EQ(render(good()).value(),
            R"(# Written by distributord; changes are lost. Never reload keepalived with it: hand over and restart.
global_defs {
    script_user root                      # precedes the FIFO: it would be lost at a reload otherwise
    enable_script_security
    vrrp_version 3
    umask 0137                            # the daemon's group reads the state dump
    vrrp_notify_fifo /run/distributor/vrrp.fifo root root
    vrrp_notify_priority_changes true
    fifo_write_vrrp_states_on_reload
    vrrp_check_unicast_src
    vrrp_higher_prio_send_advert true     # else clients stay with the loser of a split brain
    vrrp_garp_master_delay 1
    vrrp_garp_master_repeat 2
    vrrp_garp_lower_prio_delay 1
    vrrp_garp_lower_prio_repeat 2
    vrrp_garp_master_refresh 5
    vrrp_garp_master_refresh_repeat 1
    vrrp_rt_priority 50
    vrrp_rlimit_rttime 500000
    vrrp_no_swap
    max_auto_priority -1
}
track_file ready {
    file /run/distributor/ready   # 150 ready, 50 leaving, absent or 0 not ready, -254 gives way at once
    weight 1
}
vrrp_instance MGMT {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 100                          # equal on both nodes: readiness decides
    preempt                               # equal priorities never preempt each other
    advert_int 0.10
    unicast_src_ip 192.0.2.11
    unicast_peer {
        192.0.2.12 min_ttl 255 max_ttl 255
    }
    unicast_ttl 255
    unicast_fault_no_peer
    track_file {
        ready
    }
    virtual_ipaddress {
        192.0.2.10/24 dev eth0
    }
}
)");
}

TEST(KeepalivedConfig, BothNodesFilesDifferInTheirTwoAddressesOnly) {  // H6
  Config other = good();
  std::swap(other.own_ip, other.peer_ip);
  std::string a = render(good()).value(), b = render(other).value();
  const auto replace = [](std::string& text, const std::string& what, const std::string& with) {
    text.replace(text.find(what), what.size(), with);
  };
  replace(b, "unicast_src_ip 192.0.2.12", "unicast_src_ip 192.0.2.11");
  replace(b, "192.0.2.11 min_ttl", "192.0.2.12 min_ttl");
  EXPECT_EQ(a, b);
}

TEST(KeepalivedConfig, ProfileAndRealTimePriorityAreChosen) {
  Config config = good();
  config.advert_interval = std::chrono::milliseconds(50);
  config.real_time_priority = false;
  EXPECT_THAT(render(config).value(), HasSubstr("advert_int 0.05\n"));
  EXPECT_THAT(render(config).value(), Not(HasSubstr("vrrp_rt_priority")));
  config.advert_interval = std::chrono::milliseconds(1000);
  EXPECT_THAT(render(config).value(), HasSubstr("advert_int 1.00\n"));
}

TEST(KeepalivedConfig, EveryFieldIsChecked) {  // X3: nothing from outside ends up as a line of its own
  const auto field = [](auto change) {
    Config config = good();
    change(config);
    const auto rendered = render(config);
    return rendered ? std::string("accepted") : rendered.error().field;
  };
  using std::chrono::milliseconds;
  EXPECT_EQ(field([](Config&) {}), "accepted");
  EXPECT_EQ(field([](Config& c) { c.run_dir = "run"; }), "run_dir");
  EXPECT_EQ(field([](Config& c) { c.run_dir = "/run/x y"; }), "run_dir");
  EXPECT_EQ(field([](Config& c) { c.run_dir = ""; }), "run_dir");
  EXPECT_EQ(field([](Config& c) { c.instance_name = "A\nB"; }), "instance_name");
  EXPECT_EQ(field([](Config& c) { c.instance_name = "A\"B"; }), "instance_name");
  EXPECT_EQ(field([](Config& c) { c.interface = "eth0 }"; }), "interface");
  EXPECT_EQ(field([](Config& c) { c.interface = "abcdefghijklmnop"; }), "interface");
  EXPECT_EQ(field([](Config& c) { c.virtual_router_id = 0; }), "router_id");
  EXPECT_EQ(field([](Config& c) { c.virtual_router_id = 256; }), "router_id");
  EXPECT_EQ(field([](Config& c) { c.own_ip = "192.0.2.300"; }), "own_address");
  EXPECT_EQ(field([](Config& c) { c.own_ip = "192.0.2.11 # x"; }), "own_address");
  EXPECT_EQ(field([](Config& c) { c.peer_ip = "2001:db8::2"; }), "peer_address");
  EXPECT_EQ(field([](Config& c) { c.peer_ip = c.own_ip; }), "peer_address");
  EXPECT_EQ(field([](Config& c) { c.management_vip = c.peer_ip; }), "management_vip");
  EXPECT_EQ(field([](Config& c) { c.management_vip = ""; }), "management_vip");
  EXPECT_EQ(field([](Config& c) { c.management_prefix_bits = 33; }), "management_vip");
  EXPECT_EQ(field([](Config& c) { c.advert_interval = milliseconds(10); }), "advert_interval_ms");
  EXPECT_EQ(field([](Config& c) { c.advert_interval = milliseconds(105); }), "advert_interval_ms");
  EXPECT_EQ(field([](Config& c) { c.advert_interval = milliseconds(50'000); }), "advert_interval_ms");
  EXPECT_EQ(field([](Config& c) {
              c.advert_interval = milliseconds(20);
              c.real_time_priority = false;
            }),
            "advert_interval_ms");
  EXPECT_EQ(field([](Config& c) {
              c.own_ip = "2001:db8::1";
              c.peer_ip = "2001:db8::2";
              c.management_vip = "2001:db8::3";
              c.management_prefix_bits = 64;
            }),
            "accepted");
}

}  // namespace
}  // namespace distributor::keepalived
