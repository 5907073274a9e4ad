#include "ha/gatekeeper/protocol.hpp"

#include <algorithm>

namespace distributor::gatekeeper {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'D', 'G', 'K', '1'};
constexpr std::uint8_t kBeat = 1, kReply = 2;
constexpr std::uint8_t kGateOpen = 1;
constexpr std::uint8_t kDeclaredDead = 1, kGateClosed = 2;
constexpr std::size_t kKindAt = 4, kStateAt = 5, kFlagsAt = 6, kZeroAt = 7, kSeqAt = 8, kEpisodeAt = 16;

void put64(MessageBytes& bytes, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (56U - 8U * i));
}

std::uint64_t get64(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = (value << 8U) | bytes[at + i];
  return value;
}

MessageBytes message(std::uint8_t kind, std::uint8_t state, std::uint8_t flags, std::uint64_t seq,
                     std::uint64_t episode) {
  MessageBytes bytes{};
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  bytes[kKindAt] = kind;
  bytes[kStateAt] = state;
  bytes[kFlagsAt] = flags;
  put64(bytes, kSeqAt, seq);
  put64(bytes, kEpisodeAt, episode);
  return bytes;
}

bool is_ours(std::span<const std::uint8_t> bytes, std::uint8_t kind, std::uint8_t state_max, std::uint8_t flags_max) {
  return bytes.size() == kMessageBytes && std::equal(kMagic.begin(), kMagic.end(), bytes.begin()) &&
         bytes[kKindAt] == kind && bytes[kStateAt] <= state_max && bytes[kFlagsAt] <= flags_max && bytes[kZeroAt] == 0;
}

}  // namespace

MessageBytes encode(const Beat& beat) {
  return message(kBeat, static_cast<std::uint8_t>(beat.vrrp), beat.gate_open ? kGateOpen : 0, beat.seq,
                 beat.episode_seen);
}

MessageBytes encode(const Reply& reply) {
  const unsigned flags =
      (reply.declared_dead ? kDeclaredDead : 0U) | (reply.gate_closed_by_gatekeeper ? kGateClosed : 0U);
  return message(kReply, 0, static_cast<std::uint8_t>(flags), reply.seq, reply.episode);
}

std::optional<Beat> decode_beat(std::span<const std::uint8_t> bytes) {
  if (!is_ours(bytes, kBeat, static_cast<std::uint8_t>(keepalived::VrrpState::stopped), kGateOpen)) return std::nullopt;
  return Beat{get64(bytes, kSeqAt), get64(bytes, kEpisodeAt), static_cast<keepalived::VrrpState>(bytes[kStateAt]),
              (bytes[kFlagsAt] & kGateOpen) != 0};
}

std::optional<Reply> decode_reply(std::span<const std::uint8_t> bytes) {
  if (!is_ours(bytes, kReply, 0, kDeclaredDead | kGateClosed)) return std::nullopt;
  return Reply{get64(bytes, kSeqAt), get64(bytes, kEpisodeAt), (bytes[kFlagsAt] & kDeclaredDead) != 0,
               (bytes[kFlagsAt] & kGateClosed) != 0};
}

}  // namespace distributor::gatekeeper
