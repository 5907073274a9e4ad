#include "node/daemon/takeover_clock.hpp"

#include <fmt/format.h>

#include <utility>

#include "node/daemon/monotonic.hpp"

namespace distributor::node {
namespace {

std::string text_of(const std::optional<TakeoverClock::Duration>& time) {
  return time ? fmt::format("after {:.2f} ms", in_ms(*time)) : std::string("never");
}

}  // namespace

std::string TakeoverClock::Takeover::text() const {
  return fmt::format("takeover {}: gate {}, {} announcements sent {}, term on disk {}, changes taken {}", number,
                     gate_was_open ? std::string("open already") : "confirmed " + text_of(gate), announcements,
                     text_of(announced), text_of(term), text_of(writes));
}

void TakeoverClock::line_read(TimePoint now, bool gate_is_open) {
  begun_ = now;
  is_takeover_ = false;
  running_ = Takeover{};
  running_->gate_was_open = gate_is_open;
  if (gate_is_open) running_->gate = Duration(0);
}

void TakeoverClock::mark(std::optional<Duration>& stage, TimePoint now) {
  if (!stage) stage = now - begun_;
  check();
}

void TakeoverClock::gate_confirmed(TimePoint now) {
  if (running_) mark(running_->gate, now);
}

void TakeoverClock::announced(TimePoint now, std::size_t count) {
  if (!running_ || running_->announced) return;
  running_->announcements = count;
  mark(running_->announced, now);
}

void TakeoverClock::owns(TimePoint, bool fresh_master) {
  if (!running_) return;
  if (fresh_master) {
    is_takeover_ = true;
    running_->number = ++count_;
    return check();
  }
  const auto ended = std::exchange(running_, std::nullopt);
  if (!is_takeover_) return;  // nothing new: the line repeated what was known
  last_ = ended;
  finished_(*last_);
}

void TakeoverClock::replica(TimePoint now, bool term_on_disk, bool takes_changes) {
  if (!running_ || !is_takeover_) return;
  if (term_on_disk && !running_->term) running_->term = now - begun_;
  if (takes_changes && !running_->writes) running_->writes = now - begun_;
  check();
}

void TakeoverClock::check() {
  if (!running_ || !is_takeover_ || !running_->complete()) return;
  last_ = std::exchange(running_, std::nullopt);
  finished_(*last_);
}

}  // namespace distributor::node
