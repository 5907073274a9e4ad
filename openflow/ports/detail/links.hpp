// Network devices of this network namespace through rtnetlink: a list, a watch, up and MTU. Private to ports.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "sync/registry/types.hpp"

namespace distributor::ports {

struct Link {
  int index = 0;
  std::string name;
  MacAddress mac;
  std::string kind;  // "veth", "tun", "vlan", ...; empty for hardware
  std::uint32_t mtu = 0;
  bool up = false;       // administratively
  bool carrier = false;  // running
  friend bool operator==(const Link&, const Link&) = default;
};

// The device that carries this MAC: our own ports (tun, Open vSwitch) never count, and a device stacked on another one (vlan,
// macvlan, bond member) only if there is no other. Null if there is none.
const Link* find_by_mac(const std::vector<Link>& links, const MacAddress& mac, const std::string& own_prefix);

// Each blocks for one round trip to the kernel.
tl::expected<std::vector<Link>, std::string> list_links();
tl::expected<void, std::string> set_link_up(int index);
tl::expected<void, std::string> set_link_mtu(int index, std::uint32_t mtu);

// Calls back after any change of any device, bursts folded into one call.
class LinkWatch {
 public:
  LinkWatch(boost::asio::io_context& io, std::function<void()> changed);
  ~LinkWatch();
  tl::expected<void, std::string> start();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::ports
