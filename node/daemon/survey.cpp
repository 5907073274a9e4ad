#include "node/daemon/survey.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>

namespace distributor::node {
namespace {

constexpr auto kCountersWait = std::chrono::seconds(2);

std::int64_t unix_ms_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::uint64_t lag_of(const replica::Status& status) {
  const auto behind = status.leads ? status.peer.durable : status.last;
  const auto ahead = status.leads ? status.committed : std::max(status.peer.last, status.last);
  return ahead.value > behind.value ? ahead.value - behind.value : 0;
}

}  // namespace

Survey::Survey(boost::asio::io_context& loop, const Config& config, const ReplicaShell& replica, Forwarding& forwarding, const RoleShell& role, const ApiBackend& backend)
    : loop_(loop), config_(config), replica_(replica), forwarding_(forwarding), role_(role), backend_(backend) {}

void Survey::refresh() {
  const bool lags = config_.peer && lag_of(replica_.core().status()) > 0;
  if (!lags) lag_since_.reset();
  if (lags && !lag_since_) lag_since_ = std::chrono::steady_clock::now();
  if (const bool owner = role_.status().owner; owner != owner_) {
    owner_ = owner;
    ownership_changed(owner);
  }
}

void Survey::ownership_changed(bool gained) {
  ++ownership_changes_;
  ownership_.push_front({unix_ms_now(), gained, std::nullopt});
  if (ownership_.size() > kTakeoversRemembered) ownership_.pop_back();
}

void Survey::takeover_over(const api::TakeoverView& takeover) {
  refresh();  // the change itself may not have been seen yet
  const auto newest = std::ranges::find(ownership_, true, &OwnershipChange::gained);
  if (newest != ownership_.end() && !newest->takeover) newest->takeover = takeover;
}

void Survey::take(Done done) {
  struct Pending {
    explicit Pending(boost::asio::io_context& loop) : limit(loop) {}
    boost::asio::steady_timer limit;
    Done done;
  };
  auto pending = std::make_shared<Pending>(loop_);
  pending->done = std::move(done);
  const auto finish = [this, pending](const Forwarding::BucketMap* counted, std::string why) {
    const auto answer = std::exchange(pending->done, nullptr);
    if (!answer) return;
    pending->limit.cancel();
    auto overview = gather();
    if (!why.empty()) overview.counters_missing = std::move(why);
    for (const auto& [id, lb] : replica_.core().applied().all()) overview.balancers.push_back(line_of(*lb, counted));
    answer(std::move(overview));
  };
  pending->limit.expires_after(kCountersWait);
  pending->limit.async_wait([finish](boost::system::error_code error) {
    if (!error) finish(nullptr, "Open vSwitch did not answer in time");
  });
  forwarding_.all_counters([finish](const tl::expected<Forwarding::BucketMap, std::string>& counted) {
    counted ? finish(&*counted, {}) : finish(nullptr, "Open vSwitch did not answer: " + counted.error());
  });
}

Overview Survey::gather() const {
  const auto status = replica_.core().status();
  const auto role = role_.status();
  Overview overview;
  overview.unix_ms = unix_ms_now();
  overview.pair = backend_.pair();
  overview.node = backend_.info();
  overview.keepalived_used = config_.keepalived.has_value();
  overview.keepalived_alive = role.keepalived_alive;
  overview.gatekeeper_connected = role_.gatekeeper_connected();
  overview.readiness = role.readiness.value_or(0);
  overview.readiness_reason = role.readiness_reason;
  overview.lag_entries = config_.peer ? lag_of(status) : 0;
  if (lag_since_) overview.lag_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - *lag_since_).count();
  overview.changes_pair = replica_.stats().changes_pair;
  overview.changes_local = replica_.stats().changes_local;
  overview.repairs = forwarding_.programmer_statistics().repairs;
  overview.programming_last_ms = forwarding_.programmer_statistics().last_programming_ms;
  overview.ownership.assign(ownership_.begin(), ownership_.end());
  return overview;
}

BalancerLine Survey::line_of(const LoadBalancer& lb, const Forwarding::BucketMap* counted) const {
  BalancerLine line;
  line.id = lb.id;
  for (const auto& vip : lb.vips) line.vips.push_back(vip.address.text());
  line.affinity = lb.affinity == Affinity::source_ip ? "Source_IP" : "Source_IP_AND_port";
  line.spares = lb.spares.size();
  line.carried = forwarding_.state_of(lb.id).binding.has_value();
  const auto group = pipeline::group_id_of(lb.ordinal, pipeline::GroupRole::select);
  for (std::uint32_t position = 0; position < lb.slots.size(); ++position) {
    const auto& occupant = lb.slots[position].occupant;
    if (!occupant) {
      ++line.vacant;
      continue;
    }
    BucketLine bucket{Position{position}, occupant->mac, occupant->amphora_id};
    const auto key = std::pair(group, position);
    if (counted != nullptr && counted->contains(key)) {
      bucket.packets = counted->at(key).packets;
      bucket.bytes = counted->at(key).bytes;
    }
    line.packets += bucket.packets;
    line.bytes += bucket.bytes;
    line.buckets.push_back(std::move(bucket));
  }
  return line;
}

}  // namespace distributor::node
