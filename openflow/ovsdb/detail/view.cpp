#include "openflow/ovsdb/detail/view.hpp"

#include <algorithm>

#include "openflow/ovsdb/detail/notation.hpp"

namespace distributor::ovsdb::detail {
namespace json = boost::json;
namespace {

// Reads a column into `out` if it is there; false if it has another shape. A set of at most one that is empty reads as
// T{}.
template <typename T, typename Reader>
bool column(const json::object& row, std::string_view name, T& out, Reader reader) {
  const json::value* value = row.if_contains(name);
  if (value == nullptr) return true;
  auto read = reader(*value);
  if (!read) return false;
  out = std::move(*read);
  return true;
}

bool text_or_empty(const json::object& row, std::string_view name, std::string& out) {
  std::optional<std::string> text;
  if (!column(row, name, text, read_optional_string)) return false;
  out = text.value_or("");
  return true;
}

bool read_row(const json::object& row, SwitchEntry& out) {
  return column(row, "next_cfg", out.row.next_cfg, read_integer) &&
         column(row, "cur_cfg", out.row.cur_cfg, read_integer) &&
         text_or_empty(row, "ovs_version", out.row.ovs_version);
}

bool read_row(const json::object& row, BridgeEntry& out) {
  return column(row, "name", out.row.name, read_string) &&
         column(row, "datapath_type", out.row.datapath_type, read_string) &&
         text_or_empty(row, "datapath_id", out.row.datapath_id) && text_or_empty(row, "fail_mode", out.row.fail_mode) &&
         column(row, "protocols", out.row.protocols, read_strings) && column(row, "ports", out.ports, read_uuids) &&
         column(row, "controller", out.controllers, read_uuids) &&
         column(row, "other_config", out.other_config, read_map);
}

bool read_row(const json::object& row, PortEntry& out) {
  return column(row, "name", out.name, read_string) && column(row, "interfaces", out.interfaces, read_uuids) &&
         column(row, "external_ids", out.external_ids, read_map);
}

bool read_row(const json::object& row, InterfaceEntry& out) {
  return column(row, "name", out.name, read_string) && column(row, "type", out.type, read_string) &&
         column(row, "ofport", out.ofport, read_optional_integer) &&
         column(row, "ofport_request", out.ofport_request, read_optional_integer) &&
         column(row, "mtu_request", out.mtu_request, read_optional_integer) && text_or_empty(row, "error", out.error) &&
         text_or_empty(row, "mac", out.mac) && text_or_empty(row, "mac_in_use", out.mac_in_use) &&
         text_or_empty(row, "link_state", out.link_state) && column(row, "options", out.options, read_map);
}

// Rows of one table: {uuid: {"new": row}} is new or changed, without "new" deleted.
template <typename Entry>
tl::expected<void, std::string> apply_table(const json::object& updates, std::string_view table,
                                            std::map<std::string, Entry>& rows) {
  const json::value* its = updates.if_contains(table);
  if (its == nullptr) return {};
  const json::object* by_uuid = its->if_object();
  if (by_uuid == nullptr) return tl::unexpected("updates of " + std::string(table) + " are not an object");
  for (const auto& [uuid, update] : *by_uuid) {
    const std::string key(uuid);
    const json::object* change = update.if_object();
    if (change == nullptr) return tl::unexpected("an update of " + std::string(table) + " is not an object");
    const json::value* after = change->if_contains("new");
    if (after == nullptr) {
      rows.erase(key);
      continue;
    }
    Entry entry;
    if (!after->is_object() || !read_row(after->get_object(), entry)) {
      return tl::unexpected("row " + key + " of " + std::string(table) + " has columns of another shape");
    }
    rows.insert_or_assign(key, std::move(entry));
  }
  return {};
}

json::object columns(std::initializer_list<const char*> names) {
  json::array list;
  for (const char* name : names) list.emplace_back(name);
  return json::object{{"columns", std::move(list)}};
}

template <typename Map>
auto* find(Map& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

json::object View::monitored() {
  return {{"Open_vSwitch", columns({"next_cfg", "cur_cfg", "ovs_version"})},
          {"Bridge", columns({"name", "ports", "controller", "datapath_type", "datapath_id", "fail_mode", "protocols",
                              "other_config"})},
          {"Port", columns({"name", "interfaces", "external_ids"})},
          {"Interface", columns({"name", "type", "ofport", "ofport_request", "mtu_request", "error", "mac",
                                 "mac_in_use", "link_state", "options"})}};
}

tl::expected<void, std::string> View::apply(const json::value& updates) {
  const json::object* tables = updates.if_object();
  if (tables == nullptr) return tl::unexpected(std::string("table updates are not an object"));
  auto done = apply_table(*tables, "Open_vSwitch", switches_);
  if (done) done = apply_table(*tables, "Bridge", bridges_.rows);
  if (done) done = apply_table(*tables, "Port", ports_.rows);
  if (done) done = apply_table(*tables, "Interface", interfaces_);
  if (tables->contains("Bridge") || tables->contains("Port")) index_bridge_ports();
  return done;
}

void View::index_bridge_ports() {
  bridges_.uuids.clear();
  ports_.uuids.clear();
  bridge_of_port_.clear();
  for (const auto& [uuid, bridge] : bridges_.rows) {
    bridges_.uuids.insert_or_assign(bridge.row.name, uuid);
    for (const auto& port : bridge.ports) bridge_of_port_.insert_or_assign(port, bridge.row.name);
  }
  for (const auto& [uuid, port] : ports_.rows) ports_.uuids.insert_or_assign(port.name, uuid);
}

void View::clear() {
  *this = View{};
}

const SwitchEntry* View::open_vswitch() const {
  return switches_.empty() ? nullptr : &switches_.begin()->second;
}
const std::string* View::open_vswitch_uuid() const {
  return switches_.empty() ? nullptr : &switches_.begin()->first;
}
const std::string* View::bridge_uuid(const std::string& name) const {
  return find(bridges_.uuids, name);
}
const std::string* View::port_uuid(const std::string& name) const {
  return find(ports_.uuids, name);
}
const InterfaceEntry* View::interface(const std::string& uuid) const {
  return find(interfaces_, uuid);
}

const BridgeEntry* View::bridge(const std::string& name) const {
  const std::string* uuid = bridge_uuid(name);
  return uuid == nullptr ? nullptr : find(bridges_.rows, *uuid);
}

const PortEntry* View::port(const std::string& name) const {
  const std::string* uuid = port_uuid(name);
  return uuid == nullptr ? nullptr : find(ports_.rows, *uuid);
}

const std::string* View::bridge_of_port(const std::string& port) const {
  const std::string* uuid = port_uuid(port);
  return uuid == nullptr ? nullptr : find(bridge_of_port_, *uuid);
}

const std::string* View::interface_uuid(const std::string& name) const {
  const PortEntry* entry = port(name);
  if (entry == nullptr || entry->interfaces.size() != 1 || !interfaces_.contains(entry->interfaces.front()))
    return nullptr;
  return &entry->interfaces.front();
}

std::optional<PortRow> View::row_of_port(const std::string& name) const {
  const PortEntry* entry = port(name);
  const std::string* bridge_name = bridge_of_port(name);
  const std::string* uuid = interface_uuid(name);
  if (entry == nullptr || bridge_name == nullptr || uuid == nullptr) return std::nullopt;
  const InterfaceEntry& its = interfaces_.at(*uuid);
  return PortRow{*bridge_name, name,           its.type,       its.ofport,         its.ofport_request,
                 its.error,    its.mac_in_use, its.link_state, entry->external_ids};
}

std::vector<PortRow> View::rows_of_bridge(const std::string& name) const {
  std::vector<PortRow> rows;
  const BridgeEntry* its = bridge(name);
  if (its == nullptr) return rows;
  for (const auto& uuid : its->ports) {
    const PortEntry* entry = find(ports_.rows, uuid);
    if (entry == nullptr) continue;
    if (auto row = row_of_port(entry->name)) rows.push_back(std::move(*row));
  }
  std::sort(rows.begin(), rows.end(), [](const PortRow& a, const PortRow& b) { return a.name < b.name; });
  return rows;
}

}  // namespace distributor::ovsdb::detail
