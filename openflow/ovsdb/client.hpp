// JSON-RPC client of the local ovsdb-server (RFC 7047) over its unix socket: bridge and ports, and a small in-memory
// view of them that follows the database by a monitor. Reconnects by itself with backoff; requests in flight then fail
// `disconnected`. One thread: the one that runs the io_context. Completions run from the event loop, never from inside
// the call.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "openflow/ovsdb/types.hpp"

namespace boost::asio {
class io_context;
}

namespace distributor::ovsdb {

struct Config {
  std::string socket_path = "/run/openvswitch/db.sock";
  std::chrono::milliseconds request_timeout{5'000};
  std::chrono::milliseconds port_timeout{10'000};  // for vswitchd to act on a change
  std::chrono::milliseconds backoff_min{100};
  std::chrono::milliseconds backoff_max{1'000};
  std::chrono::milliseconds probe_every{5'000};  // echo when idle; no answer within the same time again = reconnect
  std::size_t message_bytes_max = 64U << 20U;    // of one JSON text; a longer one ends the connection
  std::size_t requests_max = 8192;               // in flight; above it `limit`
};

class Client {
 public:
  template <typename T>
  using Completion = std::function<void(Result<T>)>;

  Client(boost::asio::io_context& io, Config config);
  ~Client();  // completions that are still due are not called
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void start();
  bool connected() const;  // the monitor's first contents are here; false again as soon as the connection breaks

  // Called after every change of the view, connecting and disconnecting included. Any number of listeners; they stay.
  void add_listener(std::function<void()> listener);
  // A line for the log: connection made, lost and why, refused bytes.
  void on_log(std::function<void(bool is_warning, const std::string& text)> log);

  // The view. Empty until first connected; kept (stale) while disconnected.
  SwitchRow open_vswitch() const;
  std::optional<BridgeRow> bridge(const std::string& name) const;
  std::optional<PortRow> port(const std::string& name) const;
  std::vector<PortRow> ports(const std::string& bridge) const;  // by name, the bridge's own local port included

  // Makes the bridge if it is absent: fail_mode=secure, protocols=[OpenFlow15], no controller. Idempotent: writes only
  // what differs. Completes when the database has it and vswitchd has built it; `timeout` if vswitchd did not (the row
  // stays).
  void ensure_bridge(const BridgeSpec& spec, Completion<BridgeRow> done);
  // Attaches a port, or brings the existing one of that name to the spec (a port of another bridge is moved). Completes
  // when vswitchd has given it a number. On port_failed and timeout the row stays: vswitchd tries again when the device
  // appears.
  void attach(const PortSpec& spec, Completion<PortRow> done);
  // Removes the port of that name; an absent one is success. Completes when the database has done it.
  void detach(const std::string& name, Completion<bool> done);
  // Sets external_ids of a port as a whole.
  void set_external_ids(const std::string& port, const StringMap& ids, Completion<bool> done);
  void remove_bridge(const std::string& name, Completion<bool> done);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::ovsdb
