// Keeps forged adverts away from keepalived: a table of nftables at the ingress of the management interface that drops VRRP from any
// MAC address but the peer's (H5). keepalived itself checks source address and TTL, which a host on the segment can forge.
#pragma once

#include <chrono>
#include <string>
#include <tl/expected.hpp>

namespace distributor::keepalived {

inline constexpr const char* kGuardTable = "distributor_election";

struct GuardConfig {
  std::string interface;
  std::string peer_mac;  // aa:bb:cc:dd:ee:ff
};

std::string guard_rules(const GuardConfig& config);  // for `nft -f -`: replaces the table in one transaction
std::string guard_removal();                         // succeeds too if the table is not there

// Hands rules to the nft program. Blocks, for at most `timeout`. Error: what it said.
tl::expected<void, std::string> run_nft(const std::string& rules, std::chrono::milliseconds timeout = std::chrono::milliseconds(3000));

}  // namespace distributor::keepalived
