// Lines of keepalived's notify FIFO, from bytes in any portions. Pure; survives garbage (X3).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "ha/keepalived/vrrp.hpp"

namespace distributor::keepalived {

inline constexpr std::size_t kFifoLineBytesMax = 256;

struct FifoLine {
  std::string instance;
  VrrpEvent event = VrrpEvent::backup;
  int priority = 0;
};

class FifoParser {
 public:
  // Calls `on_line` for each whole line that can be understood. A line that is too long or cannot be understood is
  // dropped and counted; parsing goes on at the next newline. GROUP lines and words of later keepalived versions count
  // as foreign.
  void feed(std::string_view bytes, const std::function<void(const FifoLine&)>& on_line);
  void forget_partial() {
    partial_.clear();
    skipping_ = false;
  }

  std::uint64_t garbage_lines() const { return garbage_lines_; }  // rising = a line may be lost: ask for the state
  std::uint64_t foreign_lines() const { return foreign_lines_; }

 private:
  void take(std::string_view line, const std::function<void(const FifoLine&)>& on_line);
  std::string partial_;
  bool skipping_ = false;
  std::uint64_t garbage_lines_ = 0;
  std::uint64_t foreign_lines_ = 0;
};

}  // namespace distributor::keepalived
