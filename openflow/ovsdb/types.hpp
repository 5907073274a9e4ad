// Rows, requests and errors of the OVSDB client. Only what the daemon needs of the Open_vSwitch schema (RFC 7047).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace distributor::ovsdb {

enum class ErrorCode : std::uint8_t {
  disconnected,  // no connection to ovsdb-server, or it broke before the answer; the client reconnects by itself
  timeout,       // no answer, or vswitchd did not act, within the time limit
  refused,       // ovsdb-server refused the transaction
  port_failed,   // vswitchd could not open the interface (ofport -1); message holds its `error` column
  not_found,     // no such bridge
  limit,         // too many requests in flight
};

struct Error {
  ErrorCode code = ErrorCode::refused;
  std::string message;  // what was wanted, what was found, what to do
};

template <typename T>
using Result = tl::expected<T, Error>;

using StringMap = std::map<std::string, std::string>;

struct BridgeSpec {
  std::string name;
  std::string datapath_type;  // "system" (kernel), "netdev" (userspace), "dummy"
  StringMap other_config;     // merged over what stands; disable-in-band=true is always added
  bool keep_controllers = false;  // the bridge listens on TCP or TLS for us: what it listens on is the operator's affair
};

enum class PortKind : std::uint8_t {
  system,
  internal
};  // of the Interface's `type`; system = a network device that exists

struct PortSpec {
  std::string bridge;
  std::string name;  // of the port, its interface and the network device: 1..15 characters
  PortKind kind = PortKind::system;
  std::optional<std::uint16_t> ofport_request = std::nullopt;  // absent: the lowest number that no port asks for or has
  std::optional<std::string> mac = std::nullopt;               // internal ports only
  std::optional<std::uint16_t> mtu = std::nullopt;             // mtu_request
  StringMap external_ids = {};                                 // set as a whole
  // Set as a whole on a system interface's options (e.g. n_rxq for type afxdp); usually empty.
  StringMap options = {};
  std::string interface_type = {};  // empty: by kind. "afxdp" and "dummy" are the others that may be asked for
};

// One port with its one interface, as the database shows it now.
struct PortRow {
  std::string bridge;
  std::string name;
  std::string type;                    // "" or "system", "internal", ...
  std::optional<std::int64_t> ofport;  // absent: vswitchd has not seen it yet; -1: it could not be opened
  std::optional<std::int64_t> ofport_request;
  std::string error;  // why ofport is -1
  std::string mac_in_use;
  std::string link_state;  // "up", "down" or empty
  StringMap external_ids;
  friend bool operator==(const PortRow&, const PortRow&) = default;
};

struct BridgeRow {
  std::string name;
  std::string datapath_type;
  std::string datapath_id;  // empty: vswitchd has not built the bridge
  std::string fail_mode;
  std::vector<std::string> protocols;
  friend bool operator==(const BridgeRow&, const BridgeRow&) = default;
};

struct SwitchRow {
  std::int64_t next_cfg = 0;
  std::int64_t cur_cfg = 0;  // lags behind next_cfg while vswitchd is busy or dead
  std::string ovs_version;   // empty: no vswitchd has run on this database
};

}  // namespace distributor::ovsdb
