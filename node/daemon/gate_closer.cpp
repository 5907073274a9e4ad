#include "node/daemon/gate_closer.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "node/descriptor/descriptor.hpp"
#include "openflow/pipeline/pipeline.hpp"
#include "openflow/wire/framer.hpp"
#include "openflow/wire/message.hpp"

namespace distributor::node {
namespace {

constexpr std::uint32_t kFlowModXid = 2;
constexpr std::uint32_t kBarrierXid = 3;

tl::unexpected<std::string> failed(const std::string& what) { return tl::make_unexpected(what + ": " + std::strerror(errno)); }

tl::expected<void, std::string> send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return failed("sending to the bridge");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

// True: the barrier's reply came. False: more is needed.
tl::expected<bool, std::string> digest(wire::Framer& framer, int fd) {
  for (;;) {
    const auto next = framer.next();
    if (!next) return tl::make_unexpected("the bridge does not speak OpenFlow 1.5");
    if (!*next) return false;
    const auto message = wire::decode_header(**next);
    if (!message) return tl::make_unexpected("the bridge sent a message that is no OpenFlow");
    if (message->type == wire::MessageType::error) return tl::make_unexpected("the bridge refused the gate rule or OpenFlow 1.5");
    if (message->type == wire::MessageType::echo_request) {
      if (auto sent = send_all(fd, wire::encode_echo_reply(message->xid, message->body)); !sent) return tl::make_unexpected(sent.error());
    }
    if (message->type == wire::MessageType::barrier_reply && message->xid == kBarrierXid) return true;
  }
}

tl::expected<GateClosing, std::string> await_barrier(int fd, std::chrono::steady_clock::time_point deadline) {
  wire::Framer framer;
  std::array<char, 4096> bytes{};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd readable{fd, POLLIN, 0};
    const int ready = left > 0 ? ::poll(&readable, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return tl::make_unexpected(std::string("the bridge did not confirm in time"));
    const auto got = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (got <= 0) return tl::make_unexpected(std::string("the bridge closed the connection"));
    framer.push({bytes.data(), static_cast<std::size_t>(got)});
    const auto done = digest(framer, fd);
    if (!done) return tl::make_unexpected(done.error());
    if (*done) return GateClosing::closed;
  }
}

}  // namespace

tl::expected<GateClosing, std::string> close_gate(const std::filesystem::path& management_socket, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (management_socket.string().size() >= sizeof address.sun_path) return tl::make_unexpected("socket path too long: " + management_socket.string());
  std::strcpy(address.sun_path, management_socket.c_str());
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return failed("socket");
  const timeval send_limit{0, 200'000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &send_limit, sizeof send_limit);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return GateClosing::no_switch;
    return failed("connecting to " + management_socket.string());
  }
  const auto flow_mod = wire::encode_flow_mod(kFlowModXid, wire::FlowCommand::add, pipeline::gate_rule(false));
  if (!flow_mod) return tl::make_unexpected(std::string("the gate rule cannot be encoded"));
  if (auto sent = send_all(fd.get(), wire::encode_hello(1) + *flow_mod + wire::encode_barrier_request(kBarrierXid)); !sent) {
    return tl::make_unexpected(sent.error());
  }
  return await_barrier(fd.get(), deadline);
}

}  // namespace distributor::node
