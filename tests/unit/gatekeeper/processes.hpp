// Child processes for the gatekeeper's tests: the gatekeeper itself, and a daemon that does nothing but beat.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <string>

#include "ha/keepalived/vrrp.hpp"

namespace distributor::gatekeeper {

inline constexpr std::chrono::milliseconds kTestGrace{600};
inline constexpr std::chrono::milliseconds kTestBeat{20};

struct Places {
  std::string socket;
  std::string fifo;
  std::string readiness;
};

// A child that says lines on a pipe. Killed and reaped with this object.
class Process {
 public:
  using Say = std::function<void(const std::string&)>;
  explicit Process(const std::function<int(const Say&)>& body);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  // Waits until it has said `count` new lines that hold `text`; lines up to there are used up.
  testing::AssertionResult says(const std::string& text, int count = 1);
  bool has_said(const std::string& text);  // at any time since its start
  void signal(int number) const;
  int exit_status();  // waits for the end

 private:
  bool read_more(std::chrono::steady_clock::time_point deadline);
  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string text_;
  std::size_t used_ = 0;
};

struct GatekeeperOptions {
  std::chrono::milliseconds grace = kTestGrace;
  int close_failures = 0;  // of the gate, before it closes
};

Process start_gatekeeper(const Places& places, const GatekeeperOptions& options);
Process start_fake_daemon(const Places& places, keepalived::VrrpState vrrp);

}  // namespace distributor::gatekeeper
