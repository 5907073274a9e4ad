#include "openflow/ovsdb/detail/transactions.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <set>
#include <utility>

#include "openflow/ovsdb/detail/notation.hpp"

namespace distributor::ovsdb::detail {
namespace json = boost::json;
namespace {

constexpr const char* kProtocol = "OpenFlow15";
constexpr std::uint16_t kOfportMax = 0xfeff;  // OpenFlow 1.0's OFPP_MAX is 0xff00, and Open vSwitch keeps to it

json::array where_uuid(const std::string& text) {
  json::array condition{"_uuid", "=="};
  condition.emplace_back(uuid(text));
  json::array conditions;
  conditions.emplace_back(std::move(condition));
  return conditions;
}

json::object insert(const char* table, json::object row, const char* name) {
  return {{"op", "insert"}, {"table", table}, {"row", std::move(row)}, {"uuid-name", name}};
}

json::object update(const char* table, const std::string& row_uuid, json::object row) {
  return {{"op", "update"}, {"table", table}, {"where", where_uuid(row_uuid)}, {"row", std::move(row)}};
}

json::array mutation(const char* column, const char* mutator, json::value value) {
  json::array out{column, mutator};
  out.emplace_back(std::move(value));
  return out;
}

json::object mutate(const char* table, json::array where, json::array one_mutation) {
  json::array mutations;
  mutations.emplace_back(std::move(one_mutation));
  return {{"op", "mutate"}, {"table", table}, {"where", std::move(where)}, {"mutations", std::move(mutations)}};
}

// Raises next_cfg and asks for it. ovsdb-server makes no row of Open_vSwitch by itself.
void finish(Operations& operations) {
  if (operations.empty()) return;
  operations.emplace_back(mutate("Open_vSwitch", {}, mutation("next_cfg", "+=", 1)));
  json::array columns{"next_cfg"};
  operations.emplace_back(
      json::object{{"op", "select"}, {"table", "Open_vSwitch"}, {"where", json::array{}}, {"columns", columns}});
}

StringMap merged(StringMap base, const StringMap& over) {
  for (const auto& [key, value] : over) base.insert_or_assign(key, value);
  return base;
}

std::string type_of(const PortSpec& spec) {
  if (!spec.interface_type.empty()) return spec.interface_type;
  return spec.kind == PortKind::internal ? "internal" : "";
}

json::array protocols() {
  return set_of({kProtocol});
}

void insert_bridge(Operations& operations, const View& view, const BridgeSpec& spec, const StringMap& other_config) {
  operations.emplace_back(insert("Interface", {{"name", spec.name}, {"type", "internal"}}, "local_interface"));
  operations.emplace_back(
      insert("Port", {{"name", spec.name}, {"interfaces", named_uuid("local_interface")}}, "local_port"));
  operations.emplace_back(insert("Bridge",
                                 {{"name", spec.name},
                                  {"datapath_type", spec.datapath_type},
                                  {"fail_mode", "secure"},
                                  {"protocols", protocols()},
                                  {"other_config", map_of(other_config)},
                                  {"ports", named_uuid("local_port")}},
                                 "bridge"));
  if (view.open_vswitch() == nullptr) {
    operations.emplace_back(insert("Open_vSwitch", {{"bridges", named_uuid("bridge")}}, "open_vswitch"));
  } else {
    operations.emplace_back(mutate("Open_vSwitch", {}, mutation("bridges", "insert", named_uuid("bridge"))));
  }
}

json::object interface_row(const PortSpec& spec, std::uint16_t ofport_request) {
  json::object row{{"name", spec.name},
                   {"type", type_of(spec)},
                   {"ofport_request", ofport_request},
                   {"options", map_of(spec.options)}};
  if (spec.mac) row["mac"] = *spec.mac;
  if (spec.mtu) row["mtu_request"] = *spec.mtu;
  return row;
}

json::object interface_differences(const InterfaceEntry& now, const PortSpec& spec, std::uint16_t ofport_request) {
  json::object row;
  const std::string type = type_of(spec);
  if (now.type != type && !(now.type == "system" && type.empty())) row["type"] = type;
  if (now.ofport_request != ofport_request) row["ofport_request"] = ofport_request;
  if (now.options != spec.options) row["options"] = map_of(spec.options);
  if (now.mac != spec.mac.value_or("")) row["mac"] = spec.mac ? json::value(*spec.mac) : json::value(set_of({}));
  if (spec.mtu ? now.mtu_request != *spec.mtu : now.mtu_request.has_value()) {
    row["mtu_request"] = spec.mtu ? json::value(*spec.mtu) : json::value(set_of({}));
  }
  return row;
}

json::object ports_of_bridge(const std::string& bridge_uuid, const char* mutator, json::array port) {
  return mutate("Bridge", where_uuid(bridge_uuid), mutation("ports", mutator, std::move(port)));
}

}  // namespace

Operations ensure_bridge(const View& view, const BridgeSpec& spec) {
  // In-band control would answer ARP and DHCP behind our rules' back.
  const StringMap wanted = merged(spec.other_config, {{"disable-in-band", "true"}});
  Operations operations;
  const BridgeEntry* now = view.bridge(spec.name);
  if (now == nullptr) {
    insert_bridge(operations, view, spec, wanted);
    finish(operations);
    return operations;
  }
  json::object row;
  if (now->row.datapath_type != spec.datapath_type) row["datapath_type"] = spec.datapath_type;
  if (now->row.fail_mode != "secure") row["fail_mode"] = "secure";
  if (now->row.protocols != std::vector<std::string>{kProtocol}) row["protocols"] = protocols();
  if (!now->controllers.empty() && !spec.keep_controllers) row["controller"] = set_of({});
  const StringMap other_config = merged(now->other_config, wanted);
  if (now->other_config != other_config) row["other_config"] = map_of(other_config);
  if (!row.empty()) operations.emplace_back(update("Bridge", *view.bridge_uuid(spec.name), std::move(row)));
  finish(operations);
  return operations;
}

Operations attach(const View& view, const PortSpec& spec, std::uint16_t ofport_request, bool touch) {
  Operations operations;
  const std::string& bridge_uuid = *view.bridge_uuid(spec.bridge);
  const std::string* port_uuid = view.port_uuid(spec.name);
  if (port_uuid == nullptr) {
    operations.emplace_back(insert("Interface", interface_row(spec, ofport_request), "interface"));
    operations.emplace_back(insert(
        "Port",
        {{"name", spec.name}, {"interfaces", named_uuid("interface")}, {"external_ids", map_of(spec.external_ids)}},
        "port"));
    operations.emplace_back(ports_of_bridge(bridge_uuid, "insert", named_uuid("port")));
    finish(operations);
    return operations;
  }
  const std::string* old_bridge = view.bridge_of_port(spec.name);
  if (old_bridge != nullptr && *old_bridge != spec.bridge) {
    operations.emplace_back(ports_of_bridge(*view.bridge_uuid(*old_bridge), "delete", uuid(*port_uuid)));
  }
  if (old_bridge == nullptr || *old_bridge != spec.bridge) {
    operations.emplace_back(ports_of_bridge(bridge_uuid, "insert", uuid(*port_uuid)));
  }
  if (view.port(spec.name)->external_ids != spec.external_ids) {
    operations.emplace_back(update("Port", *port_uuid, {{"external_ids", map_of(spec.external_ids)}}));
  }
  if (const std::string* interface_uuid = view.interface_uuid(spec.name)) {
    json::object row = interface_differences(*view.interface(*interface_uuid), spec, ofport_request);
    if (!row.empty()) operations.emplace_back(update("Interface", *interface_uuid, std::move(row)));
  }
  if (operations.empty() && touch) operations.emplace_back(json::object{{"op", "comment"}, {"comment", "try again"}});
  finish(operations);
  return operations;
}

Operations detach(const View& view, const std::string& port) {
  Operations operations;
  const std::string* bridge = view.bridge_of_port(port);
  if (bridge == nullptr) return operations;
  operations.emplace_back(ports_of_bridge(*view.bridge_uuid(*bridge), "delete", uuid(*view.port_uuid(port))));
  finish(operations);
  return operations;
}

Operations set_external_ids(const View& view, const std::string& port, const StringMap& ids) {
  Operations operations;
  const PortEntry* entry = view.port(port);
  if (entry == nullptr || entry->external_ids == ids) return operations;
  operations.emplace_back(update("Port", *view.port_uuid(port), {{"external_ids", map_of(ids)}}));
  finish(operations);
  return operations;
}

Operations remove_bridge(const View& view, const std::string& bridge) {
  Operations operations;
  const std::string* bridge_uuid = view.bridge_uuid(bridge);
  if (bridge_uuid == nullptr) return operations;
  operations.emplace_back(mutate("Open_vSwitch", {}, mutation("bridges", "delete", uuid(*bridge_uuid))));
  finish(operations);
  return operations;
}

std::optional<std::uint16_t> free_ofport(const View& view, const std::string& bridge,
                                         const std::map<std::string, std::uint16_t>& taken) {
  std::set<std::int64_t> used;
  for (const auto& row : view.rows_of_bridge(bridge)) {
    if (row.ofport) used.insert(*row.ofport);
    if (row.ofport_request) used.insert(*row.ofport_request);
  }
  for (const auto& [port, number] : taken) used.insert(number);
  for (std::uint16_t number = 1; number <= kOfportMax; ++number) {
    if (!used.contains(number)) return number;
  }
  return std::nullopt;
}

tl::expected<std::int64_t, std::string> read_reply(const json::value& result) {
  const json::array* answers = result.if_array();
  if (answers == nullptr || answers->empty()) return tl::unexpected(std::string("the reply has no results"));
  for (const auto& answer : *answers) {
    const json::object* object = answer.if_object();
    if (object != nullptr && object->contains("error")) return tl::unexpected(json::serialize(*object));
  }
  const json::object* last = answers->back().if_object();
  const json::value* rows = last != nullptr ? last->if_contains("rows") : nullptr;
  const json::array* list = rows != nullptr ? rows->if_array() : nullptr;
  if (list == nullptr || list->empty() || !list->front().is_object()) {
    return tl::unexpected(std::string("the database has no row of Open_vSwitch"));
  }
  const json::value* next_cfg = list->front().get_object().if_contains("next_cfg");
  const auto number = next_cfg != nullptr ? read_integer(*next_cfg) : std::nullopt;
  if (!number) return tl::unexpected(std::string("the reply lacks next_cfg"));
  return *number;
}

}  // namespace distributor::ovsdb::detail
