// REG, UNREG and REPLACE (P6, P7, F1). Positions change only for the MACs that a command names (O2).
#include <algorithm>
#include <set>

#include "sync/registry/detail/rules.hpp"
#include "sync/registry/limits.hpp"

namespace distributor::detail {
namespace {

std::string item_field(std::size_t index, const char* name) {
  return "amphorae[" + std::to_string(index) + "]." + name;
}

std::size_t capacity(const LoadBalancer& lb) {
  return lb.cluster_size.value_or(limits::kSlotsMax);
}

void trim(LoadBalancer& lb) {
  while (!lb.slots.empty() && !lb.slots.back().occupant) lb.slots.pop_back();
}

void take_slot(LoadBalancer& lb, std::size_t position, const Amphora& amphora) {
  if (lb.slots.size() <= position) lb.slots.resize(position + 1);
  lb.slots[position] = Slot{amphora, std::nullopt};
}

bool printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Verdict check_item(const RegisterCommand& command, const LoadBalancer& lb, std::size_t index) {
  const auto& item = command.items[index];
  const auto& mac = item.amphora.mac;
  if (mac.is_multicast() || mac.is_zero()) {
    return invalid(item_field(index, "mac_address"), mac.text() + " is not the MAC address of an interface",
                   "send the unicast MAC address of the amphora's port on the VIP network");
  }
  for (const auto& node : lb.nodes) {
    if (node.mac == mac) {
      return invalid(item_field(index, "mac_address"),
                     mac.text() + " is the distributor's own on node " + node.node.text(),
                     "send the MAC address of the amphora's port on the VIP network");
    }
  }
  if (item.amphora.amphora_id.size() > limits::kAmphoraIdBytesMax || !printable(item.amphora.amphora_id)) {
    return invalid(
        item_field(index, "amphora_id"), "not an amphora id",
        "send at most " + std::to_string(limits::kAmphoraIdBytesMax) + " printable characters without spaces");
  }
  if (item.role && *item.role != AmphoraRole::active && *item.role != AmphoraRole::standby) {
    return invalid(item_field(index, "role"), "unknown role", "send active or standby");
  }
  if (item.position && item.role == AmphoraRole::standby) {
    return invalid(item_field(index, "position"), "a standby amphora has no position",
                   "leave out position, or send role active");
  }
  if (item.position && item.position->value >= capacity(lb)) {
    return invalid(item_field(index, "position"),
                   "position " + std::to_string(item.position->value) + " is out of range",
                   "send 0.." + std::to_string(capacity(lb) - 1));
  }
  return {};
}

Verdict check_items(const RegisterCommand& command, const LoadBalancer& lb) {
  if (command.items.empty()) return invalid("amphorae", "no amphora", "send at least one");
  if (command.items.size() > limits::kAmphoraePerRequestMax) {
    return invalid("amphorae", std::to_string(command.items.size()) + " amphorae in one request",
                   "send at most " + std::to_string(limits::kAmphoraePerRequestMax));
  }
  std::set<MacAddress> macs;
  std::set<Position> positions;
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    const auto& item = command.items[i];
    if (auto refused = check_item(command, lb, i)) return refused;
    if (!macs.insert(item.amphora.mac).second) {
      return invalid(item_field(i, "mac_address"), item.amphora.mac.text() + " is there twice",
                     "send each amphora once");
    }
    if (item.position && !positions.insert(*item.position).second) {
      return invalid(item_field(i, "position"), "position " + std::to_string(item.position->value) + " is there twice",
                     "send each position once");
    }
  }
  return {};
}

// An amphora that is already registered, and stays where it is: its id may become known.
void update_id(Amphora& stored, const Amphora& sent) {
  if (!sent.amphora_id.empty()) stored.amphora_id = sent.amphora_id;
}

Verdict settle_in_slot(const RegisterCommand::Item& item, std::size_t index, std::size_t held, LoadBalancer& after) {
  const auto mac = item.amphora.mac.text();
  if (item.position && item.position->value != held) {
    return conflict(item_field(index, "position"),
                    mac + " holds position " + std::to_string(held) + ", not " + std::to_string(item.position->value),
                    "positions never change: leave out position, or UNREGISTER the amphora first");
  }
  if (item.role == AmphoraRole::standby) {
    return conflict(item_field(index, "role"), mac + " holds position " + std::to_string(held) + ", it is no standby",
                    "REPLACE it by a standby, or UNREGISTER it, and register it as standby afterwards");
  }
  update_id(*after.slots[held].occupant, item.amphora);
  return {};
}

Verdict place_explicit(const RegisterCommand& command, const LoadBalancer& before, LoadBalancer& after) {
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    const auto& item = command.items[i];
    if (!item.position || slot_of(before, item.amphora.mac)) continue;
    const std::size_t position = item.position->value;
    if (position < after.slots.size() && after.slots[position].occupant) {
      return conflict(
          item_field(i, "position"),
          "position " + std::to_string(position) + " is held by " + after.slots[position].occupant->mac.text(),
          "REPLACE or UNREGISTER that amphora first, or send another position or none");
    }
    take_slot(after, position, item.amphora);
  }
  return {};
}

Verdict place_lowest(const RegisterCommand::Item& item, std::size_t index, LoadBalancer& after) {
  std::size_t position = 0;
  while (position < after.slots.size() && after.slots[position].occupant) ++position;
  if (position >= capacity(after)) {
    return error_of(RegistryErrorCode::limit, item_field(index, "mac_address"),
                    "no free position: all " + std::to_string(capacity(after)) + " are held",
                    "UNREGISTER an amphora, or register this one as standby");
  }
  take_slot(after, position, item.amphora);
  return {};
}

enum class Goes : std::uint8_t { stays_in_slot, stays_spare, explicit_slot, lowest_slot, new_spare };

Goes where(const RegisterCommand::Item& item, const LoadBalancer& before) {
  if (slot_of(before, item.amphora.mac)) return Goes::stays_in_slot;
  if (item.position) return Goes::explicit_slot;
  const bool is_spare = spare_index_of(before, item.amphora.mac).has_value();
  if (is_spare && item.role != AmphoraRole::active) return Goes::stays_spare;
  return item.role == AmphoraRole::standby ? Goes::new_spare : Goes::lowest_slot;
}

// A spare on its way into a slot: leaves the list, and keeps the id that it came with unless another is sent.
Amphora out_of_spares(LoadBalancer& after, const Amphora& sent) {
  const auto index = spare_index_of(after, sent.mac);
  if (!index) return sent;
  Amphora amphora = after.spares[*index];
  after.spares.erase(after.spares.begin() + static_cast<std::ptrdiff_t>(*index));
  update_id(amphora, sent);
  return amphora;
}

Verdict absent(const char* field, const MacAddress& mac, const char* what, const char* fix) {
  return error_of(RegistryErrorCode::not_found, field, mac.text() + " is " + what, fix);
}

bool took_over(const LoadBalancer& lb, const ReplaceCommand& command) {
  return std::any_of(lb.slots.begin(), lb.slots.end(), [&](const Slot& slot) {
    if (!slot.occupant || slot.previous != command.failed) return false;
    return !command.standby || slot.occupant->mac == *command.standby;
  });
}

Verdict check_replace(const ReplaceCommand& command, const LoadBalancer& before) {
  if (!slot_of(before, command.failed)) {
    if (spare_index_of(before, command.failed)) {
      return conflict("failed", command.failed.text() + " is a standby amphora and holds no position",
                      "UNREGISTER it; a REPLACE is not needed");
    }
    return absent("failed", command.failed, "not registered", "look at STATUS for the amphorae that hold positions");
  }
  if (command.standby && !spare_index_of(before, *command.standby)) {
    if (const auto held = slot_of(before, *command.standby)) {
      return conflict("standby",
                      command.standby->text() + " holds position " + std::to_string(*held) + ", it is no standby",
                      "name a standby amphora, or leave out standby");
    }
    return absent("standby", *command.standby, "not registered",
                  "register it with role standby first, or leave out standby");
  }
  if (before.spares.empty()) {
    return conflict("standby", "no standby amphora is registered",
                    "register one with role standby and REPLACE again, or UNREGISTER the failed one");
  }
  return {};
}

}  // namespace

std::optional<std::size_t> slot_of(const LoadBalancer& lb, const MacAddress& mac) {
  for (std::size_t i = 0; i < lb.slots.size(); ++i) {
    if (lb.slots[i].occupant && lb.slots[i].occupant->mac == mac) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> spare_index_of(const LoadBalancer& lb, const MacAddress& mac) {
  for (std::size_t i = 0; i < lb.spares.size(); ++i) {
    if (lb.spares[i].mac == mac) return i;
  }
  return std::nullopt;
}

Change register_amphorae(const RegisterCommand& command, const LoadBalancer& before) {
  if (auto refused = check_items(command, before)) return tl::unexpected(*std::move(refused));
  RegisterCommand moved = command;
  LoadBalancer after = before;
  for (auto& item : moved.items) {
    const auto goes = where(item, before);
    if (goes == Goes::explicit_slot || goes == Goes::lowest_slot) item.amphora = out_of_spares(after, item.amphora);
  }
  // Explicit positions first: a lowest free one must not take what another item asks for.
  if (auto refused = place_explicit(moved, before, after)) return tl::unexpected(*std::move(refused));
  for (std::size_t i = 0; i < moved.items.size(); ++i) {
    const auto& item = moved.items[i];
    Verdict refused;
    switch (where(item, before)) {
      case Goes::stays_in_slot:
        refused = settle_in_slot(item, i, *slot_of(before, item.amphora.mac), after);
        break;
      case Goes::stays_spare:
        update_id(after.spares[*spare_index_of(after, item.amphora.mac)], item.amphora);
        break;
      case Goes::lowest_slot:
        refused = place_lowest(item, i, after);
        break;
      case Goes::new_spare:
        after.spares.push_back(item.amphora);
        break;
      case Goes::explicit_slot:
        break;
    }
    if (refused) return tl::unexpected(*std::move(refused));
  }
  if (after.spares.size() > limits::kSparesMax) {
    return tl::unexpected(error_of(RegistryErrorCode::limit, "amphorae",
                                   std::to_string(after.spares.size()) + " standby amphorae, there is room for " +
                                       std::to_string(limits::kSparesMax),
                                   "UNREGISTER standby amphorae, or send fewer"));
  }
  if (after == before) return std::nullopt;
  return after;
}

Change unregister_amphorae(const UnregisterCommand& command, const LoadBalancer& before) {
  if (command.macs.empty()) return tl::unexpected(invalid("amphorae", "no amphora", "send at least one MAC address"));
  if (command.macs.size() > limits::kAmphoraePerRequestMax) {
    return tl::unexpected(invalid("amphorae", std::to_string(command.macs.size()) + " amphorae in one request",
                                  "send at most " + std::to_string(limits::kAmphoraePerRequestMax)));
  }
  LoadBalancer after = before;
  for (const auto& mac : command.macs) {
    if (const auto position = slot_of(after, mac)) {
      after.slots[*position] = Slot{};
    } else if (const auto index = spare_index_of(after, mac)) {
      after.spares.erase(after.spares.begin() + static_cast<std::ptrdiff_t>(*index));
    }
  }
  trim(after);
  if (after == before) return std::nullopt;
  return after;
}

// A replay is told by the slot's memory of whom it held, also when the failed amphora has come back meanwhile as a
// spare.
Change replace_amphora(const ReplaceCommand& command, const LoadBalancer& before) {
  if (command.standby == command.failed) {
    return tl::unexpected(invalid("standby", "failed and standby are the same amphora", "name two different amphorae"));
  }
  const auto position = slot_of(before, command.failed);
  if ((!position || command.standby) && took_over(before, command)) return std::nullopt;
  if (auto refused = check_replace(command, before)) return tl::unexpected(*std::move(refused));
  LoadBalancer after = before;
  const auto spare = command.standby ? *spare_index_of(after, *command.standby) : 0;
  after.slots[*position] = Slot{after.spares[spare], command.failed};
  after.spares.erase(after.spares.begin() + static_cast<std::ptrdiff_t>(spare));
  return after;
}

}  // namespace distributor::detail
