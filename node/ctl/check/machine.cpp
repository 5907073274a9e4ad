// The real machine behind Machine.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "node/ctl/check/check.hpp"

namespace distributor::ctl {
namespace {

constexpr std::size_t kTextBytesMax = 256 * 1024;
constexpr auto kCommandTime = std::chrono::seconds(10);

std::optional<std::string> read_small(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(kTextBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

[[noreturn]] void become(const std::vector<std::string>& argv, int output) {
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::setenv("LC_ALL", "C", 1);
  ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  std::vector<char*> pointers;
  for (const auto& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  ::execvp(pointers.front(), pointers.data());
  ::_exit(127);
}

std::string read_all(int input, std::chrono::steady_clock::time_point deadline) {
  std::string text;
  std::array<char, 4096> chunk{};
  while (text.size() < kTextBytesMax) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd ready{.fd = input, .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) break;
    const auto bytes = ::read(input, chunk.data(), chunk.size());
    if (bytes <= 0) break;
    text.append(chunk.data(), static_cast<std::size_t>(bytes));
  }
  return text;
}

Machine::Output run_command(const std::vector<std::string>& argv) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return {126, "no pipe"};
  const auto child = ::fork();
  if (child == 0) become(argv, pipe[1]);
  ::close(pipe[1]);
  if (child < 0) {
    ::close(pipe[0]);
    return {126, "no process"};
  }
  Machine::Output output;
  const auto deadline = std::chrono::steady_clock::now() + kCommandTime;
  output.text = read_all(pipe[0], deadline);
  ::close(pipe[0]);
  if (std::chrono::steady_clock::now() >= deadline) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return output;
}

bool clock_synchronised() {
  timex state{};
  return ::adjtimex(&state) != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

}  // namespace

Machine this_machine() {
  return {read_small,
          [](const std::string& path) {
            std::error_code ignored;
            return std::filesystem::exists(path, ignored);
          },
          run_command, clock_synchronised, std::chrono::system_clock::now()};
}

}  // namespace distributor::ctl
