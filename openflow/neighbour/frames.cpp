#include "openflow/neighbour/frames.hpp"

#include <algorithm>
#include <array>

namespace distributor::neighbour {
namespace {

constexpr std::uint16_t kVlan = 0x8100, kArp = 0x0806, kIpv6 = 0x86dd;
constexpr std::uint8_t kIcmpv6 = 58;
constexpr std::uint8_t kSolicitation = 135, kAdvertisement = 136;
constexpr std::uint8_t kHopLimit = 255;  // RFC 4861 7.1: anything else crossed a router
constexpr std::uint8_t kSourceLinkLayer = 1, kTargetLinkLayer = 2;
constexpr std::uint32_t kSolicitedOverride = 0x60000000, kOverride = 0x20000000;
constexpr std::size_t kIpv6Header = 40, kNeighbourHeader = 24, kArpBytes = 28, kFrameMin = 60;
constexpr std::size_t kOptionUnit = 8;

const MacAddress kBroadcast({0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
const MacAddress kAllNodesMac({0x33, 0x33, 0, 0, 0, 1});
const IpAddress kAllNodes = IpAddress::v6({0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
const IpAddress kUnspecified = IpAddress::v6({});

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}
std::uint16_t word_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8U | byte_at(bytes, at + 1));
}
template <std::size_t N>
std::array<std::uint8_t, N> array_at(std::string_view bytes, std::size_t at) {
  std::array<std::uint8_t, N> out{};
  for (std::size_t i = 0; i < N; ++i) out[i] = byte_at(bytes, at + i);
  return out;
}

void put(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i > 0; --i) out.push_back(static_cast<char>(static_cast<std::uint8_t>(value >> (8 * (i - 1)))));
}
void put(std::string& out, const MacAddress& mac) {
  for (const auto byte : mac.bytes()) put(out, byte, 1);
}
void put(std::string& out, const IpAddress& address) {
  for (std::size_t i = 0; i < address.size(); ++i) put(out, address.bytes()[i], 1);
}

struct Ethernet {
  MacAddress source;
  std::optional<std::uint16_t> vlan;
  std::uint16_t type = 0;
  std::string_view payload;
};

std::optional<Ethernet> parse_ethernet(std::string_view frame) {
  if (frame.size() < 14) return std::nullopt;
  Ethernet out{MacAddress(array_at<6>(frame, 6)), std::nullopt, word_at(frame, 12), frame.substr(14)};
  if (out.type != kVlan) return out;
  if (out.payload.size() < 4) return std::nullopt;
  out.vlan = word_at(out.payload, 0) & 0xfffU;
  out.type = word_at(out.payload, 2);
  out.payload.remove_prefix(4);
  return out;
}

std::string ethernet(const MacAddress& to, const MacAddress& from, std::optional<std::uint16_t> vlan, std::uint16_t type) {
  std::string out;
  put(out, to);
  put(out, from);
  if (vlan) {
    put(out, kVlan, 2);
    put(out, *vlan, 2);
  }
  put(out, type, 2);
  return out;
}

// RFC 4443 2.3, over the pseudo header of RFC 8200 8.1 and the message. 0 = right, if the message holds its checksum.
std::uint16_t checksum(const IpAddress& source, const IpAddress& destination, std::string_view message) {
  std::string all;
  put(all, source);
  put(all, destination);
  put(all, message.size(), 4);
  put(all, kIcmpv6, 4);
  all += message;
  if (all.size() % 2 != 0) all.push_back('\0');
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < all.size(); at += 2) sum += word_at(all, at);
  while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

struct Neighbour {
  IpAddress source;
  std::uint8_t type = 0;
  IpAddress target;
  std::optional<MacAddress> source_link_layer;
  std::optional<MacAddress> target_link_layer;
};

bool parse_options(std::string_view options, Neighbour& out) {
  while (!options.empty()) {
    if (options.size() < kOptionUnit) return false;
    const std::size_t length = byte_at(options, 1) * kOptionUnit;
    if (length == 0 || length > options.size()) return false;  // RFC 4861 7.1: silently discarded
    if (length == kOptionUnit && byte_at(options, 0) == kSourceLinkLayer) out.source_link_layer = MacAddress(array_at<6>(options, 2));
    if (length == kOptionUnit && byte_at(options, 0) == kTargetLinkLayer) out.target_link_layer = MacAddress(array_at<6>(options, 2));
    options.remove_prefix(length);
  }
  return true;
}

std::optional<Neighbour> parse_neighbour(std::string_view packet) {
  if (packet.size() < kIpv6Header + kNeighbourHeader || byte_at(packet, 0) >> 4U != 6) return std::nullopt;
  const std::size_t length = word_at(packet, 4);
  if (length < kNeighbourHeader || length > packet.size() - kIpv6Header) return std::nullopt;
  if (byte_at(packet, 6) != kIcmpv6 || byte_at(packet, 7) != kHopLimit) return std::nullopt;
  Neighbour out;
  out.source = IpAddress::v6(array_at<16>(packet, 8));
  const IpAddress destination = IpAddress::v6(array_at<16>(packet, 24));
  const std::string_view message = packet.substr(kIpv6Header, length);
  out.type = byte_at(message, 0);
  out.target = IpAddress::v6(array_at<16>(message, 8));
  if (byte_at(message, 1) != 0 || checksum(out.source, destination, message) != 0) return std::nullopt;
  if (!parse_options(message.substr(kNeighbourHeader), out)) return std::nullopt;
  return out;
}

std::string ipv6(const IpAddress& source, const IpAddress& destination, std::string message) {
  const auto sum = checksum(source, destination, message);
  message[2] = static_cast<char>(static_cast<std::uint8_t>(sum >> 8U));
  message[3] = static_cast<char>(static_cast<std::uint8_t>(sum));
  std::string out;
  put(out, 0x60000000, 4);
  put(out, message.size(), 2);
  put(out, kIcmpv6, 1);
  put(out, kHopLimit, 1);
  put(out, source);
  put(out, destination);
  return out + message;
}

std::string arp_probe(const IpAddress& address, const MacAddress& mac, std::optional<std::uint16_t> vlan) {
  std::string out = ethernet(kBroadcast, mac, vlan, kArp);
  put(out, 0x0001080006040001, 8);  // Ethernet, IPv4, their lengths, request
  put(out, mac);
  put(out, 0, 4);  // no address of one's own
  put(out, 0, 6);
  put(out, address);
  out.resize(std::max(out.size(), kFrameMin), '\0');
  return out;
}

}  // namespace

std::optional<Solicitation> parse_solicitation(std::string_view frame) {
  const auto outer = parse_ethernet(frame);
  if (!outer || outer->type != kIpv6) return std::nullopt;
  const auto found = parse_neighbour(outer->payload);
  if (!found || found->type != kSolicitation) return std::nullopt;
  if (found->source == kUnspecified && found->source_link_layer) return std::nullopt;  // RFC 4861 7.1.1
  return Solicitation{found->target, found->source, found->source_link_layer.value_or(outer->source), outer->vlan};
}

std::string advertisement(const Solicitation& asked, const MacAddress& mac) {
  const bool to_all = asked.source == kUnspecified;
  std::string message;
  put(message, kAdvertisement, 1);
  put(message, 0, 3);  // code; checksum, filled in later
  put(message, to_all ? kOverride : kSolicitedOverride, 4);
  put(message, asked.target);
  put(message, kTargetLinkLayer, 1);
  put(message, 1, 1);  // in units of 8 bytes
  put(message, mac);
  return ethernet(to_all ? kAllNodesMac : asked.source_mac, mac, asked.vlan, kIpv6) +
         ipv6(asked.target, to_all ? kAllNodes : asked.source, message);
}

std::string probe(const IpAddress& address, const MacAddress& mac, std::optional<std::uint16_t> vlan) {
  if (address.is_v4()) return arp_probe(address, mac, vlan);
  // Solicited-node multicast (RFC 4291 2.7.1): the last three bytes of the address.
  const auto& bytes = address.bytes();
  const MacAddress to({0x33, 0x33, 0xff, bytes[13], bytes[14], bytes[15]});
  const IpAddress group = IpAddress::v6({0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, bytes[13], bytes[14], bytes[15]});
  std::string message;
  put(message, kSolicitation, 1);
  put(message, 0, 7);
  put(message, address);
  return ethernet(to, mac, vlan, kIpv6) + ipv6(kUnspecified, group, message);
}

std::optional<Claim> parse_claim(std::string_view frame) {
  const auto outer = parse_ethernet(frame);
  if (!outer) return std::nullopt;
  if (outer->type == kIpv6) {
    const auto found = parse_neighbour(outer->payload);
    if (!found || found->type != kAdvertisement) return std::nullopt;
    return Claim{found->target, found->target_link_layer.value_or(outer->source)};
  }
  constexpr std::uint16_t kReply = 2;
  if (outer->type != kArp || outer->payload.size() < kArpBytes || word_at(outer->payload, 6) != kReply) return std::nullopt;
  return Claim{IpAddress::v4(array_at<4>(outer->payload, 14)), MacAddress(array_at<6>(outer->payload, 8))};
}

}  // namespace distributor::neighbour
