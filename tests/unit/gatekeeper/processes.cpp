#include "tests/unit/gatekeeper/processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <utility>

#include "ha/gatekeeper/client.hpp"
#include "ha/gatekeeper/gatekeeper.hpp"

namespace distributor::gatekeeper {
namespace {

constexpr std::chrono::seconds kPatience{20};

void write_line(int pipe, const std::string& text) {
  const std::string line = text + "\n";
  if (::write(pipe, line.data(), line.size()) < 0) ::_exit(70);  // the test is gone
}

}  // namespace

Process::Process(const std::function<int(const Say&)>& body) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
  pid_ = ::fork();
  if (pid_ == 0) {
    constexpr int kPipe = 3;  // and nothing else of the test's: an inherited end of a FIFO would keep it alive
    if (ends[1] != kPipe) ::dup2(ends[1], kPipe);
    ::close_range(kPipe + 1, ~0U, 0);
    const int status = body([pipe = kPipe](const std::string& text) { write_line(pipe, text); });
    ::_exit(status);
  }
  ::close(ends[1]);
  pipe_ = ends[0];
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pipe_(std::exchange(other.pipe_, -1)),
      text_(std::move(other.text_)),
      used_(other.used_) {}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (pipe_ >= 0) ::close(pipe_);
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

bool Process::read_more(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  pollfd readable{pipe_, POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0) return false;
  std::array<char, 4096> bytes{};
  const auto got = ::read(pipe_, bytes.data(), bytes.size());
  if (got <= 0) return false;
  text_.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

testing::AssertionResult Process::says(const std::string& text, int count) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    for (auto end = text_.find('\n', used_); end != std::string::npos; end = text_.find('\n', used_)) {
      const bool found = text_.substr(used_, end - used_).find(text) != std::string::npos;
      used_ = end + 1;
      if (found && --count == 0) return testing::AssertionSuccess();
    }
    if (!read_more(deadline)) {
      return testing::AssertionFailure() << "wanted \"" << text << "\" " << count << " times more; said so far:\n"
                                         << text_.substr(text_.size() > 4000 ? text_.size() - 4000 : 0);
    }
  }
}

bool Process::has_said(const std::string& text) {
  while (read_more(std::chrono::steady_clock::now())) {
  }
  return text_.find(text) != std::string::npos;
}

int Process::exit_status() {
  int status = 0;
  const bool ended = pid_ > 0 && ::waitpid(std::exchange(pid_, -1), &status, 0) > 0;
  return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Process start_gatekeeper(const Places& places, const GatekeeperOptions& options) {
  return Process([&](const Process::Say& say) {
    Config config;
    config.socket_path = places.socket;
    config.fifo_path = places.fifo;
    config.readiness_path = places.readiness;
    config.core.grace = options.grace;
    config.close_gate = [&say, failures = options.close_failures]() mutable {
      const bool closed = failures-- <= 0;
      say(closed ? "gate closed" : "gate not closed");
      return closed;
    };
    config.log = [&say](Severity, const std::string& text) { say(text); };
    config.on_started = [&say] { say("started"); };
    config.on_alive = [&say] { say("alive"); };
    return run_gatekeeper(config);
  });
}

Process start_fake_daemon(const Places& places, keepalived::VrrpState vrrp) {
  return Process([&](const Process::Say& say) {
    boost::asio::io_context loop;
    ClientCallbacks callbacks;
    callbacks.on_declared_dead = [&say](const Reply& reply) {
      say(std::string("told") + (reply.gate_closed_by_gatekeeper ? ", gate closed" : ", gate as it was"));
    };
    callbacks.on_connection = [&say](bool connected) { say(connected ? "connected" : "disconnected"); };
    GatekeeperClient client(loop, {places.socket, kTestBeat}, callbacks);
    client.set_state(vrrp, vrrp == keepalived::VrrpState::master);
    boost::asio::steady_timer timer(loop);
    std::function<void()> pulse = [&] {  // the loop turns
      say("beat");
      timer.expires_after(kTestBeat);
      timer.async_wait([&](boost::system::error_code error) {
        if (!error) pulse();
      });
    };
    pulse();
    loop.run();
    return 0;
  });
}

}  // namespace distributor::gatekeeper
