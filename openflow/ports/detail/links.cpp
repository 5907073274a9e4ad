#include "openflow/ports/detail/links.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace distributor::ports {
namespace {

constexpr std::size_t kAnswerBytes = 64U << 10U;

std::string system_error(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

class Socket {
 public:
  Socket() : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
    const timeval limit{2, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

struct LinkRequest {
  nlmsghdr header;
  ifinfomsg body;
  std::array<std::uint8_t, 32> attributes;
};

LinkRequest link_request(std::uint16_t type, std::uint16_t flags, int index) {
  LinkRequest request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(ifinfomsg));
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  request.body.ifi_family = AF_UNSPEC;
  request.body.ifi_index = index;
  return request;
}

// Attributes of a payload; each is checked against what is left.
template <typename Visit>
void for_each_attribute(std::string_view bytes, Visit visit) {
  while (bytes.size() >= sizeof(rtattr)) {
    rtattr header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.rta_len < sizeof header || header.rta_len > bytes.size()) return;
    visit(header.rta_type, bytes.substr(RTA_LENGTH(0), header.rta_len - RTA_LENGTH(0)));
    bytes.remove_prefix(std::min<std::size_t>(RTA_ALIGN(header.rta_len), bytes.size()));
  }
}

std::string text_of(std::string_view bytes) { return std::string(bytes.substr(0, bytes.find('\0'))); }

Link parse_link(std::string_view payload) {
  Link link;
  ifinfomsg body{};
  std::memcpy(&body, payload.data(), sizeof body);
  link.index = body.ifi_index;
  link.up = (body.ifi_flags & IFF_UP) != 0;
  link.carrier = (body.ifi_flags & IFF_RUNNING) != 0;
  for_each_attribute(payload.substr(NLMSG_ALIGN(sizeof body)), [&](unsigned type, std::string_view value) {
    if (type == IFLA_IFNAME) link.name = text_of(value);
    if (type == IFLA_ADDRESS && value.size() == 6) {
      MacAddress::Bytes mac{};
      std::memcpy(mac.data(), value.data(), mac.size());
      link.mac = MacAddress(mac);
    }
    if (type == IFLA_MTU && value.size() == sizeof link.mtu) std::memcpy(&link.mtu, value.data(), sizeof link.mtu);
    if (type == IFLA_LINKINFO) {
      for_each_attribute(value, [&](unsigned inner, std::string_view kind) {
        if (inner == IFLA_INFO_KIND) link.kind = text_of(kind);
      });
    }
  });
  return link;
}

// Takes the whole messages of one datagram. True: the dump is at its end.
tl::expected<bool, std::string> take_messages(std::string_view bytes, std::vector<Link>& links) {
  while (bytes.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size()) return tl::make_unexpected(std::string("rtnetlink: a message is cut short"));
    const auto payload = bytes.substr(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
    if (header.nlmsg_type == NLMSG_DONE) return true;
    if (header.nlmsg_type == NLMSG_ERROR) return tl::make_unexpected(std::string("rtnetlink: the kernel refused the list of links"));
    if (header.nlmsg_type == RTM_NEWLINK && payload.size() >= sizeof(ifinfomsg)) links.push_back(parse_link(payload));
    bytes.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), bytes.size()));
  }
  return false;
}

tl::expected<void, std::string> change_link(const LinkRequest& request) {
  const Socket socket;
  if (::send(socket.get(), &request, request.header.nlmsg_len, 0) < 0) return tl::make_unexpected(system_error("rtnetlink"));
  std::array<char, 1024> answer{};
  const auto got = ::recv(socket.get(), answer.data(), answer.size(), 0);
  if (got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return tl::make_unexpected(system_error("rtnetlink"));
  nlmsgerr result{};
  std::memcpy(&result, answer.data() + NLMSG_HDRLEN, sizeof result);
  if (result.error != 0) return tl::make_unexpected(std::string(std::strerror(-result.error)));
  return {};
}

bool is_stacked(const Link& link) { return link.kind == "vlan" || link.kind == "macvlan" || link.kind == "ipvlan" || link.kind == "bond"; }

bool is_ours(const Link& link, const std::string& own_prefix) {
  if (link.kind == "tun" || link.kind == "openvswitch") return true;
  if (!link.name.starts_with(own_prefix) || link.name.size() == own_prefix.size()) return false;
  return std::all_of(link.name.begin() + static_cast<std::ptrdiff_t>(own_prefix.size()), link.name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

const Link* find_by_mac(const std::vector<Link>& links, const MacAddress& mac, const std::string& own_prefix) {
  const Link* stacked = nullptr;
  for (const auto& link : links) {
    if (link.mac != mac || is_ours(link, own_prefix)) continue;
    if (!is_stacked(link)) return &link;
    if (stacked == nullptr) stacked = &link;
  }
  return stacked;
}

tl::expected<std::vector<Link>, std::string> list_links() {
  const Socket socket;
  const auto request = link_request(RTM_GETLINK, NLM_F_DUMP, 0);
  if (::send(socket.get(), &request, request.header.nlmsg_len, 0) < 0) return tl::make_unexpected(system_error("rtnetlink"));
  std::vector<Link> links;
  std::string answer(kAnswerBytes, '\0');
  for (;;) {
    const auto got = ::recv(socket.get(), answer.data(), answer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return tl::make_unexpected(system_error("rtnetlink"));
    const auto end = take_messages({answer.data(), static_cast<std::size_t>(got)}, links);
    if (!end) return tl::make_unexpected(end.error());
    if (*end) return links;
  }
}

tl::expected<void, std::string> set_link_up(int index) {
  auto request = link_request(RTM_NEWLINK, NLM_F_ACK, index);
  request.body.ifi_flags = IFF_UP;
  request.body.ifi_change = IFF_UP;
  return change_link(request);
}

tl::expected<void, std::string> set_link_mtu(int index, std::uint32_t mtu) {
  auto request = link_request(RTM_NEWLINK, NLM_F_ACK, index);
  rtattr attribute{};
  attribute.rta_type = IFLA_MTU;
  attribute.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(sizeof mtu));
  std::memcpy(request.attributes.data(), &attribute, sizeof attribute);
  std::memcpy(request.attributes.data() + RTA_LENGTH(0), &mtu, sizeof mtu);
  request.header.nlmsg_len += attribute.rta_len;
  return change_link(request);
}

struct LinkWatch::Impl : std::enable_shared_from_this<LinkWatch::Impl> {
  Impl(boost::asio::io_context& io, std::function<void()> callback) : descriptor(io), settle(io), changed(std::move(callback)) {}

  void wait() {
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](boost::system::error_code error) {
      if (error || self->stopped) return;
      self->drain();
      self->wait();
    });
  }

  // What the messages say does not matter: the list is read anew. So an overrun (ENOBUFS) loses nothing.
  void drain() {
    std::array<char, 8192> bytes{};
    while (::recv(descriptor.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT) >= 0 || errno == ENOBUFS || errno == EINTR) {
    }
    if (pending) return;
    pending = true;
    settle.expires_after(std::chrono::milliseconds(5));
    settle.async_wait([self = shared_from_this()](boost::system::error_code error) {
      self->pending = false;
      if (!error && !self->stopped) self->changed();
    });
  }

  boost::asio::posix::stream_descriptor descriptor;
  boost::asio::steady_timer settle;
  std::function<void()> changed;
  bool pending = false;
  bool stopped = false;
};

LinkWatch::LinkWatch(boost::asio::io_context& io, std::function<void()> changed) : impl_(std::make_shared<Impl>(io, std::move(changed))) {}

LinkWatch::~LinkWatch() {
  impl_->stopped = true;
  boost::system::error_code ignored;
  impl_->descriptor.close(ignored);
  impl_->settle.cancel();
}

tl::expected<void, std::string> LinkWatch::start() {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return tl::make_unexpected(system_error("rtnetlink socket"));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const auto reason = system_error("rtnetlink watch");
    ::close(fd);
    return tl::make_unexpected(reason);
  }
  impl_->descriptor.assign(fd);
  impl_->wait();
  return {};
}

}  // namespace distributor::ports
