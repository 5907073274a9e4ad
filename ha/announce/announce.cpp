#include "ha/announce/announce.hpp"

#include <algorithm>
#include <span>

namespace distributor::announce {
namespace {

constexpr Mac kBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr Mac kAllNodesMac = {0x33, 0x33, 0x00, 0x00, 0x00, 0x01};
constexpr Ip6 kAllNodes = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01};
constexpr std::size_t kFrameBytesMin = 60;  // Ethernet's 64 without FCS
constexpr std::uint16_t kVlanIdMask = 0x0fff;

void put8(Frame& frame, unsigned value) {
  frame.push_back(static_cast<std::uint8_t>(value));
}
void put16(Frame& frame, unsigned value) {
  put8(frame, value >> 8U);
  put8(frame, value & 0xffU);
}
template <typename Bytes>
void put(Frame& frame, const Bytes& bytes) {
  frame.insert(frame.end(), bytes.begin(), bytes.end());
}

Frame ethernet(const Mac& to, const Mac& from, std::optional<std::uint16_t> vlan_id, unsigned type) {
  Frame frame;
  frame.reserve(96);
  put(frame, to);
  put(frame, from);
  if (vlan_id) {
    put16(frame, 0x8100);
    put16(frame, *vlan_id & kVlanIdMask);
  }
  put16(frame, type);
  return frame;
}

Frame padded(Frame frame) {
  frame.resize(std::max(frame.size(), kFrameBytesMin), 0);
  return frame;
}

// RFC 4443 2.3: over source, destination, length, next header and the message itself.
std::uint16_t icmp6_checksum(const Ip6& from, const Ip6& to, std::span<const std::uint8_t> message) {
  std::uint32_t sum = 58 + static_cast<std::uint32_t>(message.size());
  const auto add = [&sum](std::span<const std::uint8_t> bytes) {  // all lengths here are even
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
      sum += (static_cast<std::uint32_t>(bytes[i]) << 8U) | bytes[i + 1];
  };
  add(from);
  add(to);
  add(message);
  while (sum > 0xffffU) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum & 0xffffU);
}

}  // namespace

Frame gratuitous_arp(const Mac& mac, const Ip4& vip, std::optional<std::uint16_t> vlan_id, ArpForm form) {
  Frame frame = ethernet(kBroadcast, mac, vlan_id, 0x0806);
  put16(frame, 1);       // Ethernet
  put16(frame, 0x0800);  // IPv4
  put8(frame, 6);
  put8(frame, 4);
  put16(frame, form == ArpForm::request ? 1 : 2);
  put(frame, mac);
  put(frame, vip);
  // RFC 5227 1.1 leaves the target MAC of a request empty; RFC 5944 4.6 puts the sender's into a reply, and Linux wants
  // it there.
  put(frame, form == ArpForm::request ? Mac{} : mac);
  put(frame, vip);
  return padded(std::move(frame));
}

Frame unsolicited_na(const Mac& mac, const Ip6& vip, std::optional<std::uint16_t> vlan_id) {
  Frame message;
  put8(message, 136);  // Neighbour Advertisement
  put8(message, 0);
  put16(message, 0);       // checksum, below
  put16(message, 0x2000);  // Override alone
  put16(message, 0);
  put(message, vip);
  put8(message, 2);  // target link-layer address
  put8(message, 1);  // 8 bytes
  put(message, mac);
  const unsigned checksum = icmp6_checksum(vip, kAllNodes, message);
  message[2] = static_cast<std::uint8_t>(checksum >> 8U);
  message[3] = static_cast<std::uint8_t>(checksum & 0xffU);

  Frame frame = ethernet(kAllNodesMac, mac, vlan_id, 0x86dd);
  put16(frame, 0x6000);
  put16(frame, 0);
  put16(frame, static_cast<unsigned>(message.size()));
  put8(frame, 58);
  put8(frame, 255);  // RFC 4861 7.1.2: receivers drop any other hop limit
  put(frame, vip);
  put(frame, kAllNodes);
  put(frame, message);
  return padded(std::move(frame));
}

Frame announcement(const Target& target) {
  if (const auto* vip4 = std::get_if<Ip4>(&target.vip)) return gratuitous_arp(target.mac, *vip4, target.vlan_id);
  return unsolicited_na(target.mac, std::get<Ip6>(target.vip), target.vlan_id);
}

}  // namespace distributor::announce
