#include "api/json/parse.hpp"

#include <boost/json/array.hpp>
#include <charconv>

#include "api/json/detail/fields.hpp"
#include "api/json/detail/strict_json.hpp"
#include "sync/registry/limits.hpp"

namespace distributor::api {
namespace {

namespace json = boost::json;
using detail::Fields;
using Fault = Fields::Fault;

constexpr std::size_t kHashSeedDigits = 16;
constexpr std::uint16_t kVlanMin = 1;
constexpr std::uint16_t kVlanMax = 4094;

template <typename T>
tl::expected<T, ApiError> result_of(T command, Fault fault) {
  if (fault) return tl::unexpected(std::move(*fault));
  return command;
}

// The id stands in the path; a body may say it again (the seed lists it as a field), but not another one.
void check_lb_id(Fields& fields, const LoadBalancerId& lb) {
  const auto said = fields.value<LoadBalancerId>("lb_id");
  if (said && *said != lb) fields.fail("lb_id", "wanted the id of the path, " + lb.text() + ", found " + said->text());
}

std::vector<HostRoute> read_host_routes(Fields& vip, Fault& fault) {
  std::vector<HostRoute> routes;
  const auto* list = vip.list("host_routes");
  if (list == nullptr) return routes;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto at = detail::item_at(vip.at("host_routes"), i);
    const auto* item = detail::object_item((*list)[i], at, fault);
    if (item == nullptr) break;
    Fields route(*item, at, {"destination", "nexthop"}, fault);
    route.require("destination", "a subnet like 192.0.2.0/24");
    route.require("nexthop", "an IP address");
    const auto destination = route.value<IpPrefix>("destination");
    const auto next_hop = route.value<IpAddress>("nexthop");
    if (destination && next_hop) routes.push_back(HostRoute{*destination, *next_hop});
  }
  return routes;
}

// The fields that a VIP has, in the body itself or in additional_vips[i].
void read_vip(Fields& fields, std::string_view address_name, std::vector<Vip>& vips, Fault& fault) {
  fields.require(address_name, "an IP address");
  fields.require("subnet_cidr", "the VIP's subnet like 192.0.2.0/24");
  const auto address = fields.value<IpAddress>(address_name);
  const auto subnet = fields.value<IpPrefix>("subnet_cidr");
  const auto gateway = fields.value<IpAddress>("gateway");
  const auto hairpin_address = fields.value<IpAddress>("hairpin_address");
  auto routes = read_host_routes(fields, fault);
  if (!address || !subnet) return;
  if (!subnet->contains(*address)) {
    fields.fail(address_name, "wanted an address in " + subnet->text() + ", found " + address->text(),
                "correct the address or subnet_cidr");
  }
  vips.push_back(Vip{.address = *address,
                     .subnet = *subnet,
                     .gateway = gateway,
                     .host_routes = std::move(routes),
                     .hairpin_address = hairpin_address});
}

void read_additional_vips(Fields& body, std::vector<Vip>& vips, Fault& fault) {
  const auto* list = body.list("additional_vips");
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto at = detail::item_at("additional_vips", i);
    const auto* item = detail::object_item((*list)[i], at, fault);
    if (item == nullptr) return;
    // Octavia's amphora API says ip_address here.
    Fields vip(*item, at, {"vip_address", "ip_address", "subnet_cidr", "gateway", "hairpin_address", "host_routes"}, fault);
    if (vip.has("vip_address") && vip.has("ip_address")) {
      vip.fail("ip_address", "wanted vip_address or ip_address, found both", "send one of them");
    }
    read_vip(vip, vip.has("ip_address") ? "ip_address" : "vip_address", vips, fault);
  }
}

std::optional<NodeInterface> read_interface(Fields& fields, const NodeId& node) {
  const auto mac = fields.value<MacAddress>("mac_address");
  const auto vrrp_ip = fields.value<IpAddress>("vrrp_ip");
  const auto vlan = fields.number("vlan", kVlanMin, kVlanMax);
  if (!mac) return std::nullopt;
  NodeInterface interface { .node = node, .mac = *mac, .vrrp_ip = vrrp_ip, .vlan = std::nullopt };
  if (vlan) interface.vlan = static_cast<std::uint16_t>(*vlan);
  return interface;
}

void add_interface(std::vector<NodeInterface>& nodes, NodeInterface interface, Fields& fields, std::string_view name) {
  for (const auto& present : nodes) {
    if (present.node != interface.node) continue;
    if (present == interface) return;
    fields.fail(name, "wanted one interface for node " + interface.node.text() + ", found two that differ",
                "send the interface of each node once");
    return;
  }
  nodes.push_back(std::move(interface));
}

void read_nodes(Fields& body, const NodeId& this_node, std::vector<NodeInterface>& nodes, Fault& fault) {
  const auto* list = body.list("nodes");
  if (list != nullptr) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto at = detail::item_at("nodes", i);
      const auto* item = detail::object_item((*list)[i], at, fault);
      if (item == nullptr) return;
      Fields one(*item, at, {"node_id", "mac_address", "vrrp_ip", "vlan"}, fault);
      one.require("node_id", "the name of a node of this pair");
      one.require("mac_address", "the MAC address of that node's interface");
      const auto node = one.value<NodeId>("node_id");
      auto interface = read_interface(one, node.value_or(NodeId{}));
      if (node && interface) add_interface(nodes, std::move(*interface), one, "node_id");
    }
  }
  if (body.has("mac_address")) {
    if (auto own = read_interface(body, this_node)) add_interface(nodes, std::move(*own), body, "mac_address");
    return;
  }
  for (const std::string_view name : {"vrrp_ip", "vlan"}) {
    if (body.has(name))
      body.fail(name, "wanted together with mac_address, found alone", "send mac_address too, or use nodes");
  }
  if (list == nullptr || list->empty())
    body.fail("mac_address", "wanted mac_address or nodes, found neither", "add one of them");
}

void read_algorithm(Fields& body, PlugCommand& command, Fault& fault) {
  const auto* object = body.object("alg_extras");
  if (object == nullptr) return;
  Fields extras(*object, "alg_extras", {"algorithm", "affinity", "hash_classes_max"}, fault);
  if (const auto classes = extras.number("hash_classes_max", limits::kHashClassesMin, limits::kHashClassesMax)) {
    command.hash_classes_max = static_cast<std::uint32_t>(*classes);
  }
  const auto algorithm = extras.text("algorithm");
  if (algorithm && *algorithm != "hash") {
    extras.fail("algorithm", "wanted \"hash\", found \"" + excerpt(*algorithm) + "\"");
  }
  const auto affinity = extras.text("affinity");
  if (affinity && *affinity == "Source_IP_AND_port") {
    command.affinity = Affinity::source_ip_and_port;
  } else if (affinity && *affinity != "Source_IP") {
    extras.fail("affinity", "wanted \"Source_IP\" or \"Source_IP_AND_port\", found \"" + excerpt(*affinity) + "\"");
  }
}

ForwardingMode read_mode(Fields& body) {
  const auto mode = body.text("forwarding_mode");
  if (!mode || *mode == "direct_return") return ForwardingMode::direct_return;
  if (*mode == "hairpin") return ForwardingMode::hairpin;
  body.fail("forwarding_mode", "wanted \"direct_return\" or \"hairpin\", found \"" + excerpt(*mode) + "\"");
  return ForwardingMode::direct_return;
}

// Answers say it as 16 hexadecimal digits, because many JSON readers keep only 53 bits of a number.
std::optional<std::uint64_t> read_hash_seed(Fields& body) {
  const auto* found = body.find("hash_seed");
  if (found == nullptr) return std::nullopt;
  if (!found->is_string()) {
    return body.number("hash_seed", 0, std::numeric_limits<std::uint64_t>::max());
  }
  const auto digits = body.text("hash_seed");
  if (!digits) return std::nullopt;
  std::uint64_t seed = 0;
  const auto read = std::from_chars(digits->data(), digits->data() + digits->size(), seed, 16);
  if (digits->size() == kHashSeedDigits && read.ec == std::errc{} && read.ptr == digits->data() + digits->size())
    return seed;
  body.fail("hash_seed", "wanted 16 hexadecimal digits, found \"" + excerpt(*digits) + "\"",
            "send the hash_seed that an earlier answer gave, or leave it out");
  return std::nullopt;
}

std::optional<RegisterCommand::Item> read_item(const json::value& value, const std::string& at, Fault& fault) {
  const auto* object = detail::object_item(value, at, fault);
  if (object == nullptr) return std::nullopt;
  Fields fields(*object, at, {"mac_address", "position", "amphora_id", "role"}, fault);
  fields.require("mac_address", "the amphora's MAC address");
  const auto mac = fields.value<MacAddress>("mac_address");
  const auto position = fields.number("position", 0, limits::kSlotsMax - 1);
  const auto amphora_id = fields.text("amphora_id");
  const auto role = fields.text("role");
  RegisterCommand::Item item;
  if (amphora_id) {
    if (amphora_id->size() > limits::kAmphoraIdBytesMax) {
      fields.fail("amphora_id", "wanted at most " + std::to_string(limits::kAmphoraIdBytesMax) + " bytes, found " +
                                    std::to_string(amphora_id->size()));
    }
    item.amphora.amphora_id = *amphora_id;
  }
  if (position) item.position = Position{static_cast<std::uint32_t>(*position)};
  if (role && *role == "active") item.role = AmphoraRole::active;
  if (role && *role == "standby") item.role = AmphoraRole::standby;
  if (role && !item.role) {
    fields.fail("role", "wanted \"active\" or \"standby\", found \"" + excerpt(*role) + "\"");
  }
  if (!mac) return std::nullopt;
  item.amphora.mac = *mac;
  return item;
}

// The list of amphorae of REG and UNREG: there, not empty, bounded.
const json::array* read_amphorae(Fields& body) {
  body.require("amphorae", "an array");
  const auto* list = body.list("amphorae");
  if (list == nullptr) return nullptr;
  if (list->empty() || list->size() > limits::kAmphoraePerRequestMax) {
    body.fail("amphorae", "wanted 1 to " + std::to_string(limits::kAmphoraePerRequestMax) + " items, found " +
                              std::to_string(list->size()));
    return nullptr;
  }
  return list;
}

}  // namespace

tl::expected<PlugCommand, ApiError> parse_plug(const LoadBalancerId& lb, std::string_view text,
                                               const NodeId& this_node) {
  const auto object = detail::parse_object(text);
  if (!object) return tl::unexpected(object.error());
  Fault fault;
  Fields body(*object, "",
              {"lb_id", "vip_address", "subnet_cidr", "gateway", "hairpin_address", "mac_address", "vrrp_ip", "vlan", "host_routes",
               "alg_extras", "nodes", "cluster_size", "additional_vips", "mtu", "hash_seed", "forwarding_mode"},
              fault);
  PlugCommand command;
  command.lb = lb;
  check_lb_id(body, lb);
  read_vip(body, "vip_address", command.vips, fault);
  read_additional_vips(body, command.vips, fault);
  read_nodes(body, this_node, command.nodes, fault);
  read_algorithm(body, command, fault);
  command.mode = read_mode(body);
  command.hash_seed = read_hash_seed(body);
  if (const auto size = body.number("cluster_size", 1, limits::kSlotsMax)) {
    command.cluster_size = static_cast<std::uint32_t>(*size);
  }
  if (const auto mtu = body.number("mtu", limits::kMtuMin, limits::kMtuMax))
    command.mtu = static_cast<std::uint16_t>(*mtu);
  return result_of(std::move(command), std::move(fault));
}

tl::expected<UnplugCommand, ApiError> parse_unplug(const LoadBalancerId& lb, std::string_view text) {
  if (text.empty()) return UnplugCommand{lb};
  const auto object = detail::parse_object(text);
  if (!object) return tl::unexpected(object.error());
  Fault fault;
  Fields body(*object, "", {"lb_id"}, fault);
  check_lb_id(body, lb);
  return result_of(UnplugCommand{lb}, std::move(fault));
}

tl::expected<void, ApiError> parse_empty(std::string_view text) {
  if (text.empty()) return {};
  const auto object = detail::parse_object(text);
  if (!object) return tl::unexpected(object.error());
  Fault fault;
  Fields body(*object, "", {}, fault);
  if (fault) return tl::unexpected(std::move(*fault));
  return {};
}

tl::expected<RegisterCommand, ApiError> parse_register(const LoadBalancerId& lb, std::string_view text) {
  const auto object = detail::parse_object(text);
  if (!object) return tl::unexpected(object.error());
  Fault fault;
  Fields body(*object, "", {"lb_id", "amphorae"}, fault);
  check_lb_id(body, lb);
  RegisterCommand command{.lb = lb, .items = {}};
  if (const auto* list = read_amphorae(body)) {
    for (std::size_t i = 0; i < list->size() && !fault; ++i) {
      if (auto item = read_item((*list)[i], detail::item_at("amphorae", i), fault))
        command.items.push_back(std::move(*item));
    }
  }
  return result_of(std::move(command), std::move(fault));
}

tl::expected<UnregisterCommand, ApiError> parse_unregister(const LoadBalancerId& lb, std::string_view text) {
  const auto object = detail::parse_object(text);
  if (!object) return tl::unexpected(object.error());
  Fault fault;
  Fields body(*object, "", {"lb_id", "amphorae"}, fault);
  check_lb_id(body, lb);
  UnregisterCommand command{.lb = lb, .macs = {}};
  if (const auto* list = read_amphorae(body)) {
    for (std::size_t i = 0; i < list->size() && !fault; ++i) {
      const auto at = detail::item_at("amphorae", i);
      const auto item = detail::text_item((*list)[i], at, fault);
      if (!item) break;
      const auto mac = MacAddress::parse(*item);
      if (mac) {
        command.macs.push_back(*mac);
      } else {
        fault = ApiError{.code = ErrorCode::invalid_field, .field = at, .message = mac.error().message, .fix = {}};
      }
    }
  }
  return result_of(std::move(command), std::move(fault));
}

tl::expected<ReplaceCommand, ApiError> parse_replace(const LoadBalancerId& lb, std::string_view text) {
  const auto object = detail::parse_object(text);
  if (!object) return tl::unexpected(object.error());
  Fault fault;
  Fields body(*object, "", {"lb_id", "failed", "standby"}, fault);
  check_lb_id(body, lb);
  body.require("failed", "the failed amphora's MAC address");
  ReplaceCommand command{.lb = lb, .failed = {}, .standby = body.value<MacAddress>("standby")};
  if (const auto failed = body.value<MacAddress>("failed")) command.failed = *failed;
  return result_of(std::move(command), std::move(fault));
}

}  // namespace distributor::api
