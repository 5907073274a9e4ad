// The commands that bring a state back, applied to the state that replaced it, do (H8).
#include "sync/replica/detail/restoring.hpp"

#include <gtest/gtest.h>

namespace distributor::replica {
namespace {

LoadBalancerId lb_number(int number) { return LoadBalancerId::parse("00000000-0000-4000-8000-00000000000" + std::to_string(number)).value(); }

MacAddress amphora(std::uint8_t number) { return MacAddress({2, 1, 0, 0, 0, number}); }

PlugCommand plug(int number, std::uint64_t hash_seed) {
  PlugCommand command;
  command.lb = lb_number(number);
  Vip vip;
  vip.address = IpAddress::parse("203.0.113.10").value();
  vip.subnet = IpPrefix::parse("203.0.113.0/24").value();
  command.vips = {vip};
  command.nodes = {NodeInterface{NodeId::parse("node-a").value(), MacAddress({2, 0, 0, 0xa, 0, static_cast<std::uint8_t>(number)}), {}, {}}};
  command.hash_seed = hash_seed;
  command.mtu = 1400;
  return command;
}

RegisterCommand at(int number, std::uint8_t mac, std::uint32_t position) {
  RegisterCommand command;
  command.lb = lb_number(number);
  command.items.push_back({Amphora{amphora(mac), "a-" + std::to_string(mac)}, Position{position}, AmphoraRole::active});
  return command;
}

Registry made_of(const std::vector<Command>& commands) {
  Registry registry;
  for (const auto& command : commands) EXPECT_TRUE(registry.apply(command).has_value());
  return registry;
}

TEST(Restoring, BringsBackHolesSparesAndSeeds) {
  RegisterCommand spare = at(1, 9, 0);
  spare.items.front() = {Amphora{amphora(9), "spare"}, {}, AmphoraRole::standby};
  const auto then = made_of({plug(1, 77), at(1, 1, 0), at(1, 3, 2), spare, plug(2, 78)});
  Registry now;
  for (const auto& command : restoring(then, now)) ASSERT_TRUE(now.apply(command).has_value());
  EXPECT_EQ(*now.find(lb_number(1)), *then.find(lb_number(1)));
  EXPECT_EQ(now.digest(), then.digest());
}

TEST(Restoring, TakesAwayWhoeverIsWhereSomebodyElseWas) {
  const auto plugged = plug(1, 77);
  RegisterCommand spare = at(1, 9, 0);
  spare.items.front() = {Amphora{amphora(9), "spare"}, {}, AmphoraRole::standby};
  const auto then = made_of({plugged, at(1, 9, 2), at(1, 1, 0), at(1, 4, 1)});
  auto now = made_of({plugged, at(1, 1, 1), at(1, 3, 2), at(1, 5, 0), spare});
  for (const auto& command : restoring(then, now)) ASSERT_TRUE(now.apply(command).has_value());
  EXPECT_EQ(now.find(lb_number(1))->slots, then.find(lb_number(1))->slots);
  EXPECT_TRUE(now.find(lb_number(1))->spares.empty());
}

TEST(Restoring, NamesWhatTheOtherHasMore) {
  const auto then = made_of({plug(3, 79)});
  const auto now = made_of({plug(3, 79), plug(2, 78)});
  const auto commands = restoring(then, now);
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_EQ(std::get<UnplugCommand>(commands.front()).lb, lb_number(2));
  EXPECT_TRUE(restoring(then, then).empty());
}

}  // namespace
}  // namespace distributor::replica
