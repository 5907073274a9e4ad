#include "openflow/ports/detail/commands.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <deque>

namespace distributor::ports {
namespace {

constexpr std::size_t kSaidBytesMax = 512;

struct Child {
  pid_t pid = -1;
  int pidfd = -1;
  int error_pipe = -1;  // its stderr
};

std::string text_of(const CommandLine& command) {
  std::string text;
  for (const auto& argument : command.arguments) text += (text.empty() ? "" : " ") + argument;
  return text;
}

// errno on failure.
int spawn(const CommandLine& command, Child& child) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) return errno;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDERR_FILENO);
  std::vector<char*> arguments;
  for (const auto& argument : command.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::array<char*, 2> environment{const_cast<char*>("LC_ALL=C"), nullptr};
  const int failure = ::posix_spawn(&child.pid, arguments.front(), &actions, nullptr, arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  if (failure != 0) {
    ::close(pipe[0]);
    return failure;
  }
  child.error_pipe = pipe[0];
  child.pidfd = static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0));
  return child.pidfd < 0 ? errno : 0;
}

}  // namespace

struct CommandRunner::Impl : std::enable_shared_from_this<CommandRunner::Impl> {
  struct Chain {
    std::deque<CommandLine> commands;
    Done done;
  };

  Impl(boost::asio::io_context& io, std::chrono::milliseconds limit) : loop(io), exited(io), timer(io), timeout(limit) {}

  void next() {
    while (!stopped && child.pid < 0 && !chains.empty()) {
      if (chains.front().commands.empty()) {
        finish("");
        continue;
      }
      start(chains.front().commands.front());
    }
  }

  void start(const CommandLine& command) {
    if (const int failure = spawn(command, child); failure != 0) {
      reap();
      ended(std::strerror(failure));
      return;
    }
    exited.assign(child.pidfd);
    exited.async_wait(boost::asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](boost::system::error_code error) {
      if (!error && !self->stopped) self->on_exit();
    });
    timer.expires_after(timeout);
    timer.async_wait([self = shared_from_this(), pid = child.pid](boost::system::error_code error) {
      if (!error && !self->stopped && self->child.pid == pid) {
        self->timed_out = true;
        ::kill(pid, SIGKILL);  // its end is then seen as any other
      }
    });
  }

  void on_exit() {
    timer.cancel();
    std::array<char, kSaidBytesMax> said{};
    const auto got = ::read(child.error_pipe, said.data(), said.size());
    const std::string text(said.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    boost::system::error_code ignored;
    exited.close(ignored);
    child.pidfd = -1;
    const int status = reap();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      ended("");
    } else if (std::exchange(timed_out, false)) {
      ended("no end within its time limit; killed");
    } else {
      ended(text.empty() ? "ended with status " + std::to_string(status) : text.substr(0, text.find('\n')));
    }
    next();
  }

  int reap() {
    int status = 0;
    if (child.pid > 0) ::waitpid(child.pid, &status, 0);
    if (child.error_pipe >= 0) ::close(child.error_pipe);
    if (child.pidfd >= 0) ::close(child.pidfd);
    child = {};
    return status;
  }

  void ended(const std::string& failure) {
    auto& chain = chains.front();
    const auto command = std::move(chain.commands.front());
    chain.commands.pop_front();
    if (!failure.empty() && !command.may_fail) finish(text_of(command) + ": " + failure);
  }

  void finish(const std::string& failure) {
    auto done = std::move(chains.front().done);
    chains.pop_front();
    boost::asio::post(loop, [self = shared_from_this(), done = std::move(done), failure] {
      if (!self->stopped && done) done(failure);
    });
  }

  boost::asio::io_context& loop;
  boost::asio::posix::stream_descriptor exited;
  boost::asio::steady_timer timer;
  std::chrono::milliseconds timeout;
  std::deque<Chain> chains;
  Child child;
  bool timed_out = false;
  bool stopped = false;
};

CommandRunner::CommandRunner(boost::asio::io_context& io, std::chrono::milliseconds timeout) : impl_(std::make_shared<Impl>(io, timeout)) {}

CommandRunner::~CommandRunner() {
  impl_->stopped = true;
  impl_->timer.cancel();
  if (impl_->child.pid > 0) {
    ::kill(impl_->child.pid, SIGKILL);
    boost::system::error_code ignored;
    impl_->exited.close(ignored);
    impl_->child.pidfd = -1;
    impl_->reap();
  }
}

void CommandRunner::run(std::vector<CommandLine> chain, Done done) {
  impl_->chains.push_back({{std::make_move_iterator(chain.begin()), std::make_move_iterator(chain.end())}, std::move(done)});
  impl_->next();
}

}  // namespace distributor::ports
