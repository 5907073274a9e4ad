#include "ha/keepalived/guard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

extern char** environ;

namespace distributor::keepalived {
namespace {

constexpr std::size_t kSaidBytesMax = 1024;

struct Child {
  pid_t pid = -1;
  int input = -1;   // its standard input
  int output = -1;  // its standard output and error
};

tl::expected<Child, std::string> start_nft() {
  std::array<int, 2> in{}, out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0) return tl::unexpected(std::string("pipe: ") + std::strerror(errno));
  if (::pipe2(out.data(), O_CLOEXEC) != 0) {
    ::close(in[0]), ::close(in[1]);
    return tl::unexpected(std::string("pipe: ") + std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
  std::string program("nft"), flag("-f"), standard_input("-");
  std::array<char*, 4> arguments = {program.data(), flag.data(), standard_input.data(), nullptr};
  Child child{-1, in[1], out[0]};
  const int failed = ::posix_spawnp(&child.pid, "nft", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]), ::close(out[1]);
  if (failed == 0) return child;
  ::close(child.input), ::close(child.output);
  return tl::unexpected(std::string("nft cannot be started: ") + std::strerror(failed) + "; install nftables");
}

// What it says until it ends; false: it did not end in time.
bool read_to_end(int from, std::string& said, std::chrono::steady_clock::time_point deadline) {
  std::array<char, 256> buffer{};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd waited{from, POLLIN, 0};
    if (left <= 0 || ::poll(&waited, 1, static_cast<int>(left)) <= 0) return false;
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got <= 0) return got == 0;
    if (said.size() < kSaidBytesMax) said.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

std::string guard_rules(const GuardConfig& config) {
  const std::string table = std::string("netdev ") + kGuardTable;
  return "table " + table + " {}\ndelete table " + table + "\ntable " + table + " {\n  chain adverts {\n    type filter hook ingress device \"" +
         config.interface + "\" priority -500; policy accept;\n" +
         "    ether type ip ip protocol 112 ether saddr != " + config.peer_mac + " counter drop\n" +
         "    ether type ip6 ip6 nexthdr 112 ether saddr != " + config.peer_mac + " counter drop\n  }\n}\n";
}

std::string guard_removal() {
  const std::string table = std::string("netdev ") + kGuardTable;
  return "table " + table + " {}\ndelete table " + table + "\n";
}

tl::expected<void, std::string> run_nft(const std::string& rules, std::chrono::milliseconds timeout) {
  const auto child = start_nft();
  if (!child) return tl::unexpected(child.error());
  // Far below the size of a pipe: it never blocks. nft may have died at once, which its status tells.
  struct sigaction ignore {}, before {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  const bool written = ::write(child->input, rules.data(), rules.size()) == static_cast<ssize_t>(rules.size());
  ::close(child->input);
  ::sigaction(SIGPIPE, &before, nullptr);
  std::string said;
  const bool ended = read_to_end(child->output, said, std::chrono::steady_clock::now() + timeout);
  ::close(child->output);
  if (!ended) ::kill(child->pid, SIGKILL);
  int status = 0;
  ::waitpid(child->pid, &status, 0);
  if (!ended) return tl::unexpected(std::string("nft did not end in time"));
  if (written && WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return tl::unexpected("nft refused the rules: " + said.substr(0, said.find('\n')));
}

}  // namespace distributor::keepalived
