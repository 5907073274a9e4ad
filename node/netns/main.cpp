// distributor-netns: the one part of a node that may make network namespaces. distributord runs without that right, and in a
// mount namespace of its own, where a namespace it made would be seen by nobody else and end with it; so it asks this helper.
//   --serve PREFIX   answers on the socket that systemd hands over; PREFIX is openflow.netns_prefix of the configuration
//   anything else    one command of `ip`, sent to the helper; exit status and error text are those of `ip`
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>

#include "node/netns/request.hpp"

namespace {

namespace netns = distributor::netns;

constexpr const char* kSocket = "/run/distributor/netns.sock";
constexpr const char* kIpProgram = "/sbin/ip";
constexpr timeval kClientPatience{5, 0};  // longer than distributord waits
constexpr timeval kServerPatience{1, 0};  // for the request of a client that is connected
constexpr int kCommandMilliseconds = 5000;

struct Outcome {
  std::uint8_t status = 1;
  std::string said;
};

Outcome failed(const char* what) { return {1, std::string(what) + ": " + std::strerror(errno)}; }

// The child's stderr until it ends, at most a short text, within the time limit.
std::string listen_to(int pipe, pid_t child) {
  std::string said;
  std::array<char, netns::kAnswerBytesMax> buffer{};
  pollfd waiting{pipe, POLLIN, 0};
  while (true) {
    if (::poll(&waiting, 1, kCommandMilliseconds) <= 0) {
      ::kill(child, SIGKILL);
      return "no end within its time limit; killed";
    }
    const auto got = ::read(pipe, buffer.data(), buffer.size());
    if (got <= 0) return said;
    if (said.size() < buffer.size()) said.append(buffer.data(), std::min(static_cast<std::size_t>(got), buffer.size() - said.size()));
  }
}

Outcome run_ip(const netns::Arguments& arguments) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return failed("pipe");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDERR_FILENO);
  std::vector<char*> words{const_cast<char*>(kIpProgram)};
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  std::array<char*, 2> environment{const_cast<char*>("LC_ALL=C"), nullptr};
  pid_t child = -1;
  const int refused = ::posix_spawn(&child, kIpProgram, &actions, nullptr, words.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  if (refused != 0) {
    ::close(pipe[0]);
    errno = refused;
    return failed(kIpProgram);
  }
  Outcome outcome;
  outcome.said = listen_to(pipe[0], child);
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  outcome.status = WIFEXITED(status) ? static_cast<std::uint8_t>(WEXITSTATUS(status)) : 1;
  return outcome;
}

Outcome answer_to(std::string_view request, const netns::Names& names) {
  const auto arguments = netns::decode(request);
  if (!arguments) return {2, "distributor-netns: " + arguments.error()};
  if (const auto allowed = netns::check(*arguments, names); !allowed) {
    spdlog::warn("refused a request: {}", allowed.error());
    return {2, "distributor-netns: refused: " + allowed.error()};
  }
  return run_ip(*arguments);
}

int serve(const netns::Names& names) {
  if (::sd_listen_fds(1) != 1) {
    std::cerr << "distributor-netns: --serve is for distributor-netns.service: wanted one socket from systemd\n";
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::sd_notify(0, "READY=1");
  while (true) {
    const int client = ::accept4(SD_LISTEN_FDS_START, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0 && errno != EINTR && errno != ECONNABORTED) {
      spdlog::error("accept: {}", std::strerror(errno));
      return 1;
    }
    if (client < 0) continue;
    ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &kServerPatience, sizeof kServerPatience);
    ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &kServerPatience, sizeof kServerPatience);
    std::array<char, netns::kRequestBytesMax + 1> request{};
    if (const auto got = ::recv(client, request.data(), request.size(), 0); got > 0) {
      const auto outcome = answer_to({request.data(), static_cast<std::size_t>(got)}, names);
      const auto answer = static_cast<char>(outcome.status) + outcome.said;
      ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    ::close(client);
  }
}

int give_up(const char* what) {
  std::cerr << "distributor-netns: " << kSocket << ": " << what << ": " << std::strerror(errno) << "; is distributor-netns.socket running?\n";
  return 1;
}

int ask(const netns::Arguments& arguments) {
  const int server = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, kSocket);
  if (server < 0 || ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return give_up("connect");
  ::setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &kClientPatience, sizeof kClientPatience);
  const auto request = netns::encode(arguments);
  if (::send(server, request.data(), request.size(), MSG_NOSIGNAL) < 0) return give_up("send");
  std::array<char, netns::kAnswerBytesMax + 1> answer{};
  const auto got = ::recv(server, answer.data(), answer.size(), 0);
  if (got <= 0) return give_up("no answer");
  std::cerr << std::string_view(answer.data() + 1, static_cast<std::size_t>(got - 1));
  return static_cast<std::uint8_t>(answer[0]);
}

}  // namespace

int main(int argc, char** argv) {
  const netns::Arguments arguments(argv + 1, argv + argc);
  if (arguments.empty() || arguments.front() == "--help") {
    std::cout << "usage: distributor-netns --serve PREFIX | ip's arguments\nMakes the network namespaces of vrrp_ip addresses for distributord; see docs/deployment.md.\n";
    return arguments.empty() ? 2 : 0;
  }
  if (arguments.size() == 1 && arguments.front() == "--version") {
    std::cout << DISTRIBUTOR_VERSION << "\n";
    return 0;
  }
  if (arguments.size() == 2 && arguments.front() == "--serve") {
    netns::Names names;
    names.netns_prefix = arguments.back();
    return serve(names);
  }
  return ask(arguments);
}
