// Programs a bridge over its management socket, blocking: for tests that need rules in a real Open vSwitch and nothing
// else.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "openflow/wire/framer.hpp"
#include "openflow/wire/message.hpp"
#include "openflow/wire/meter.hpp"

namespace distributor::test {

// Sends messages to a bridge and waits for the barrier; throws if anything is refused.
class BridgeConnection {
 public:
  explicit BridgeConnection(const std::string& socket) {
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect to " + socket);
    }
    send(wire::encode_hello(1));
  }
  ~BridgeConnection() { ::close(fd_); }
  BridgeConnection(const BridgeConnection&) = delete;
  BridgeConnection& operator=(const BridgeConnection&) = delete;

  void add_meters(const std::vector<wire::Meter>& meters) {
    for (const auto& meter : meters) send(wire::encode_meter_mod(5, false, meter));
    barrier();
  }
  void remove(const wire::FlowRule& flow) {
    send(wire::encode_flow_mod(6, wire::FlowCommand::remove_strict, flow).value());
    barrier();
  }
  void program(const wire::Rules& rules) {
    for (const auto& group : rules.groups) send(wire::encode_group_mod(2, wire::GroupCommand::add, group).value());
    for (const auto& flow : rules.flows) send(wire::encode_flow_mod(3, wire::FlowCommand::add, flow).value());
    barrier();
  }

 private:
  void send(const std::string& bytes) {
    if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
      throw std::runtime_error("short write");
    }
  }

  void barrier() {
    send(wire::encode_barrier_request(4));
    std::vector<char> buffer(65536);
    for (;;) {
      const auto next = framer_.next().value();
      if (!next) {
        const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (got <= 0) throw std::runtime_error("the bridge hung up");
        framer_.push({buffer.data(), static_cast<std::size_t>(got)});
        continue;
      }
      const auto message = wire::decode_header(*next).value();
      if (message.type == wire::MessageType::barrier_reply) return;
      if (message.type == wire::MessageType::error) {
        const auto error = wire::decode_error(message.body).value();
        throw std::runtime_error("refused: type " + std::to_string(error.type) + " code " + std::to_string(error.code));
      }
    }
  }

  int fd_ = -1;
  wire::Framer framer_;
};

}  // namespace distributor::test
