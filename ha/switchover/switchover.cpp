#include "ha/switchover/switchover.hpp"

#include <utility>

namespace distributor::switchover {
namespace {

std::string in_ms(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + " ms";
}

}  // namespace

std::vector<Effect> Switchover::step(const Event& event, TimePoint now) {
  now_ = now;
  effects_.clear();
  std::visit([this](const auto& concrete) { on(concrete); }, event);
  advance();
  return std::exchange(effects_, {});
}

TimePoint Switchover::next_deadline() const { return stage_ == Stage::idle ? TimePoint::max() : deadline_; }

std::string Switchover::why_not() const {
  if (stage_ != Stage::idle) return "a switchover is under way already";
  if (!facts_.owner) return facts_.not_owner;
  if (!facts_.peer_alive || !facts_.peer_ready) return facts_.peer_missing;
  return {};
}

void Switchover::enter(Stage stage, Duration time) {
  stage_ = stage;
  deadline_ = now_ + time;
}

void Switchover::on(const Begin&) {
  if (auto reason = why_not(); !reason.empty()) return effects_.push_back(Refused{std::move(reason)});
  begun_ = now_;
  report_ = Report{};
  facts_.drained = false;  // that was before changes were held: one may be on its way since
  enter(Stage::draining, config_.drain_max);
  effects_.push_back(HandleClients{Clients::held, config_.drain_max + config_.answer_max});
}

void Switchover::on(const PeerAnswered& event) {
  if (stage_ != Stage::asking) return;
  if (!event.gate_open) return abort(event.reason);
  report_.peer_open = now_ - begun_;
  move();
}

// What follows from the facts and from the time, whichever came.
void Switchover::advance() {
  if (stage_ == Stage::idle) return;
  if (stage_ == Stage::moving) {
    if (facts_.backup && facts_.peer_owns) return complete();
    if (!facts_.peer_alive && facts_.owner) return abort("the peer is gone: this node goes on owning");
    if (now_ < deadline_) return;
    if (facts_.backup) return complete();  // keepalived has moved; that the peer says nothing of it is another matter
    return abort("keepalived did not move ownership within " + in_ms(config_.move_max) + ": this node goes on owning");
  }
  if (!facts_.owner) return abort("ownership was lost meanwhile: " + facts_.not_owner);
  if (!facts_.peer_alive || !facts_.peer_ready) return abort(facts_.peer_missing);
  if (stage_ == Stage::draining && facts_.drained) {
    report_.drained = now_ - begun_;
    enter(Stage::asking, config_.answer_max);
    effects_.push_back(AskPeer{config_.answer_max + config_.move_max});
    return;
  }
  if (now_ < deadline_) return;
  abort(stage_ == Stage::draining ? "changes in flight were not on both nodes within " + in_ms(config_.drain_max)
                                  : "the peer did not open its gate within " + in_ms(config_.answer_max));
}

void Switchover::move() {
  enter(Stage::moving, config_.move_max);
  effects_.push_back(Moving{report_});
  effects_.push_back(HandleClients{Clients::sent_away, config_.move_max});
  effects_.push_back(Leave{true});
}

void Switchover::complete() {
  stage_ = Stage::idle;
  report_.completed = true;
  report_.moved = now_ - begun_;
  effects_.push_back(HandleClients{Clients::served, Duration(0)});
  effects_.push_back(Leave{false});
  effects_.push_back(Finished{report_});
}

void Switchover::abort(const std::string& why) {
  const bool asked = stage_ != Stage::draining;
  const bool left = stage_ == Stage::moving;
  stage_ = Stage::idle;
  report_.reason = why;
  if (left) effects_.push_back(Leave{false});
  if (asked) effects_.push_back(CallOff{});
  effects_.push_back(HandleClients{Clients::served, Duration(0)});
  effects_.push_back(Finished{report_});
}

}  // namespace distributor::switchover
