#include "node/daemon/management_address.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace distributor::node {
namespace {

struct DeleteRequest {
  nlmsghdr header;
  ifaddrmsg body;
  std::array<std::uint8_t, 64> attributes;
};

void add_attribute(DeleteRequest& request, std::uint16_t type, const IpAddress& address) {
  rtattr attribute{};
  attribute.rta_type = type;
  attribute.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(address.size()));
  auto* place = reinterpret_cast<std::uint8_t*>(&request) + NLMSG_ALIGN(request.header.nlmsg_len);
  std::memcpy(place, &attribute, sizeof attribute);
  std::memcpy(place + RTA_LENGTH(0), address.bytes().data(), address.size());
  request.header.nlmsg_len = NLMSG_ALIGN(request.header.nlmsg_len) + static_cast<std::uint32_t>(RTA_ALIGN(attribute.rta_len));
}

// The kernel's answer to a request with NLM_F_ACK: 0, or a negative errno.
tl::expected<int, std::string> exchange(const DeleteRequest& request) {
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (socket < 0) return tl::make_unexpected(std::string("netlink socket: ") + std::strerror(errno));
  const timeval limit{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  alignas(nlmsghdr) std::array<char, 1024> answer{};
  const auto sent = ::send(socket, &request, request.header.nlmsg_len, 0);
  const auto got = sent < 0 ? -1 : ::recv(socket, answer.data(), answer.size(), 0);
  const int failure = errno;
  ::close(socket);
  if (got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return tl::make_unexpected(std::string("netlink: ") + std::strerror(failure));
  nlmsgerr result{};
  std::memcpy(&result, answer.data() + NLMSG_HDRLEN, sizeof result);
  return result.error;
}

}  // namespace

tl::expected<bool, std::string> delete_address(const std::string& interface, const IpAddress& address, std::uint8_t prefix_bits) {
  const auto index = ::if_nametoindex(interface.c_str());
  if (index == 0) return tl::make_unexpected("no interface " + interface + " here");
  DeleteRequest request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(ifaddrmsg));
  request.header.nlmsg_type = RTM_DELADDR;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.body.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
  request.body.ifa_prefixlen = prefix_bits;
  request.body.ifa_index = index;
  add_attribute(request, IFA_LOCAL, address);
  add_attribute(request, IFA_ADDRESS, address);
  const auto result = exchange(request);
  if (!result) return tl::make_unexpected(result.error());
  if (*result == 0) return true;
  if (*result == -EADDRNOTAVAIL) return false;
  return tl::make_unexpected("the kernel refused: " + std::string(std::strerror(-*result)));
}

}  // namespace distributor::node
