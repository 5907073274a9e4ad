// A backend for tests of the API: a real registry, changes applied at once or held back until the test lets them go.
#pragma once

#include <utility>
#include <vector>

#include "api/backend/backend.hpp"

namespace distributor::api::testing {

template <typename T>
T parsed(std::string_view text) {
  return T::parse(text).value();
}

class FakeBackend : public Backend {
 public:
  void submit(Command command, std::string request_id, ChangeDone done) override {
    request_ids.push_back(request_id);
    if (refuse_changes) return done(tl::unexpected(*refuse_changes));
    if (hold_changes) {
      held.push_back([this, command = std::move(command), done = std::move(done)] { apply(command, done); });
      return;
    }
    apply(command, done);
  }
  void probe_interfaces(const PlugCommand&, ProbeDone done) override {
    ++probes;
    if (interface_there) return done({});
    done(tl::unexpected(ApiError{
        .code = ErrorCode::interface_not_found, .field = "mac_address", .message = "no such interface", .fix = {}}));
  }
  const Registry& registry() const override { return state; }
  std::string stale() const override { return old; }
  NodeId node_id() const override { return parsed<NodeId>("node-a"); }
  std::vector<NodeId> members() const override { return {parsed<NodeId>("node-a"), parsed<NodeId>("node-b")}; }
  WriteAccess writable() const override { return access; }
  void put_certificate(std::string pem, StoreDone done) override { store(std::move(pem), done); }
  void put_config(std::string ini, StoreDone done) override { store(std::move(ini), done); }
  void counters(const LoadBalancerId&, CountersDone done) override {
    if (counters_known) return done(std::vector<BucketCounters>{{Position{0}, 7, 700}, {Position{1}, 8, 800}});
    done(tl::unexpected(
        ApiError{.code = ErrorCode::too_busy, .field = {}, .message = "Open vSwitch is away", .fix = {}}));
  }
  std::optional<Position> where(const LoadBalancer&, const ClientFlow& flow) const override {
    flows.push_back(flow);
    return mapped;
  }
  void switchover(const std::string& asked_at, SwitchoverDone done) override {
    switchover_asked_at = asked_at;
    done(switchover_answer);
  }
  PairView pair() const override { return pair_view; }
  NodeView info() const override { return node_view; }

  Registry state;
  std::string old;  // why it may be, as stale() gives it
  WriteAccess access{.allowed = true, .reason = {}, .leader = std::nullopt};
  std::vector<std::string> stored;
  std::optional<ApiError> store_refusal;
  StoredOutcome store_outcome{.changed = true, .held_by = members(), .note = {}};
  bool interface_there = true;
  bool counters_known = true;
  bool hold_changes = false;
  std::optional<ApiError> refuse_changes;
  int probes = 0;
  std::optional<Position> mapped = Position{1};
  PairView pair_view;
  std::string switchover_asked_at;
  tl::expected<SwitchoverView, ApiError> switchover_answer;
  NodeView node_view;
  std::vector<std::string> request_ids;
  std::vector<std::function<void()>> held;
  mutable std::vector<ClientFlow> flows;

 private:
  void store(std::string content, const StoreDone& done) {
    if (store_refusal) return done(tl::unexpected(*store_refusal));
    stored.push_back(std::move(content));
    done(store_outcome);
  }
  void apply(const Command& command, const ChangeDone& done) {
    const auto applied = state.apply(command);
    if (!applied) return done(tl::unexpected(from_registry(applied.error())));
    done(ChangeOutcome{.durability = Durability::pair,
                       .changed = applied->changed,
                       .programmed = members(),
                       .after = state.find(load_balancer_of(command))});
  }
};

inline constexpr const char* kLb = "5d9b1f2c-6a4e-4c8e-9d41-0a5b7e3f2c11";
inline constexpr const char* kOtherLb = "6e2bc8a0-2548-4fb7-a5f0-fb1ef4a696ce";
inline constexpr const char* kPlugBody =
    R"({"vip_address":"192.0.2.10","subnet_cidr":"192.0.2.0/24","gateway":"192.0.2.1","mac_address":"02:00:00:00:00:0a",)"
    R"("vrrp_ip":"192.0.2.11","host_routes":[{"destination":"198.51.100.0/24","nexthop":"192.0.2.2"}],)"
    R"("alg_extras":{"algorithm":"hash","affinity":"Source_IP"},"cluster_size":4})";
inline constexpr const char* kRegisterBody =
    R"({"amphorae":[{"mac_address":"02:00:00:00:01:01"},{"mac_address":"02:00:00:00:01:02"},)"
    R"({"mac_address":"02:00:00:00:01:09","role":"standby","amphora_id":"spare-1"}]})";

}  // namespace distributor::api::testing
