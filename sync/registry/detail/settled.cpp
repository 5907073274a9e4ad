// A command as it is written into a log: with what the state decided for the caller said in it.
#include "sync/registry/detail/rules.hpp"

namespace distributor::detail {
namespace {

void settle(UnplugCommand&, const LoadBalancer*, const LoadBalancer&) {}
void settle(UnregisterCommand&, const LoadBalancer*, const LoadBalancer&) {}

void settle(PlugCommand& command, const LoadBalancer*, const LoadBalancer& after) { command.hash_seed = after.hash_seed; }

void settle(RegisterCommand& command, const LoadBalancer*, const LoadBalancer& after) {
  for (auto& item : command.items) {
    if (const auto held = slot_of(after, item.amphora.mac)) {
      item.position = Position{static_cast<std::uint32_t>(*held)};
    } else {
      item.role = AmphoraRole::standby;
    }
  }
}

void settle(ReplaceCommand& command, const LoadBalancer* before, const LoadBalancer& after) {
  if (const auto held = slot_of(*before, command.failed)) command.standby = after.slots[*held].occupant->mac;
}

}  // namespace

Command settled(Command command, const LoadBalancer* before, const LoadBalancer& after) {
  std::visit([&](auto& one) { settle(one, before, after); }, command);
  return command;
}

}  // namespace distributor::detail
