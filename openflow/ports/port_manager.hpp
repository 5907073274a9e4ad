// The node-local side of plugged VIPs (P3-P5, H10): finds the interface that Octavia plugged by its MAC, brings it up,
// attaches it to the bridge, and keeps vrrp_ip on an internal port in a namespace of the load balancer's own.
// Interfaces may come and go: bindings follow by themselves. Runs on the io_context's thread. Helper processes (`ip`)
// are started without a shell, are awaited on the event loop, and end at a time limit; nothing here blocks the loop for
// longer than a netlink round trip.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "openflow/ovsdb/client.hpp"
#include "openflow/pipeline/port_binding.hpp"
#include "sync/registry/registry.hpp"

namespace distributor::ports {

struct Config {
  std::string bridge;
  NodeId node;                         // whose NodeInterface counts
  std::string interface_type;          // of plugged interfaces in OVSDB; empty = system, "afxdp"
  ovsdb::StringMap interface_options;  // e.g. {"n_rxq": "1"} for afxdp
  std::string netns_prefix = "lb-";    // namespace = prefix + ordinal
  std::string internal_prefix = "vr";  // internal port = prefix + ordinal; at most 15 characters
  std::string ip_program = "/sbin/ip";
  std::chrono::milliseconds command_timeout{5'000};
  std::chrono::milliseconds retry_every{1'000};  // of what failed and that no event will mend
};

struct Stats {
  std::size_t wanted = 0;    // load balancers with an interface for this node
  std::size_t present = 0;   // of those, whose interface is in this machine
  std::size_t bound = 0;     // of those, attached and with a port number
  std::size_t links_up = 0;  // of those, with carrier
};

struct BindingState {
  std::optional<pipeline::PortBinding> binding;
  bool present = false;
  bool carrier = false;
  std::string interface;  // name of the network device; empty if absent
  std::string reason;     // why there is no binding, or why vrrp_ip is not there yet; empty if all is well
};

class PortManager {
 public:
  // `binding` absent: the load balancer must have no rules on this node now. Called on change only, from the event
  // loop.
  using BindingChanged = std::function<void(
      const LoadBalancerId& lb, const std::optional<pipeline::PortBinding>& binding, const std::string& reason)>;

  // Both outlive the manager.
  PortManager(boost::asio::io_context& io, ovsdb::Client& ovsdb, Config config);
  ~PortManager();
  PortManager(const PortManager&) = delete;
  PortManager& operator=(const PortManager&) = delete;

  void on_binding_changed(BindingChanged callback);
  void on_links_changed(std::function<void()> callback);  // presence or carrier of a plugged interface changed
  void on_log(std::function<void(bool is_warning, const std::string& text)> log);

  // Opens the netlink watch. False, with the reason in the log, if the kernel refuses it.
  bool start();

  void update(const LoadBalancer& lb);    // new or changed
  void remove(const LoadBalancerId& lb);  // undoes everything of it (P5)
  // The whole registry: updates all, and removes what is not in it, leftovers of an earlier process included. Call it
  // once this node's registry is known to be valid.
  void set_all(const Registry::Map& all);

  bool interface_present(const MacAddress& mac) const;  // for PLUG's probe (P4)
  BindingState state_of(const LoadBalancerId& lb) const;
  Stats stats() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::ports
