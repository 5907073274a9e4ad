// Bodies and queries of API requests (X3, P3, P6, P7). The first byte says which call it is.
#include "api/json/parse.hpp"
#include "sync/registry/registry.hpp"
#include "tests/fuzz/target.hpp"

void distributor::fuzz::one_input(std::string_view bytes) {
  if (bytes.empty()) return;
  static const auto lb = *LoadBalancerId::parse("11111111-1111-4111-8111-111111111111");
  static const auto node = *NodeId::parse("node-1");
  const auto body = bytes.substr(1);
  Registry registry;
  switch (static_cast<unsigned char>(bytes.front()) % 7) {
    case 0:
      if (const auto plug = api::parse_plug(lb, body, node)) (void)registry.apply(*plug);
      return;
    case 1:
      (void)api::parse_unplug(lb, body);
      return;
    case 2:
      if (const auto registration = api::parse_register(lb, body)) (void)registry.apply(*registration);
      return;
    case 3:
      (void)api::parse_unregister(lb, body);
      return;
    case 4:
      (void)api::parse_replace(lb, body);
      return;
    case 5:
      (void)api::parse_flow(body);
      return;
    default:
      (void)api::parse_after(body);
  }
}
