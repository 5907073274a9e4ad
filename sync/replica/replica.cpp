// The public face: one event in, effects out.
#include "sync/replica/replica.hpp"

#include <algorithm>
#include <cstdlib>

#include "sync/replica/detail/core.hpp"

namespace distributor::replica {
namespace {

constexpr int kStalledBeats = 3;  // every one of them is a step

}  // namespace

std::string mark_of(const std::vector<DroppedChange>& dropped, std::size_t count) {
  constexpr std::size_t kDigits = 12;
  const auto marked = std::min(count, dropped.size());
  if (marked == 0) return {};
  std::string whole;
  for (std::size_t i = 0; i < marked; ++i) {
    const auto& one = dropped[i];
    const auto change = std::to_string(one.term.value) + "/" + std::to_string(one.seq.value) + "/" + one.request_id + "/" + one.command;
    whole += std::to_string(change.size()) + ":" + change;
  }
  return std::to_string(marked) + "-" + sha256(whole).hex().substr(0, kDigits);
}

std::size_t marked_by(const std::string& mark, const std::vector<DroppedChange>& dropped) {
  const auto count = static_cast<std::size_t>(std::strtoull(mark.c_str(), nullptr, 10));
  return count > 0 && mark == mark_of(dropped, count) ? count : 0;
}

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
    impl_->moved_at += idle;
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
