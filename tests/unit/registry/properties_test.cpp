// What holds after any sequence of commands (O2, F1, H1, H2, P6, P7). Few amphorae and load balancers, so that commands
// collide.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "sync/registry/codec.hpp"
#include "sync/registry/detail/rules.hpp"
#include "tests/unit/registry/values.hpp"

namespace distributor {
namespace {

constexpr unsigned kLoadBalancers = 3;
constexpr unsigned kAmphorae = 9;
constexpr unsigned kClusterSize = 5;

template <typename Value>
rc::Gen<std::optional<Value>> maybe(rc::Gen<Value> gen) {
  return rc::gen::oneOf(rc::gen::just(std::optional<Value>{}),
                        rc::gen::map(std::move(gen), [](Value value) { return std::optional<Value>(value); }));
}

// The whole range at every size (inRange by itself narrows with the size).
rc::Gen<unsigned> below(unsigned bound) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0U, bound));
}
rc::Gen<unsigned> any_lb() {
  return rc::gen::map(below(kLoadBalancers), [](unsigned n) { return n + 1; });
}
rc::Gen<unsigned> any_amphora() {
  return rc::gen::map(below(kAmphorae), [](unsigned n) { return n + 1; });
}

// Mostly sensible by itself, so that batches come through.
rc::Gen<RegisterCommand::Item> any_item() {
  const auto role = maybe(rc::gen::element(AmphoraRole::active, AmphoraRole::standby));
  const auto position = maybe(below(kClusterSize + 1));
  const auto shape = rc::gen::weightedElement<int>({{4, 0}, {2, 1}, {4, 2}, {1, 3}});
  const auto name = rc::gen::element<std::string>("", "", "x", "y");
  return rc::gen::map(rc::gen::tuple(any_amphora(), position, role, shape, name), [](const auto& from) {
    const auto& [amphora, where, what, kind, id] = from;
    auto out = kind == 0   ? test::item(amphora)
               : kind == 1 ? test::item(amphora, where)
               : kind == 2 ? test::spare(amphora)
                           : test::item(amphora, where, what);
    out.amphora.amphora_id = id;
    return out;
  });
}

PlugCommand plug_variant(unsigned lb, unsigned variant) {
  auto command = test::plug_of(lb);
  command.cluster_size = kClusterSize;
  command.fresh_hash_seed = variant;
  if (variant % 3 == 1) command.nodes.erase(command.nodes.begin());
  if (variant % 3 == 2) command.nodes[0].mac = test::node_mac(variant % 4, 2);  // rebuilt; may clash with another's
  return command;
}

rc::Gen<Command> any_command() {
  using rc::gen::map;
  using rc::gen::tuple;
  const auto pick = [](auto gen, auto make) {
    return map(std::move(gen), [make](const auto& from) { return Command(make(from)); });
  };
  return rc::gen::weightedOneOf<Command>({
      {4, pick(tuple(any_lb(), below(12)),
               [](const auto& from) { return plug_variant(std::get<0>(from), std::get<1>(from)); })},
      {1, pick(any_lb(), [](unsigned lb) { return UnplugCommand{test::lb_id(lb)}; })},
      {16, pick(tuple(any_lb(), rc::gen::resize(3, rc::gen::container<std::vector<RegisterCommand::Item>>(any_item()))),
                [](const auto& from) { return test::reg(std::get<0>(from), std::get<1>(from)); })},
      {5, pick(tuple(any_lb(), any_amphora(), any_amphora()),
               [](const auto& from) {
                 return test::unreg(std::get<0>(from), {std::get<1>(from), std::get<2>(from)});
               })},
      {14,
       pick(tuple(any_lb(), any_amphora(), maybe(any_amphora())),
            [](const auto& from) { return test::replace(std::get<0>(from), std::get<1>(from), std::get<2>(from)); })},
  });
}

rc::Gen<std::vector<Command>> any_commands() {
  return rc::gen::map(rc::gen::scale(2.0, rc::gen::container<std::vector<Command>>(any_command())),
                      [](std::vector<Command> commands) {
                        for (unsigned lb = kLoadBalancers; lb > 0; --lb)
                          commands.insert(commands.begin(), plug_variant(lb, 0));
                        return commands;
                      });
}

using Places = std::map<std::pair<LoadBalancerId, MacAddress>, std::size_t>;

Places places(const Registry& registry) {
  Places out;
  for (const auto& [id, lb] : registry.all()) {
    for (std::size_t i = 0; i < lb->slots.size(); ++i) {
      if (lb->slots[i].occupant) out[{id, lb->slots[i].occupant->mac}] = i;
    }
  }
  return out;
}

bool names(const Command& command, const LoadBalancerId& lb, const MacAddress& mac, bool was_spare) {
  if (load_balancer_of(command) != lb) return false;
  if (std::holds_alternative<UnplugCommand>(command)) return true;
  if (const auto* reg = std::get_if<RegisterCommand>(&command)) {
    return std::any_of(reg->items.begin(), reg->items.end(), [&](const auto& one) { return one.amphora.mac == mac; });
  }
  if (const auto* unreg = std::get_if<UnregisterCommand>(&command)) {
    return std::find(unreg->macs.begin(), unreg->macs.end(), mac) != unreg->macs.end();
  }
  const auto* replace = std::get_if<ReplaceCommand>(&command);
  if (replace == nullptr) return false;
  return replace->failed == mac || replace->standby == mac || (!replace->standby && was_spare);
}

std::set<std::pair<LoadBalancerId, MacAddress>> spares(const Registry& registry) {
  std::set<std::pair<LoadBalancerId, MacAddress>> out;
  for (const auto& [id, lb] : registry.all()) {
    for (const auto& spare : lb->spares) out.insert({id, spare.mac});
  }
  return out;
}

bool same(const Registry& a, const Registry& b) {
  return a.digest() == b.digest() &&
         std::equal(a.all().begin(), a.all().end(), b.all().begin(), b.all().end(),
                    [](const auto& x, const auto& y) { return x.first == y.first && *x.second == *y.second; });
}

RC_GTEST_PROP(RegistryProperties, PositionsChangeOnlyForNamedAmphorae, ()) {  // O2
  Registry registry;
  for (const auto& command : *any_commands()) {
    const auto before = places(registry);
    const auto standby = spares(registry);
    (void)registry.apply(command);
    const auto after = places(registry);
    for (const auto& [key, position] : before) {
      const auto found = after.find(key);
      if (found != after.end() && found->second == position) continue;
      RC_ASSERT(names(command, key.first, key.second, false));
    }
    for (const auto& [key, position] : after) {
      if (!before.contains(key)) RC_ASSERT(names(command, key.first, key.second, standby.contains(key)));
    }
  }
}

RC_GTEST_PROP(RegistryProperties, ReplaceChangesOneSlotOnly, ()) {  // F1, F2
  Registry registry;
  for (const auto& command : *any_commands()) {
    const auto* replace = std::get_if<ReplaceCommand>(&command);
    const auto before = registry.find(load_balancer_of(command));
    const auto applied = registry.apply(command);
    if (replace == nullptr || !applied || !applied->changed) continue;
    const auto after = registry.find(replace->lb);
    RC_ASSERT(before->slots.size() == after->slots.size());
    std::size_t changed = 0;
    for (std::size_t i = 0; i < after->slots.size(); ++i) {
      if (before->slots[i] == after->slots[i]) continue;
      ++changed;
      RC_ASSERT(before->slots[i].occupant->mac == replace->failed);
      RC_ASSERT(after->slots[i].previous == replace->failed);
    }
    RC_ASSERT(changed == 1U);
    RC_ASSERT(after->spares.size() + 1 == before->spares.size());
  }
}

RC_GTEST_PROP(RegistryProperties, AllOrNothingAndCheckForetells, ()) {  // P6
  Registry registry;
  for (const auto& command : *any_commands()) {
    const auto before = registry;
    const auto foretold = registry.check(command);
    RC_ASSERT(same(registry, before));
    const auto applied = registry.apply(command);
    RC_ASSERT(applied.has_value() == foretold.has_value());
    if (!applied) {
      RC_ASSERT(applied.error() == foretold.error());
      RC_ASSERT((!applied.error().field.empty() && !applied.error().message.empty() && !applied.error().fix.empty()));
    }
    const bool changed = applied && applied->changed;
    RC_ASSERT(changed == !same(registry, before));
    RC_ASSERT(changed == (applied && applied->touched == std::vector{load_balancer_of(command)}));
  }
}

RC_GTEST_PROP(RegistryProperties, TheSameCommandAgainIsNoChange,
              ()) {  // every one, REPLACE without a named standby too
  Registry registry;
  for (const auto& command : *any_commands()) {
    if (!registry.apply(command)) continue;
    const auto again = registry.apply(command);
    RC_ASSERT(again.has_value());
    RC_ASSERT(!again->changed);
  }
}

RC_GTEST_PROP(RegistryProperties, AmphoraeHoldOnePlaceEach, ()) {  // H2
  Registry registry;
  for (const auto& command : *any_commands()) (void)registry.apply(command);
  for (const auto& [id, lb] : registry.all()) {
    std::set<MacAddress> seen;
    for (const auto& one : lb->nodes) RC_ASSERT(seen.insert(one.mac).second);
    for (const auto& slot : lb->slots) {
      if (slot.occupant) RC_ASSERT(seen.insert(slot.occupant->mac).second);
      if (!slot.occupant) RC_ASSERT(!slot.previous);
    }
    for (const auto& spare : lb->spares) RC_ASSERT(seen.insert(spare.mac).second);
    RC_ASSERT(lb->slots.size() <= kClusterSize);
    RC_ASSERT((lb->slots.empty() || lb->slots.back().occupant.has_value()));  // the macro does not short-circuit
    RC_ASSERT(std::is_sorted(lb->nodes.begin(), lb->nodes.end()));
  }
}

// Where a log is written, and where it may be proposed again to another state (a reunion).
RC_GTEST_PROP(RegistryProperties, ASettledCommandEndsAsItDidHereOrIsRefused, ()) {  // O2
  Registry here;
  Registry there;
  for (const auto& command : *any_commands()) (void)here.apply(command);
  for (const auto& command : *any_commands()) (void)there.apply(command);
  for (const auto& command : *any_commands()) {
    const auto settled = here.settled(command);
    RC_ASSERT(here.settled(settled) == settled);
    auto expected = here;
    const auto done = expected.apply(command);
    if (!done || !done->changed) {
      RC_ASSERT(settled == command);
      continue;
    }
    RC_ASSERT(here.apply(settled).has_value());
    RC_ASSERT(here.digest() == expected.digest());
    const auto elsewhere = there.apply(settled);
    const auto now_there = there.find(load_balancer_of(command));
    const auto now_here = here.find(load_balancer_of(command));
    if (!elsewhere || !now_there) continue;
    if (std::holds_alternative<PlugCommand>(command)) RC_ASSERT(now_there->hash_seed == now_here->hash_seed);
    const auto* registered = std::get_if<RegisterCommand>(&settled);
    if (registered == nullptr) continue;
    for (const auto& item : registered->items) {
      RC_ASSERT(detail::slot_of(*now_there, item.amphora.mac) == detail::slot_of(*now_here, item.amphora.mac));
    }
  }
}

RC_GTEST_PROP(RegistryProperties, DigestIsOfTheStateAndNotOfItsHistory, ()) {
  Registry registry;
  for (const auto& command : *any_commands()) (void)registry.apply(command);
  Registry rebuilt;
  for (auto one = registry.all().rbegin(); one != registry.all().rend(); ++one) {
    const auto back = decode_load_balancer(encode(*one->second));  // as the store and a snapshot do
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == *one->second);
    RC_ASSERT(rebuilt.restore(*back));
  }
  RC_ASSERT(same(registry, rebuilt));
  for (const auto& [id, lb] : registry.all()) rebuilt.erase(id);
  RC_ASSERT(rebuilt.digest() == Registry{}.digest());
}

RC_GTEST_PROP(RegistryProperties, TwoNodesAgreeWhenOneReadsTheCommandsFromBytes, ()) {  // A4, H1
  Registry here;
  Registry there;
  for (const auto& command : *any_commands()) {
    const auto bytes = encode(command);
    const auto received = decode_command(bytes);
    RC_ASSERT(received.has_value());
    RC_ASSERT(*received == command);
    const auto applied_here = here.apply(command);
    const auto applied_there = there.apply(*received);
    RC_ASSERT(applied_here.has_value() == applied_there.has_value());
    RC_ASSERT(here.digest() == there.digest());
  }
  RC_ASSERT(same(here, there));
}

RC_GTEST_PROP(RegistryProperties, StoredPositionsAndSeedsRebuildThePair, ()) {  // H1: from Octavia's records alone
  Registry registry;
  for (const auto& command : *any_commands()) (void)registry.apply(command);
  Registry rebuilt;
  for (const auto& [id, lb] : registry.all()) {
    PlugCommand plug{id, lb->vips, lb->nodes, lb->affinity, lb->mode, lb->hash_seed, 99, lb->cluster_size, lb->mtu};
    RC_ASSERT(rebuilt.apply(plug).has_value());
    RegisterCommand reg{id, {}};
    for (std::size_t i = lb->slots.size(); i-- > 0;) {
      if (lb->slots[i].occupant)
        reg.items.push_back({*lb->slots[i].occupant, Position{static_cast<std::uint32_t>(i)}, {}});
    }
    if (!reg.items.empty()) RC_ASSERT(rebuilt.apply(reg).has_value());
    RC_ASSERT(rebuilt.find(id)->hash_seed == lb->hash_seed);
  }
  RC_ASSERT(places(rebuilt) == places(registry));
}

TEST(RegistryProperties, TheGeneratorReachesEveryCommandAndOutcome) {  // else the properties above would show little
  std::map<std::pair<std::size_t, int>, int> seen;                     // (command, 0 refused / 1 no change / 2 changed)
  rc::Random random(7);
  for (int round = 0; round < 100; ++round) {
    Registry registry;
    const auto commands = any_commands()(random.split(), 100).value();
    for (const auto& command : commands) {
      const auto applied = registry.apply(command);
      ++seen[{command.index(), applied ? (applied->changed ? 2 : 1) : 0}];
    }
  }
  for (std::size_t command = 0; command < std::variant_size_v<Command>; ++command) {
    const bool always_possible = command == 1;  // UNPLUG
    for (int outcome = always_possible ? 1 : 0; outcome < 3; ++outcome) {
      EXPECT_GT((seen[{command, outcome}]), 20) << command << " " << outcome;
    }
  }
}

}  // namespace
}  // namespace distributor
