#include "sync/registry/ceilings.hpp"

namespace distributor {
namespace {

using Verdict = std::optional<RegistryError>;

RegistryError limit(const char* field, std::string message, std::string fix) {
  return {RegistryErrorCode::limit, field, std::move(message), std::move(fix)};
}

Verdict judge(const Ceilings& ceilings, const Registry& tail, const PlugCommand& command) {
  const auto before = tail.find(command.lb);
  if (before == nullptr && tail.size() >= ceilings.load_balancers()) {
    const auto held = std::to_string(tail.size()) + (tail.size() == 1 ? " load balancer is" : " load balancers are") + " plugged";
    if (ceilings.dedicated) return limit("lb_id", held + ", and this distributor is dedicated to one", "use another pair, or set limits.mode to shared on both nodes");
    return limit("lb_id", held + ", and limits.load_balancers_max is " + std::to_string(ceilings.load_balancers_max),
                 "UNPLUG one, use a further pair, or raise limits.load_balancers_max on both nodes");
  }
  const auto size_before = before != nullptr ? before->cluster_size.value_or(0) : 0;
  if (command.cluster_size && *command.cluster_size > ceilings.slots_max && *command.cluster_size > size_before) {
    return limit("cluster_size", "a cluster of " + std::to_string(*command.cluster_size) + ", and limits.slots_max is " + std::to_string(ceilings.slots_max),
                 "send " + std::to_string(ceilings.slots_max) + " or less, or raise limits.slots_max on both nodes");
  }
  return std::nullopt;
}

Verdict judge(const Ceilings& ceilings, const Registry& tail, const RegisterCommand& command) {
  const auto before = tail.find(command.lb);
  if (before == nullptr || ceilings.slots_max >= limits::kSlotsMax) return std::nullopt;
  Registry alone;  // registrations touch their own load balancer only
  alone.restore(*before);
  if (!alone.apply(command)) return std::nullopt;
  const auto slots = alone.find(command.lb)->slots.size();
  if (slots <= ceilings.slots_max || slots <= before->slots.size()) return std::nullopt;
  return limit("amphorae", "position " + std::to_string(slots - 1) + " would be used, and limits.slots_max is " + std::to_string(ceilings.slots_max),
               "use positions 0.." + std::to_string(ceilings.slots_max - 1) + ", or raise limits.slots_max on both nodes");
}

}  // namespace

std::string Ceilings::text() const {
  if (dedicated) return "dedicated to one load balancer, " + std::to_string(slots_max) + " slots";
  return "shared, " + std::to_string(load_balancers_max) + " load balancers, " + std::to_string(slots_max) + " slots each";
}

std::optional<RegistryError> above_ceilings(const Ceilings& ceilings, const Registry& tail, const Command& command) {
  if (const auto* plug = std::get_if<PlugCommand>(&command)) return judge(ceilings, tail, *plug);
  if (const auto* registration = std::get_if<RegisterCommand>(&command)) return judge(ceilings, tail, *registration);
  return std::nullopt;  // the others raise nothing
}

}  // namespace distributor
