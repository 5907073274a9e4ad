// The public face: one event in, effects out.
#include "sync/replica/replica.hpp"

#include <algorithm>

#include "sync/replica/detail/core.hpp"

namespace distributor::replica {
namespace {

constexpr int kStalledBeats = 3;  // every one of them is a step

}  // namespace

Replica::Replica(Config config, DurableState durable, TimePoint now)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(durable), now)) {}
Replica::~Replica() = default;
Replica::Replica(Replica&&) noexcept = default;
Replica& Replica::operator=(Replica&&) noexcept = default;

std::vector<Effect> Replica::step(const Event& event, TimePoint now) {
  const auto idle = now - impl_->now;
  impl_->now = std::max(impl_->now, now);  // a clock that goes back must not make silence of presence
  // Nor must a time in which this process took no step (a disk that hung, a pause): what the peer said then lies unread. Once: with the next
  // word it may happen again, and a disk that is slow with every write must not hide that nobody is there.
  const bool stalled = idle > kStalledBeats * impl_->config.heartbeat_every && !impl_->peer.excused;
  if (impl_->begun && stalled) {
    impl_->peer.heard += idle;
    impl_->peer.excused = true;
  }
  if (!impl_->begun) impl_->begin();
  std::visit([this](const auto& one) { impl_->on(one); }, event);
  impl_->run_time();
  return std::exchange(impl_->out, {});
}

TimePoint Replica::next_deadline() const { return impl_->next_deadline(); }
const Registry& Replica::applied() const { return impl_->history.applied(); }
Status Replica::status() const { return impl_->status(); }
const std::vector<DroppedChange>& Replica::dropped() const { return impl_->dropped; }

}  // namespace distributor::replica
