// Every upper bound of what a distributor can be told to hold. Enforced where a command is validated (DESIGN: Limits).
#pragma once

#include <cstddef>
#include <cstdint>

namespace distributor::limits {

inline constexpr std::size_t kLoadBalancersMax = 4096;
inline constexpr std::size_t kVipsPerLoadBalancerMax = 8;
inline constexpr std::size_t kSlotsMax = 256;               // positions 0..255
inline constexpr std::size_t kSparesMax = 16;               // per load balancer
inline constexpr std::size_t kAmphoraePerRequestMax = 272;  // slots + spares
inline constexpr std::size_t kHostRoutesMax = 64;           // per VIP
inline constexpr std::size_t kNodesPerLoadBalancerMax = 2;
inline constexpr std::size_t kAmphoraIdBytesMax = 64;
inline constexpr std::size_t kRequestIdBytesMax = 128;
inline constexpr std::size_t kRequestIdsRemembered = 1024;
inline constexpr std::size_t kDroppedChangesMax = 50'000;  // changes lost at reunions that wait for an operator; the oldest go
inline constexpr std::uint32_t kHashClassesMin = 16;  // of hash_classes_max
inline constexpr std::uint32_t kHashClassesMax = 65'536;
inline constexpr std::uint16_t kMtuMin = 576;
inline constexpr std::uint16_t kMtuMax = 9216;

}  // namespace distributor::limits
