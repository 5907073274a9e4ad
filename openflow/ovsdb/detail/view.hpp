// The rows that the monitor shows: a copy of what concerns us of the database. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "openflow/ovsdb/types.hpp"

namespace distributor::ovsdb::detail {

struct SwitchEntry {
  SwitchRow row;
};

struct BridgeEntry {
  BridgeRow row;
  std::vector<std::string> ports;        // UUIDs
  std::vector<std::string> controllers;  // UUIDs
  StringMap other_config;
};

struct PortEntry {
  std::string name;
  std::vector<std::string> interfaces;  // UUIDs; a bond has several
  StringMap external_ids;
};

struct InterfaceEntry {
  std::string name;
  std::string type;
  std::optional<std::int64_t> ofport;
  std::optional<std::int64_t> ofport_request;
  std::optional<std::int64_t> mtu_request;
  std::string error;
  std::string mac;
  std::string mac_in_use;
  std::string link_state;
  StringMap options;
};

class View {
 public:
  // The monitor request's third parameter: tables and columns.
  static boost::json::object monitored();

  // Table updates of a monitor's reply or of an `update` (RFC 7047, 4.1.6). An error: the view is not to be trusted any
  // more.
  tl::expected<void, std::string> apply(const boost::json::value& updates);
  void clear();

  const SwitchEntry* open_vswitch() const;
  const std::string* open_vswitch_uuid() const;
  const BridgeEntry* bridge(const std::string& name) const;
  const PortEntry* port(const std::string& name) const;
  const std::string* bridge_uuid(const std::string& name) const;
  const std::string* port_uuid(const std::string& name) const;
  const std::string* bridge_of_port(const std::string& port) const;  // its name
  const std::string* interface_uuid(const std::string& port) const;  // its only interface
  const InterfaceEntry* interface(const std::string& uuid) const;
  std::optional<PortRow> row_of_port(const std::string& name) const;
  std::vector<PortRow> rows_of_bridge(const std::string& name) const;  // by name

 private:
  template <typename Entry>
  struct Table {
    std::map<std::string, Entry> rows;         // by UUID
    std::map<std::string, std::string> uuids;  // by name
  };

  std::map<std::string, SwitchEntry> switches_;
  Table<BridgeEntry> bridges_;
  Table<PortEntry> ports_;
  std::map<std::string, InterfaceEntry> interfaces_;
  std::map<std::string, std::string> bridge_of_port_;  // port UUID -> bridge name

  void index_bridge_ports();
};

}  // namespace distributor::ovsdb::detail
