// How long each stage of a takeover took: line of keepalived read -> gate confirmed by Open vSwitch -> announcements sent -> term on disk ->
// changes taken. One line in the log, and the last one for whoever asks. Times are handed in: no clock of its own. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace distributor::node {

class TakeoverClock {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  struct Takeover {
    std::uint64_t number = 0;
    std::size_t announcements = 0;
    bool gate_was_open = false;  // a planned switchover
    std::optional<Duration> gate, announced, term, writes;  // since the line was read; absent: it did not come to that
    bool complete() const { return gate && announced && term && writes; }
    std::string text() const;
  };

  explicit TakeoverClock(std::function<void(const Takeover&)> finished) : finished_(std::move(finished)) {}

  void line_read(TimePoint now, bool gate_is_open);  // MASTER; it may turn out to be no news
  void gate_confirmed(TimePoint now);
  void announced(TimePoint now, std::size_t count);
  void owns(TimePoint now, bool fresh_master);  // what the role machine made of it; false: no takeover, or its end
  void replica(TimePoint now, bool term_on_disk, bool takes_changes);

  const std::optional<Takeover>& last() const { return last_; }

 private:
  void mark(std::optional<Duration>& stage, TimePoint now);
  void check();

  std::function<void(const Takeover&)> finished_;
  std::optional<Takeover> running_;
  std::optional<Takeover> last_;
  TimePoint begun_;
  bool is_takeover_ = false;
  std::uint64_t count_ = 0;
};

}  // namespace distributor::node
