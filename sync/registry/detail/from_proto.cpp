#include <algorithm>

#include "sync/registry/detail/to_proto.hpp"
#include "sync/registry/limits.hpp"

namespace distributor::detail {
namespace {

// Reads value by value and remembers the first thing that was wrong, so that a message is read straight through.
class Reader {
 public:
  void fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
  }

  template <typename Value>
  Parsed<Value> finish(Value value) const {
    if (!error_.empty()) return tl::unexpected(ParseError{error_});
    return value;
  }

  MacAddress mac(const std::string& bytes) {
    MacAddress::Bytes out{};
    if (bytes.size() != out.size()) {
      fail("a MAC address of " + std::to_string(bytes.size()) + " bytes");
    } else {
      std::copy(bytes.begin(), bytes.end(), out.begin());
    }
    return MacAddress(out);
  }

  IpAddress address(const std::string& bytes) {
    if (bytes.size() == 4) {
      std::array<std::uint8_t, 4> out{};
      std::copy(bytes.begin(), bytes.end(), out.begin());
      return IpAddress::v4(out);
    }
    std::array<std::uint8_t, 16> out{};
    if (bytes.size() != out.size()) {
      fail("an address of " + std::to_string(bytes.size()) + " bytes");
    } else {
      std::copy(bytes.begin(), bytes.end(), out.begin());
    }
    return IpAddress::v6(out);
  }

  IpPrefix prefix(const std::string& bytes, std::uint32_t length) {
    const auto network = address(bytes);
    if (length > network.size() * 8) fail("a prefix length of " + std::to_string(length));
    return IpPrefix{network, static_cast<std::uint8_t>(length)};
  }

  template <typename Id>
  Id id(const std::string& text) {
    auto parsed = Id::parse(text);
    if (parsed) return *std::move(parsed);
    fail(parsed.error().message);
    return {};
  }

  std::uint16_t small(std::uint32_t value) {
    if (value > 0xffff) fail(std::to_string(value) + " where 16 bits are meant");
    return static_cast<std::uint16_t>(value);
  }

  // All enumerations have the two values 1 and 2.
  template <typename Enum>
  Enum choice(std::uint32_t value, const char* what) {
    if (value != 1 && value != 2) fail(std::string("unknown ") + what + " " + std::to_string(value));
    return static_cast<Enum>(value == 2 ? 2 : 1);
  }

  void at_most(int count, std::size_t max, const char* what) {
    if (static_cast<std::size_t>(count) > max)
      fail(std::to_string(count) + " " + what + ", at most " + std::to_string(max));
  }

  Amphora amphora(const proto::Amphora& from) {
    if (from.amphora_id().size() > limits::kAmphoraIdBytesMax) fail("an amphora id that is too long");
    return Amphora{mac(from.mac()), from.amphora_id()};
  }

  Vip vip(const proto::Vip& from) {
    Vip out;
    out.address = address(from.address());
    out.subnet = prefix(from.subnet(), from.subnet_length());
    if (from.has_gateway()) out.gateway = address(from.gateway());
    if (from.has_hairpin_address()) out.hairpin_address = address(from.hairpin_address());
    at_most(from.host_routes_size(), limits::kHostRoutesMax, "host routes");
    for (const auto& route : from.host_routes()) {
      out.host_routes.push_back({prefix(route.destination(), route.destination_length()), address(route.next_hop())});
    }
    return out;
  }

  NodeInterface node(const proto::NodeInterface& from) {
    NodeInterface out;
    out.node = id<NodeId>(from.node());
    out.mac = mac(from.mac());
    if (from.has_vrrp_ip()) out.vrrp_ip = address(from.vrrp_ip());
    if (from.has_vlan()) out.vlan = small(from.vlan());
    return out;
  }

  // What a PLUG and a load balancer have in common.
  template <typename From, typename To>
  void common(const From& from, To& out) {
    at_most(from.vips_size(), limits::kVipsPerLoadBalancerMax, "VIPs");
    for (const auto& one : from.vips()) out.vips.push_back(vip(one));
    at_most(from.nodes_size(), limits::kNodesPerLoadBalancerMax, "node interfaces");
    for (const auto& one : from.nodes()) out.nodes.push_back(node(one));
    out.affinity = choice<Affinity>(from.affinity(), "affinity");
    out.mode = choice<ForwardingMode>(from.mode(), "forwarding mode");
    if (from.has_hash_classes_max()) out.hash_classes_max = from.hash_classes_max();
    if (from.has_cluster_size()) out.cluster_size = from.cluster_size();
    if (from.has_mtu()) out.mtu = small(from.mtu());
  }

  PlugCommand plug(const proto::Plug& from) {
    PlugCommand out;
    out.lb = id<LoadBalancerId>(from.lb());
    common(from, out);
    if (from.has_hash_seed()) out.hash_seed = from.hash_seed();
    out.fresh_hash_seed = from.fresh_hash_seed();
    return out;
  }

  RegisterCommand reg(const proto::Register& from) {
    RegisterCommand out{id<LoadBalancerId>(from.lb()), {}};
    at_most(from.items_size(), limits::kAmphoraePerRequestMax, "amphorae");
    for (const auto& item : from.items()) {
      RegisterCommand::Item to{amphora(item.amphora()), {}, {}};
      if (item.has_position()) to.position = Position{item.position()};
      if (item.has_role()) to.role = choice<AmphoraRole>(item.role(), "role");
      out.items.push_back(std::move(to));
    }
    return out;
  }

  UnregisterCommand unreg(const proto::Unregister& from) {
    UnregisterCommand out{id<LoadBalancerId>(from.lb()), {}};
    at_most(from.macs_size(), limits::kAmphoraePerRequestMax, "amphorae");
    for (const auto& one : from.macs()) out.macs.push_back(mac(one));
    return out;
  }

  ReplaceCommand replace(const proto::Replace& from) {
    ReplaceCommand out{id<LoadBalancerId>(from.lb()), mac(from.failed()), {}};
    if (from.has_standby()) out.standby = mac(from.standby());
    return out;
  }

 private:
  std::string error_;
};

}  // namespace

Parsed<Command> command_from(const proto::Command& message) {
  Reader reader;
  switch (message.command_case()) {
    case proto::Command::kPlug:
      return reader.finish<Command>(reader.plug(message.plug()));
    case proto::Command::kUnplug:
      return reader.finish<Command>(UnplugCommand{reader.id<LoadBalancerId>(message.unplug().lb())});
    case proto::Command::kRegister:
      return reader.finish<Command>(reader.reg(message.register_()));
    case proto::Command::kUnregister:
      return reader.finish<Command>(reader.unreg(message.unregister()));
    case proto::Command::kReplace:
      return reader.finish<Command>(reader.replace(message.replace()));
    case proto::Command::COMMAND_NOT_SET:
      break;
  }
  return tl::unexpected(ParseError{"no command is set"});
}

Parsed<LoadBalancer> load_balancer_from(const proto::LoadBalancer& message) {
  Reader reader;
  LoadBalancer out;
  out.id = reader.id<LoadBalancerId>(message.id());
  out.ordinal = message.ordinal();
  if (out.ordinal > limits::kLoadBalancersMax) reader.fail("ordinal " + std::to_string(out.ordinal));
  reader.common(message, out);
  out.hash_seed = message.hash_seed();
  reader.at_most(message.slots_size(), limits::kSlotsMax, "positions");
  for (const auto& from : message.slots()) {
    Slot slot;
    if (from.has_occupant()) slot.occupant = reader.amphora(from.occupant());
    if (from.has_previous()) slot.previous = reader.mac(from.previous());
    if (slot.previous && !slot.occupant) reader.fail("a vacant position with a previous amphora");
    out.slots.push_back(std::move(slot));
  }
  if (!out.slots.empty() && !out.slots.back().occupant) reader.fail("vacant positions behind the last amphora");
  reader.at_most(message.spares_size(), limits::kSparesMax, "standby amphorae");
  for (const auto& spare : message.spares()) out.spares.push_back(reader.amphora(spare));
  return reader.finish(std::move(out));
}

}  // namespace distributor::detail
