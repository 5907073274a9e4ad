// Command-line arguments into request bodies and targets. Pure; what the values mean is left to the server, which says
// what is wrong with them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace distributor::ctl {

struct PlugArguments {
  std::string vip;
  std::string subnet;
  std::string gateway;             // empty: none
  std::vector<std::string> nodes;  // NODE=MAC[,VRRP_IP[,VLAN]]
  std::string mac;                 // of the receiving node's interface
  std::string vrrp_ip;
  std::vector<std::string> routes;           // DESTINATION=NEXTHOP
  std::vector<std::string> additional_vips;  // ADDRESS,SUBNET[,GATEWAY]
  std::string affinity;
  std::optional<std::uint32_t> hash_classes_max;
  std::string hairpin_address;
  std::string hash_seed;
  std::string forwarding_mode;
  std::optional<std::uint32_t> cluster_size;
  std::optional<std::uint32_t> mtu;
};

using Body = tl::expected<std::string, std::string>;  // or what is wrong with the arguments

Body plug_body(const PlugArguments& arguments);
Body register_body(const std::vector<std::string>& amphorae, bool standby);  // MAC[@POSITION][=AMPHORA_ID]
std::string unregister_body(const std::vector<std::string>& macs);
std::string replace_body(const std::string& failed, const std::string& standby);  // standby empty: the first spare

// What goes into a path or a query as it is, RFC 3986 section 2.1.
std::string percent_encoded(const std::string& text);

}  // namespace distributor::ctl
