#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>

#include "ha/keepalived/state_query.hpp"

extern char** environ;

namespace distributor::keepalived {
namespace {

// Output of `program argument` until its end of file, bounded in bytes and time; the process is gone afterwards.
tl::expected<std::string, std::string> output_of(const std::string& program, const char* argument,
                                                 std::chrono::milliseconds timeout) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return tl::unexpected(std::string("pipe: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string argument_copy(argument), program_copy(program);
  std::array<char*, 3> arguments = {program_copy.data(), argument_copy.data(), nullptr};
  pid_t child = -1;
  const int failed = ::posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failed != 0) {
    ::close(ends[0]);
    return tl::unexpected(program + " cannot be started: " + std::strerror(failed));
  }
  std::string text;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  bool finished = false;
  while (!finished && text.size() < 1024) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd waited{ends[0], POLLIN, 0};
    if (left <= 0 || ::poll(&waited, 1, static_cast<int>(left)) <= 0) break;
    std::array<char, 256> buffer{};
    const ssize_t got = ::read(ends[0], buffer.data(), buffer.size());
    finished = got <= 0;
    if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  if (!finished) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!finished) return tl::unexpected(program + " " + argument + " did not end in time");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return tl::unexpected(program + " " + argument + " failed");
  return text;
}

}  // namespace

tl::expected<int, std::string> json_dump_signal(const std::string& keepalived_program,
                                                std::chrono::milliseconds timeout) {
  const auto text = output_of(keepalived_program, "--signum=JSON", timeout);
  if (!text) return tl::unexpected(text.error());
  int number = 0;
  std::from_chars(text->data(), text->data() + text->size(), number);
  if (number <= 0 || number > SIGRTMAX) {
    return tl::unexpected(keepalived_program + " --signum=JSON: wanted a signal number, found '" + text->substr(0, 40) +
                          "'; was it built with --enable-json?");
  }
  return number;
}

}  // namespace distributor::keepalived
