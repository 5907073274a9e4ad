// Frames that tell a network where a VIP is now: gratuitous ARP and unsolicited Neighbour Advertisement (D5). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace distributor::announce {

using Mac = std::array<std::uint8_t, 6>;
using Ip4 = std::array<std::uint8_t, 4>;
using Ip6 = std::array<std::uint8_t, 16>;
using Frame = std::vector<std::uint8_t>;  // from the destination MAC on, without FCS; shorter than 60 bytes is padded

// Request form (RFC 5227 3): sender and target address are both the VIP, so every host takes it for a cache update, and
// no host or switch that filters unasked replies drops it. Reply form (RFC 5944 4.6) for stacks that only heed replies.
enum class ArpForm : std::uint8_t { request, reply };

Frame gratuitous_arp(const Mac& mac, const Ip4& vip, std::optional<std::uint16_t> vlan_id = {},
                     ArpForm form = ArpForm::request);

// RFC 4861 7.2.6: to ff02::1, Override set, Solicited clear, Router clear (the VIP is a host's address), target
// link-layer option.
Frame unsolicited_na(const Mac& mac, const Ip6& vip, std::optional<std::uint16_t> vlan_id = {});

// One VIP on one interface. `port` is the caller's name for the interface (OpenFlow port number).
struct Target {
  std::uint32_t port = 0;
  std::optional<std::uint16_t> vlan_id;
  Mac mac{};
  std::variant<Ip4, Ip6> vip;
  friend bool operator==(const Target&, const Target&) = default;
};

Frame announcement(const Target& target);

}  // namespace distributor::announce
