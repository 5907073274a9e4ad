// A pair that has met, for the tests that tell a story of it.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "tests/unit/replica/pair_world.hpp"

namespace distributor::replica::testing {

inline const LoadBalancerId kLb = lb_number(1);

// Two nodes that met empty; node 0 owns and leads; one load balancer is plugged.
struct Pair : World {
  explicit Pair(std::uint64_t seed = 1, Config wanted = {}) : World(seed) {
    config = wanted;
    config.pair_id = "pair";
    boot(0);
    boot(1);
    give_ownership_to(0);
    EXPECT_TRUE(run_until([this] { return converged() && status(0).leads; }));
    EXPECT_EQ(must(0, plug(kLb)).durability, Durability::pair);
  }
  ChangeAccepted must(std::size_t node, Command command, const std::string& id = "") {
    const auto handle = submit(node, std::move(command), id);
    EXPECT_TRUE(run_until([&] { return answer(handle).has_value(); }));
    const auto* accepted = answer(handle) ? std::get_if<ChangeAccepted>(&answers.at(handle).result) : nullptr;
    if (accepted == nullptr) {
      const auto* refused = answer(handle) ? std::get_if<ChangeRefused>(&answers.at(handle).result) : nullptr;
      ADD_FAILURE() << "refused: " << (refused != nullptr ? refused->message : "no answer");
      return {};
    }
    return *accepted;
  }
  ChangeRefused refusal(std::size_t node, Command command) {
    const auto handle = submit(node, std::move(command));
    EXPECT_TRUE(run_until([&] { return answer(handle).has_value(); }));
    const auto* refused = std::get_if<ChangeRefused>(&answers.at(handle).result);
    EXPECT_NE(refused, nullptr);
    return refused != nullptr ? *refused : ChangeRefused{};
  }
  std::size_t amphorae(std::size_t node) const {
    const auto lb = nodes[node].core->applied().find(kLb);
    if (!lb) return 0;
    return static_cast<std::size_t>(std::count_if(lb->slots.begin(), lb->slots.end(), [](const Slot& slot) { return slot.occupant.has_value(); }));
  }
  std::vector<Program> programs;  // of the node that programs_of() was called for
  ~Pair() {
    if (::testing::Test::HasFailure()) std::printf("%s", story().c_str());
    EXPECT_THAT(violations, ::testing::IsEmpty());
    EXPECT_THAT(answered_twice, ::testing::IsEmpty());
  }
};

// What a node tells its Open vSwitch from now on.
inline const std::vector<Program>& programs_of(Pair& pair, std::size_t wanted) {
  pair.programs.clear();
  pair.on_program = [&pair, wanted](std::size_t node, const Program& program) {
    if (node == wanted) pair.programs.push_back(program);
  };
  return pair.programs;
}

}  // namespace distributor::replica::testing
