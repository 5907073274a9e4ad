// Neighbour frames that the daemon itself reads and writes: answers to solicitations where the datapath cannot write
// them (D3, RFC 4861 4.3, 4.4, 7.2.4), and probes for a gateway's MAC (D13, RFC 5227 2.1.1, RFC 4862 5.4.2). Pure;
// parsers survive any input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sync/registry/types.hpp"

namespace distributor::neighbour {

// A neighbour solicitation that a node may answer: hop limit 255, checksum right, no malformed option.
struct Solicitation {
  IpAddress target;
  IpAddress source;  // the unspecified address: duplicate address detection
  MacAddress source_mac;
  std::optional<std::uint16_t> vlan;
  friend bool operator==(const Solicitation&, const Solicitation&) = default;
};
std::optional<Solicitation> parse_solicitation(std::string_view frame);

// The answer, from `mac`: solicited and override to the asker, or override to all nodes if the asker has no address.
std::string advertisement(const Solicitation& asked, const MacAddress& mac);

// Asks for the owner of `address` without an address of one's own: nobody's cache is changed.
std::string probe(const IpAddress& address, const MacAddress& mac, std::optional<std::uint16_t> vlan);

// Who has which address, as an ARP reply or a neighbour advertisement says.
struct Claim {
  IpAddress address;
  MacAddress mac;
  friend bool operator==(const Claim&, const Claim&) = default;
};
std::optional<Claim> parse_claim(std::string_view frame);

}  // namespace distributor::neighbour
