#include "sync/replica/detail/restoring.hpp"

#include <algorithm>

namespace distributor::replica {
namespace {

PlugCommand plug_again(const LoadBalancer& lb) {
  PlugCommand plug;
  plug.lb = lb.id;
  plug.vips = lb.vips;
  plug.nodes = lb.nodes;
  plug.affinity = lb.affinity;
  plug.mode = lb.mode;
  plug.hash_seed = lb.hash_seed;
  plug.fresh_hash_seed = lb.hash_seed;
  plug.cluster_size = lb.cluster_size;
  plug.mtu = lb.mtu;
  plug.hash_classes_max = lb.hash_classes_max;
  return plug;
}

RegisterCommand register_again(const LoadBalancer& lb) {
  RegisterCommand registered;
  registered.lb = lb.id;
  for (std::uint32_t position = 0; position < lb.slots.size(); ++position) {
    const auto& occupant = lb.slots[position].occupant;
    if (occupant) registered.items.push_back({*occupant, Position{position}, AmphoraRole::active});
  }
  for (const auto& spare : lb.spares) registered.items.push_back({spare, {}, AmphoraRole::standby});
  return registered;
}

// Whoever `now` has where `then` has somebody else, or nobody.
UnregisterCommand clear(const LoadBalancer& then, const LoadBalancer& now) {
  UnregisterCommand cleared;
  cleared.lb = now.id;
  for (std::size_t position = 0; position < now.slots.size(); ++position) {
    const auto& occupant = now.slots[position].occupant;
    const bool stays = position < then.slots.size() && then.slots[position].occupant && occupant && then.slots[position].occupant->mac == occupant->mac;
    if (occupant && !stays) cleared.macs.push_back(occupant->mac);
  }
  for (const auto& spare : now.spares) {
    const bool stays = std::any_of(then.spares.begin(), then.spares.end(), [&](const Amphora& one) { return one.mac == spare.mac; });
    if (!stays) cleared.macs.push_back(spare.mac);
  }
  return cleared;
}

}  // namespace

std::vector<Command> restoring(const Registry& then, const Registry& now) {
  std::vector<Command> commands;
  for (const auto& [id, lb] : then.all()) {
    const auto here = now.find(id);
    if (here && *here == *lb) continue;
    commands.emplace_back(plug_again(*lb));
    if (here) {
      if (auto cleared = clear(*lb, *here); !cleared.macs.empty()) commands.emplace_back(std::move(cleared));
    }
    if (auto registered = register_again(*lb); !registered.items.empty()) commands.emplace_back(std::move(registered));
  }
  for (const auto& [id, lb] : now.all()) {
    if (!then.find(id)) commands.emplace_back(UnplugCommand{id});
  }
  return commands;
}

}  // namespace distributor::replica
