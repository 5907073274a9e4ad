// Messages between daemon and gatekeeper: fixed-size datagrams on a unix SOCK_SEQPACKET socket. Pure.
//
//   bytes 0-3 "DGK1" · 4 kind (1 beat, 2 reply) · 5 VRRP state (beat), 0 (reply) · 6 flags · 7 zero · 8-15 seq · 16-23
//   episode flags of a beat: 1 gate open · of a reply: 1 declared dead, 2 gate closed by the gatekeeper. Numbers in
//   network order.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "ha/keepalived/vrrp.hpp"

namespace distributor::gatekeeper {

inline constexpr std::size_t kMessageBytes = 24;
using MessageBytes = std::array<std::uint8_t, kMessageBytes>;

// Daemon to gatekeeper.
struct Beat {
  std::uint64_t seq = 0;
  std::uint64_t episode_seen = 0;  // Reply::episode as last read: takes note of a declaration
  keepalived::VrrpState vrrp = keepalived::VrrpState::unknown;  // as the daemon knows it
  bool gate_open = false;
  friend bool operator==(const Beat&, const Beat&) = default;
};

// Gatekeeper to daemon, one for each beat.
struct Reply {
  std::uint64_t seq = 0;
  std::uint64_t episode = 0;   // names one run of declarations; changes with each
  bool declared_dead = false;  // a daemon was declared dead and none has taken note yet: look at everything anew
  bool gate_closed_by_gatekeeper = false;  // in that episode
  friend bool operator==(const Reply&, const Reply&) = default;
};

MessageBytes encode(const Beat& beat);
MessageBytes encode(const Reply& reply);
std::optional<Beat> decode_beat(std::span<const std::uint8_t> bytes);  // absent: not one of ours
std::optional<Reply> decode_reply(std::span<const std::uint8_t> bytes);

}  // namespace distributor::gatekeeper
