#include "ha/keepalived/config.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace distributor::keepalived {
namespace {

constexpr auto kAdvertMin = std::chrono::milliseconds(20);
constexpr auto kAdvertMax = std::chrono::milliseconds(40'000);
constexpr auto kAdvertMinWithoutRealTime = std::chrono::milliseconds(50);
constexpr std::size_t kInterfaceNameMax = 15;  // IFNAMSIZ - 1

tl::unexpected<ConfigError> wrong(std::string field, std::string message) {
  return tl::unexpected(ConfigError{std::move(field), std::move(message)});
}

// Names and paths go into a file that has its own quoting, comments and includes: only plain characters pass.
bool is_plain(std::string_view text, std::string_view extra) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  });
}

// AF_INET, AF_INET6, or 0 for what is no address.
int family_of(const std::string& address) {
  std::array<unsigned char, 16> raw{};
  if (::inet_pton(AF_INET, address.c_str(), raw.data()) == 1) return AF_INET;
  if (::inet_pton(AF_INET6, address.c_str(), raw.data()) == 1) return AF_INET6;
  return 0;
}

tl::expected<void, ConfigError> validate_addresses(const Config& config) {
  const int family = family_of(config.own_ip);
  if (family == 0) return wrong("own_address", "wanted an IPv4 or IPv6 address, found '" + config.own_ip + "'");
  if (family_of(config.peer_ip) != family) {
    return wrong("peer_address", "wanted an address of own_address's family, found '" + config.peer_ip + "'");
  }
  if (config.peer_ip == config.own_ip) {
    return wrong("peer_address", "is this node's own address; wanted the other node's");
  }
  if (family_of(config.management_vip) != family) {
    return wrong("management_vip", "wanted an address of own_address's family, found '" + config.management_vip + "'");
  }
  if (config.management_vip == config.own_ip || config.management_vip == config.peer_ip) {
    return wrong("management_vip", "is the address of a node; wanted one that moves between the nodes");
  }
  const int bits_max = family == AF_INET ? 32 : 128;
  if (config.management_prefix_bits < 1 || config.management_prefix_bits > bits_max) {
    return wrong("management_vip", "wanted a prefix length of 1.." + std::to_string(bits_max));
  }
  return {};
}

std::string seconds(std::chrono::milliseconds value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%lld.%02lld", static_cast<long long>(value.count() / 1000),
                static_cast<long long>(value.count() % 1000 / 10));
  return text.data();
}

std::string global_defs(const Config& config) {
  std::string text =
      "global_defs {\n"
      "    script_user root                      # precedes the FIFO: it would be lost at a reload otherwise\n"
      "    enable_script_security\n"
      "    vrrp_version 3\n"
      "    umask 0137                            # the daemon's group reads the state dump\n"
      "    vrrp_notify_fifo " +
      fifo_path(config.run_dir) +
      " root root\n"
      "    vrrp_notify_priority_changes true\n"
      "    fifo_write_vrrp_states_on_reload\n"
      "    vrrp_check_unicast_src\n"
      "    vrrp_higher_prio_send_advert true     # else clients stay with the loser of a split brain\n"
      "    vrrp_garp_master_delay 1\n"
      "    vrrp_garp_master_repeat 2\n"
      "    vrrp_garp_lower_prio_delay 1\n"
      "    vrrp_garp_lower_prio_repeat 2\n"
      "    vrrp_garp_master_refresh " +
      std::to_string(config.garp_refresh_s) + "\n    vrrp_garp_master_refresh_repeat 1\n";
  if (config.real_time_priority) {
    text +=
        "    vrrp_rt_priority 50\n"
        "    vrrp_rlimit_rttime 500000\n";
  }
  return text + "    vrrp_no_swap\n    max_auto_priority -1\n}\n";
}

}  // namespace

std::string fifo_path(const std::string& run_dir) {
  return run_dir + "/vrrp.fifo";
}
std::string readiness_path(const std::string& run_dir) {
  return run_dir + "/ready";
}

tl::expected<void, ConfigError> validate(const Config& config) {
  if (!is_plain(config.run_dir, "/._-") || config.run_dir.front() != '/' || config.run_dir.size() > 200) {
    return wrong("run_dir", "wanted an absolute path of letters, digits and / . _ -, found '" + config.run_dir + "'");
  }
  if (!is_plain(config.instance_name, "_-") || config.instance_name.size() > 32) {
    return wrong("instance_name", "wanted 1 to 32 letters, digits, _ or -");
  }
  if (!is_plain(config.interface, "._-") || config.interface.size() > kInterfaceNameMax) {
    return wrong("interface", "wanted the name of a network interface, found '" + config.interface + "'");
  }
  if (config.virtual_router_id < 1 || config.virtual_router_id > 255) return wrong("router_id", "wanted 1..255");
  if (config.advert_interval < kAdvertMin || config.advert_interval > kAdvertMax ||
      config.advert_interval % std::chrono::milliseconds(10) != std::chrono::milliseconds(0)) {
    return wrong("advert_interval_ms",
                 "wanted 20..40000 ms in steps of 10, found " + std::to_string(config.advert_interval.count()) + " ms");
  }
  if (!config.real_time_priority && config.advert_interval < kAdvertMinWithoutRealTime) {
    return wrong("advert_interval_ms", "below 50 ms needs realtime = true: without it a busy disk causes failovers");
  }
  if (config.garp_refresh_s < 0 || config.garp_refresh_s > 3600) return wrong("garp_refresh_s", "wanted 0..3600");
  return validate_addresses(config);
}

tl::expected<std::string, ConfigError> render(const Config& config) {
  if (auto checked = validate(config); !checked) return tl::unexpected(checked.error());
  const bool ip6 = family_of(config.own_ip) == AF_INET6;
  std::string text =
      "# Written by distributord; changes are lost. Never reload keepalived with it: hand over and restart.\n";
  text += global_defs(config);
  text += "track_file ready {\n    file " + readiness_path(config.run_dir) +
          "   # 150 ready, 50 leaving, absent or 0 not ready, -254 gives way at once\n    weight 1\n}\n";
  text += "vrrp_instance " + config.instance_name + " {\n";
  text += "    state BACKUP\n";
  text += "    interface " + config.interface + "\n";
  text += "    virtual_router_id " + std::to_string(config.virtual_router_id) + "\n";
  text += "    priority " + std::to_string(kBasePriority) +
          "                          # equal on both nodes: readiness decides\n";
  text += "    preempt                               # equal priorities never preempt each other\n";
  text += "    advert_int " + seconds(config.advert_interval) + "\n";
  text += "    unicast_src_ip " + config.own_ip + "\n";
  text += "    unicast_peer {\n        " + config.peer_ip + " min_ttl 255 max_ttl 255\n    }\n";
  text += "    unicast_ttl 255\n";
  text += "    unicast_fault_no_peer\n";
  text += "    track_file {\n        ready\n    }\n";
  text += "    virtual_ipaddress {\n        " + config.management_vip + "/" +
          std::to_string(config.management_prefix_bits) + " dev " + config.interface + (ip6 ? " nodad" : "") +
          "\n    }\n}\n";
  return text;
}

}  // namespace distributor::keepalived
