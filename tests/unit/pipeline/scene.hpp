// The load balancers that the pipeline's tests draw on, and their ports.
#pragma once

#include "openflow/pipeline/pipeline.hpp"

namespace distributor::pipeline::test_scene {

inline MacAddress mac(const char* text) {
  return *MacAddress::parse(text);
}
inline IpAddress ip(const char* text) {
  return *IpAddress::parse(text);
}

inline Slot occupied(const char* amphora) {
  return {Amphora{mac(amphora), ""}, std::nullopt};
}

inline Vip vip(const char* address) {
  const IpAddress its = ip(address);
  Vip out;
  out.address = its;
  out.subnet = {its, static_cast<std::uint8_t>(its.is_v4() ? 24 : 64)};
  return out;
}

// Dual stack, position 1 vacant, one spare, its own address on the network.
inline LoadBalancer plain() {
  LoadBalancer lb;
  lb.ordinal = 0;
  lb.vips = {vip("192.0.2.10"), vip("2001:db8::10")};
  lb.hash_seed = 77;
  lb.slots = {occupied("02:00:00:00:0a:00"), Slot{}, occupied("02:00:00:00:0a:02")};
  lb.spares = {Amphora{mac("02:00:00:00:0a:0f"), ""}};
  return lb;
}
inline PortBinding plain_port() {
  return {1, mac("02:00:00:00:00:a1"), std::nullopt, 8, ip("192.0.2.5")};
}

// Another tenant, the same addresses, a VLAN of a trunk, port affinity.
inline LoadBalancer tagged() {
  LoadBalancer lb;
  lb.ordinal = 1;
  lb.vips = {vip("192.0.2.10"), vip("2001:db8::10")};
  lb.affinity = Affinity::source_ip_and_port;
  lb.slots = {occupied("02:00:00:00:0b:00")};
  return lb;
}
inline PortBinding tagged_port() {
  return {2, mac("02:00:00:00:00:b1"), std::uint16_t{100}, 9, ip("2001:db8::5")};
}

// Nobody has registered, or everybody has left.
inline LoadBalancer vacant() {
  LoadBalancer lb;
  lb.ordinal = 2;
  lb.vips = {vip("198.51.100.10")};
  lb.slots = {Slot{}, Slot{}};
  return lb;
}
inline PortBinding vacant_port() {
  return {3, mac("02:00:00:00:00:c1"), std::nullopt, std::nullopt, std::nullopt};
}

// Replies come back through here; the gateway's MAC is known for IPv4 alone.
inline LoadBalancer hairpin() {
  LoadBalancer lb = plain();
  lb.ordinal = 5;
  lb.mode = ForwardingMode::hairpin;
  lb.vips[0].gateway = ip("192.0.2.1");
  lb.vips[0].hairpin_address = ip("192.0.2.250");
  lb.vips[1].gateway = ip("2001:db8::1");
  lb.vips[1].hairpin_address = ip("2001:db8::250");
  return lb;
}
inline PortBinding hairpin_port() {
  return {4, mac("02:00:00:00:00:f1"), std::nullopt, std::nullopt, std::nullopt};
}
inline Options with_gateway() {
  Options options;
  options.gateways[ip("192.0.2.1")] = mac("02:00:00:00:99:01");
  return options;
}

}  // namespace distributor::pipeline::test_scene
