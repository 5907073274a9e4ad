// Virtual time: what happens when, and the trace of it. Events of one moment happen in the order in which they were asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distributor::simulation {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::nanoseconds;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Timeline {
 public:
  static constexpr std::size_t kTailMax = 4000;  // lines kept of a trace

  explicit Timeline(bool keep_text) : keep_text_(keep_text) {}

  TimePoint now() const { return now_; }
  std::uint64_t events() const { return order_; }
  std::uint64_t hash() const { return hash_; }
  const std::deque<std::string>& tail() const { return tail_; }

  void at(TimePoint when, std::function<void()> action) {
    queue_.push(Item{when < now_ ? now_ : when, order_++, std::move(action)});
  }

  // Runs what is due until then; stops early once `stop` says so (asked after every event).
  template <class Stop>
  bool run_until(TimePoint end, Stop stop) {
    while (!queue_.empty() && queue_.top().when <= end) {
      auto item = std::move(const_cast<Item&>(queue_.top()));
      queue_.pop();
      now_ = item.when;
      item.action();
      if (stop()) return true;
    }
    now_ = end;
    return stop();
  }

  // One line of the trace. The hash covers time, place, kind and the numbers; `text` is asked for only when lines are kept.
  template <class Text>
  void trace(std::string_view place, std::string_view kind, std::uint64_t a, std::uint64_t b, Text text) {
    mix(static_cast<std::uint64_t>(now_.count()));
    for (const char c : place) mix(static_cast<unsigned char>(c));
    for (const char c : kind) mix(static_cast<unsigned char>(c));
    mix(a);
    mix(b);
    if (keep_text_) keep(place, kind, text());
  }

 private:
  struct Item {
    TimePoint when;
    std::uint64_t order;
    std::function<void()> action;
    bool operator<(const Item& other) const {
      return when != other.when ? when > other.when : order > other.order;  // the earliest is on top
    }
  };
  void mix(std::uint64_t value) {
    hash_ = (hash_ ^ value) * 0x100000001b3ULL;
    hash_ ^= hash_ >> 29U;
  }
  void keep(std::string_view place, std::string_view kind, std::string text) {
    char stamp[32];
    std::snprintf(stamp, sizeof stamp, "%11.3f ms  ", static_cast<double>(now_.count()) / 1e6);
    tail_.push_back(stamp + std::string(place) + "  " + std::string(kind) + "  " + std::move(text));
    if (tail_.size() > kTailMax) tail_.pop_front();
  }

  bool keep_text_;
  TimePoint now_{0};
  std::uint64_t order_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::priority_queue<Item> queue_;
  std::deque<std::string> tail_;
};

}  // namespace distributor::simulation
