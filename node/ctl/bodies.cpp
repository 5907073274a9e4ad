#include "node/ctl/bodies.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <string_view>

namespace distributor::ctl {
namespace {

namespace json = boost::json;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (true) {
    const auto end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end == std::string::npos ? end : end - begin));
    if (end == std::string::npos) return parts;
    begin = end + 1;
  }
}

std::optional<std::uint32_t> number(const std::string& text) {
  std::uint32_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

void put(json::object& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

tl::unexpected<std::string> wanted(const std::string& form, const std::string& found) {
  return tl::unexpected("wanted " + form + ", found " + found);
}

using Object = tl::expected<json::object, std::string>;

Object node_of(const std::string& text) {
  const char* form = "--node NODE=MAC[,VRRP_IP[,VLAN]]";
  const auto equals = text.find('=');
  if (equals == std::string::npos) return wanted(form, text);
  const auto parts = split(text.substr(equals + 1), ',');
  if (parts.size() > 3) return wanted(form, text);
  json::object node{{"node_id", text.substr(0, equals)}, {"mac_address", parts[0]}};
  if (parts.size() > 1) put(node, "vrrp_ip", parts[1]);
  if (parts.size() > 2) {
    const auto vlan = number(parts[2]);
    if (!vlan) return wanted(form, text);
    node["vlan"] = *vlan;
  }
  return node;
}

Object route_of(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) return wanted("--route DESTINATION=NEXTHOP", text);
  return json::object{{"destination", text.substr(0, equals)}, {"nexthop", text.substr(equals + 1)}};
}

Object vip_of(const std::string& text) {
  const auto parts = split(text, ',');
  if (parts.size() < 2 || parts.size() > 4) {
    return wanted("--additional-vip ADDRESS,SUBNET[,GATEWAY[,HAIRPIN_ADDRESS]]", text);
  }
  json::object vip{{"vip_address", parts[0]}, {"subnet_cidr", parts[1]}};
  if (parts.size() > 2) put(vip, "gateway", parts[2]);
  if (parts.size() > 3) put(vip, "hairpin_address", parts[3]);
  return vip;
}

Object amphora_of(const std::string& text, bool standby) {
  const auto equals = text.find('=');
  const auto place = text.substr(0, equals);
  const auto at = place.find('@');
  json::object amphora{{"mac_address", place.substr(0, at)}};
  if (at != std::string::npos) {
    const auto position = number(place.substr(at + 1));
    if (!position) return wanted("MAC[@POSITION][=AMPHORA_ID]", text);
    amphora["position"] = *position;
  }
  if (equals != std::string::npos) put(amphora, "amphora_id", text.substr(equals + 1));
  if (standby) amphora["role"] = "standby";
  return amphora;
}

template <typename Each>
tl::expected<json::array, std::string> list_of(const std::vector<std::string>& texts, Each each) {
  json::array list;
  for (const auto& text : texts) {
    auto item = each(text);
    if (!item) return tl::unexpected(std::move(item.error()));
    list.push_back(std::move(*item));
  }
  return list;
}

}  // namespace

Body plug_body(const PlugArguments& arguments) {
  json::object body{{"vip_address", arguments.vip}, {"subnet_cidr", arguments.subnet}};
  put(body, "gateway", arguments.gateway);
  put(body, "mac_address", arguments.mac);
  put(body, "vrrp_ip", arguments.vrrp_ip);
  put(body, "hash_seed", arguments.hash_seed);
  put(body, "forwarding_mode", arguments.forwarding_mode);
  put(body, "hairpin_address", arguments.hairpin_address);
  auto nodes = list_of(arguments.nodes, node_of);
  auto routes = list_of(arguments.routes, route_of);
  auto vips = list_of(arguments.additional_vips, vip_of);
  for (const auto* list : {&nodes, &routes, &vips}) {
    if (!*list) return tl::unexpected(list->error());
  }
  if (!nodes->empty()) body["nodes"] = std::move(*nodes);
  if (!routes->empty()) body["host_routes"] = std::move(*routes);
  if (!vips->empty()) body["additional_vips"] = std::move(*vips);
  if (!arguments.affinity.empty() || arguments.hash_classes_max) {
    json::object extras{{"algorithm", "hash"}};
    put(extras, "affinity", arguments.affinity);
    if (arguments.hash_classes_max) extras["hash_classes_max"] = *arguments.hash_classes_max;
    body["alg_extras"] = std::move(extras);
  }
  if (arguments.cluster_size) body["cluster_size"] = *arguments.cluster_size;
  if (arguments.mtu) body["mtu"] = *arguments.mtu;
  return json::serialize(body);
}

Body register_body(const std::vector<std::string>& amphorae, bool standby) {
  auto list = list_of(amphorae, [&](const std::string& text) { return amphora_of(text, standby); });
  if (!list) return tl::unexpected(std::move(list.error()));
  return json::serialize(json::object{{"amphorae", std::move(*list)}});
}

std::string unregister_body(const std::vector<std::string>& macs) {
  json::array list;
  for (const auto& mac : macs) list.push_back(json::value(mac));
  return json::serialize(json::object{{"amphorae", std::move(list)}});
}

std::string replace_body(const std::string& failed, const std::string& standby) {
  json::object body{{"failed", failed}};
  put(body, "standby", standby);
  return json::serialize(body);
}

std::string percent_encoded(const std::string& text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char one : text) {
    const auto octet = static_cast<unsigned char>(one);
    const bool plain = (one >= '0' && one <= '9') || (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z') ||
                       std::string_view("-._~:").find(one) != std::string_view::npos;
    if (plain) {
      encoded += one;
    } else {
      encoded += {'%', kDigits[octet >> 4U], kDigits[octet & 0xfU]};
    }
  }
  return encoded;
}

}  // namespace distributor::ctl
