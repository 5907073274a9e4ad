// Words of keepalived's notify FIFO and state dump, as values (FACTS of keepalived 2.2.7).
#pragma once

#include <cstdint>

namespace distributor::keepalived {

inline constexpr int kBasePriority = 100;    // equal on both nodes: readiness alone decides
inline constexpr int kReadinessReady = 150;  // 250 in all: a short skew time and below 255
inline constexpr int kReadinessLeaving = 50;
inline constexpr int kReadinessNone = 0;
// While this stands keepalived is in FAULT. On the way there an owner sends an advert of priority 0, and the peer takes over within its
// skew time (about 2 ms at 250) rather than within three intervals. No node may stay so: alone, it would own nothing.
inline constexpr int kReadinessYield = -254;

enum class VrrpState : std::uint8_t { unknown, master, backup, fault, stopped };

// What one FIFO line says.
enum class VrrpEvent : std::uint8_t {
  master,
  backup,
  fault,
  stop,               // keepalived is going down in order (STOP) or dropped the instance (DELETED)
  rx_lower_priority,  // MASTER_RX_LOWER_PRI: another master was heard and will give way, e.g. a partition healed
  priority_changed,   // MASTER_PRIORITY, BACKUP_PRIORITY
};

}  // namespace distributor::keepalived
