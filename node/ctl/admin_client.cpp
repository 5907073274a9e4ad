#include "node/ctl/admin_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>

#include "node/descriptor/descriptor.hpp"

namespace distributor::ctl {
namespace {

namespace json = boost::json;

constexpr std::size_t kReplyBytesMax = 1024 * 1024;

tl::unexpected<std::string> failed(const std::string& wanted, const std::string& socket) {
  const std::string found = errno == EAGAIN ? "nothing within the time limit" : std::strerror(errno);
  return tl::unexpected("wanted " + wanted + " " + socket + ", found: " + found +
                        "; is distributord running, and are you root?");
}

tl::expected<AdminReply, std::string> parse_reply(const std::string& line) {
  json::error_code error;
  const auto value = json::parse(line, error);
  const auto* object = value.if_object();
  const auto* ok = object == nullptr ? nullptr : object->if_contains("ok");
  if (error || ok == nullptr || !ok->is_bool())
    return tl::unexpected(std::string("wanted {\"ok\":...,\"message\":...}, found something else"));
  AdminReply reply{.ok = ok->get_bool(), .message = {}, .line = line};
  const auto* message = object->if_contains("message");
  if (message != nullptr && message->is_string()) reply.message = std::string(message->get_string());
  return reply;
}

}  // namespace

tl::expected<AdminReply, std::string> ask_admin(const std::string& socket, const std::string& command,
                                                std::chrono::seconds time_limit, const json::object& with) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof(address.sun_path)) {
    return tl::unexpected("wanted a socket path of less than " + std::to_string(sizeof(address.sun_path)) +
                          " bytes, found " + socket);
  }
  std::memcpy(address.sun_path, socket.data(), socket.size());
  const node::Descriptor stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = time_limit.count(), .tv_usec = 0};
  if (stream.get() < 0 || ::setsockopt(stream.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
      ::setsockopt(stream.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
      ::connect(stream.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failed("the daemon at", socket);
  }
  json::object request{{"command", command}};
  request.insert(with.begin(), with.end());
  const std::string line = json::serialize(request) + "\n";
  if (::send(stream.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    return failed("to send a command to", socket);
  }
  std::string received;
  std::array<char, 4096> chunk{};
  while (received.find('\n') == std::string::npos && received.size() < kReplyBytesMax) {
    const auto bytes = ::recv(stream.get(), chunk.data(), chunk.size(), 0);
    if (bytes < 0) return failed("an answer from", socket);
    if (bytes == 0) break;
    received.append(chunk.data(), static_cast<std::size_t>(bytes));
  }
  return parse_reply(received.substr(0, received.find('\n')));
}

}  // namespace distributor::ctl
