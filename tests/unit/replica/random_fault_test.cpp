// Hundreds of seeds of crashes, wipes, partitions, lost messages and keepalived's mistakes: what was acknowledged `pair` is never lost (H3),
// both nodes converge once the faults end, and every client is answered exactly once.
#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/unit/replica/pair_world.hpp"

namespace distributor::replica::testing {
namespace {

struct Promise {
  Command command;
  std::optional<Position> position;  // where it was put
  MacAddress mac;
};

class FaultStory {
 public:
  explicit FaultStory(std::uint64_t seed) : world_(seed), seed_(seed) {
    auto& random = world_.random;
    world_.config.in_flight_max = 8;
    world_.config.checkpoint_every = 4 + random() % 30;
    world_.config.log_keep_max = 20 + random() % 200;
    world_.loss = random() % 3 == 0 ? 0.05 : 0;
    world_.on_answer = [this](const Answer& answer) { note(answer); };
  }

  void run() {
    world_.boot(0);
    world_.boot(1);
    world_.give_ownership_to(0);
    ASSERT_TRUE(world_.run_until([this] { return world_.converged(); })) << "seed " << seed_;
    world_.submit(0, plug(lb_number(1)));
    world_.submit(0, plug(lb_number(2)));
    for (int round = 0; round < 60; ++round) {
      fault();
      elect();
      for (auto count = world_.random() % 4; count > 0; --count) ask();
      world_.run(milliseconds(world_.random() % 800));
      elect();
    }
    heal();
    ASSERT_TRUE(world_.run_until([this] { return world_.converged(); }, seconds(60))) << "seed " << seed_ << " does not converge";
    check();
  }

  std::string text() const { return world_.story(); }

 private:
  void note(const Answer& answer) {
    const auto* accepted = std::get_if<ChangeAccepted>(&answer.result);
    if (accepted == nullptr || accepted->durability != Durability::pair) return;
    const auto pair_acked = acked_in_term_.emplace(answer.term, answer.node);
    EXPECT_EQ(pair_acked.first->second, answer.node) << "seed " << seed_ << ": two nodes acknowledge in term " << answer.term.value;
    const auto* registered = std::get_if<RegisterCommand>(&answer.command);
    if (registered == nullptr || !accepted->after) return;
    const auto mac = registered->items.front().amphora.mac;
    for (std::uint32_t i = 0; i < accepted->after->slots.size(); ++i) {
      const auto& slot = accepted->after->slots[i];
      if (slot.occupant && slot.occupant->mac == mac) promises_.push_back({answer.command, Position{i}, mac});
    }
  }

  void fault() {
    auto& random = world_.random;
    const std::size_t node = random() % 2;
    switch (random() % 10) {
      case 0:
      case 1:
        if (world_.up(node)) world_.crash(node);
        break;
      case 2:
      case 3:
      case 4:
        if (!world_.up(node)) world_.boot(node);
        break;
      case 5:
        linked_ = !linked_;
        world_.set_link(linked_);
        break;
      case 6:  // a disk is lost only while the other node is in sync and stays up: any single failure
        if (world_.converged() && linked_) {
          world_.crash(node);
          world_.wipe(node);
          world_.run(milliseconds(random() % 500));
          world_.boot(node);
          if (!world_.run_until([this] { return world_.converged() || !world_.up(0) || !world_.up(1); }, seconds(20))) ADD_FAILURE() << "seed " << seed_ << ": wiped node does not rejoin";
        }
        break;
      case 7:  // keepalived is wrong for a while
        if (world_.up(node)) world_.own(node, Ownership::master);
        break;
      case 8:
        if (world_.up(node)) {
          world_.own(node, Ownership::backup);
          world_.own(node, Ownership::master);
          world_.own(node, Ownership::backup);
        }
        break;
      default:
        break;
    }
  }

  // keepalived: an entitled node owns; without the link (a partition, perhaps of VRRP too) both may.
  void elect() {
    const bool partition = !linked_ && world_.random() % 2 == 0;
    std::optional<std::size_t> owner;
    for (std::size_t i = 0; i < 2; ++i) {
      if (world_.up(i) && world_.nodes[i].ownership == Ownership::master && world_.status(i).entitled) owner = i;
    }
    for (std::size_t i = 0; i < 2 && !owner; ++i) {
      if (world_.up(i) && world_.status(i).entitled) owner = i;
    }
    if (!owner) owner = world_.up(0) ? 0 : 1;
    for (std::size_t i = 0; i < 2; ++i) {
      if (!world_.up(i)) continue;
      const bool owns = i == *owner || (partition && world_.nodes[i].ownership == Ownership::master);
      const auto wanted = owns ? Ownership::master : Ownership::backup;
      if (world_.nodes[i].ownership != wanted) world_.own(i, wanted);
    }
  }

  void ask() {
    const std::size_t node = world_.random() % 2;
    if (!world_.up(node)) return;
    ++asked_;
    handles_.push_back(world_.submit(node, registration(lb_number(1 + static_cast<unsigned>(world_.random() % 2)), asked_)));
    lives_.push_back({node, world_.nodes[node].life});
  }

  void heal() {
    world_.loss = 0;
    linked_ = true;
    world_.set_link(true);
    for (std::size_t i = 0; i < 2; ++i) {
      if (!world_.up(i)) world_.boot(i);
    }
    for (int round = 0; round < 40; ++round) {
      elect();
      world_.run(milliseconds(250));
    }
    world_.run(seconds(25));  // every client is past its deadline
    elect();
  }

  void check() {
    EXPECT_THAT(world_.violations, ::testing::IsEmpty()) << "seed " << seed_;
    EXPECT_THAT(world_.answered_twice, ::testing::IsEmpty()) << "seed " << seed_;
    for (const auto& promise : promises_) {
      const auto lb = world_.nodes[0].core->applied().find(std::get<RegisterCommand>(promise.command).lb);
      ASSERT_TRUE(lb) << "seed " << seed_;
      const auto& slots = lb->slots;
      const bool kept = promise.position->value < slots.size() && slots[promise.position->value].occupant &&
                        slots[promise.position->value].occupant->mac == promise.mac;
      EXPECT_TRUE(kept) << "seed " << seed_ << ": " << promise.mac.text() << " was acknowledged as pair at position " << promise.position->value << " and is lost";
    }
    for (std::size_t i = 0; i < handles_.size(); ++i) {
      const bool node_lived_on = world_.nodes[lives_[i].first].life == lives_[i].second;
      EXPECT_TRUE(!node_lived_on || world_.answer(handles_[i])) << "seed " << seed_ << ": a client was never answered";
    }
  }

  World world_;
  std::uint64_t seed_;
  bool linked_ = true;
  std::uint32_t asked_ = 0;
  std::vector<RequestHandle> handles_;
  std::vector<std::pair<std::size_t, std::uint64_t>> lives_;
  std::vector<Promise> promises_;
  std::map<Term, std::size_t> acked_in_term_;
};

TEST(ReplicaRandomFaults, NothingAcknowledgedAsPairIsEverLost) {  // H3, H8, H13
  const char* first_text = std::getenv("REPLICA_FIRST_SEED");
  const char* count_text = std::getenv("REPLICA_SEEDS");
  const std::uint64_t first = first_text != nullptr ? std::strtoull(first_text, nullptr, 10) : 1;
  const std::uint64_t count = count_text != nullptr ? std::strtoull(count_text, nullptr, 10) : 150;
  for (auto seed = first; seed < first + count; ++seed) {
    FaultStory story(seed);
    story.run();
    if (HasFailure()) {
      std::printf("%s", story.text().c_str());
      std::printf("replay with REPLICA_FIRST_SEED=%llu REPLICA_SEEDS=1\n", static_cast<unsigned long long>(seed));
      return;
    }
  }
}

}  // namespace
}  // namespace distributor::replica::testing
