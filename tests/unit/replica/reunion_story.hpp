// How two nodes part and meet again, and what became of what each did alone.
#pragma once

#include "sync/registry/codec.hpp"
#include "tests/unit/replica/pair_story.hpp"

namespace distributor::replica::testing {

// Both own and lead, each alone.
inline void part(Pair& pair) {
  pair.set_link(false);
  pair.own(0, Ownership::master);
  pair.own(1, Ownership::master);
  ASSERT_TRUE(pair.run_until([&] { return pair.status(0).phase == Phase::solo && pair.status(1).phase == Phase::solo; }));
}

// Node 1 leads.
inline void meet(Pair& pair) {
  pair.own(0, Ownership::backup);
  pair.set_link(true);
}

// Node 1 has taken what node 0 did alone, and node 0 does not hear of it.
inline void meet_for_a_moment(Pair& pair) {
  const auto before = pair.nodes[1].disk.log.size();
  meet(pair);
  ASSERT_TRUE(pair.run_until([&] { return pair.nodes[1].disk.log.size() > before; }));
  pair.set_link(false);
  ASSERT_GT(pair.status(0).dropped, 0U);
}

inline std::optional<std::size_t> position_of(const Pair& pair, std::size_t node, std::uint32_t number) {
  const auto mac = std::get<RegisterCommand>(registration(kLb, number)).items.front().amphora.mac;
  const auto& slots = pair.nodes[node].core->applied().find(kLb)->slots;
  const auto found = std::find_if(slots.begin(), slots.end(), [&](const Slot& slot) { return slot.occupant && slot.occupant->mac == mac; });
  return found == slots.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - slots.begin()));
}

inline std::vector<MacAddress> macs_of(const Command& command) {
  std::vector<MacAddress> macs;
  if (const auto* one = std::get_if<RegisterCommand>(&command)) {
    for (const auto& item : one->items) macs.push_back(item.amphora.mac);
  }
  return macs;
}

// A registration is listed with the position that was told.
inline bool is_listed(const Pair& pair, std::size_t node, const Command& command) {
  return std::ranges::any_of(pair.nodes[node].core->dropped(), [&](const DroppedChange& one) {
    const auto listed = decode_command(one.command);
    if (!listed || load_balancer_of(*listed) != load_balancer_of(command)) return false;
    return *listed == command || (!macs_of(command).empty() && macs_of(*listed) == macs_of(command));
  });
}

// An operator who has seen the whole list.
inline void acknowledge_losses(Pair& pair, std::size_t node) {
  const auto& dropped = pair.nodes[node].core->dropped();
  pair.tell(node, AcknowledgeDropped{mark_of(dropped, dropped.size())});
}

// As many changes of load balancer 2 as fill the first batch and more, alone at node 0.
inline void fill_more_than_a_batch(Pair& pair) {
  for (std::uint32_t i = 0; i < kEntriesPerMessageMax + 20; ++i) {
    const auto one = registration(lb_number(2), 500);
    const auto out = UnregisterCommand{lb_number(2), {std::get<RegisterCommand>(one).items.front().amphora.mac}};
    pair.must(0, i % 2 == 0 ? one : Command(out));
  }
}

}  // namespace distributor::replica::testing
