#include "tests/simulation/plan.hpp"

namespace distributor::simulation {
namespace {

// Nothing in half of all seeds; else one of three orders of magnitude.
std::uint32_t rate(Prng& random, std::uint32_t high) {
  if (random.below(2) == 0) return 0;
  const std::uint32_t scale[] = {1, 8, 64};
  return high / scale[random.below(3)];
}

}  // namespace

Plan Plan::calm() {
  Plan plan;
  plan.core.pair_id = "pair";
  plan.client_pause = milliseconds(300);
  plan.disk_write_max = milliseconds(2);
  return plan;
}

Plan Plan::of_seed(std::uint64_t seed) {
  Prng random(seed ^ 0x70616972ULL);
  Plan plan = calm();
  plan.loss = rate(random, 300'000);
  plan.duplicate = rate(random, 100'000);
  plan.reorder = rate(random, 200'000);
  plan.spike = rate(random, 50'000);
  plan.fifo_lost = rate(random, 200'000);
  plan.fifo_doubled = rate(random, 200'000);
  plan.fifo_late = rate(random, 200'000);
  plan.reply_lost = rate(random, 200'000);
  plan.request_doubled = rate(random, 100'000);
  plan.readiness_fails = rate(random, 50'000);
  plan.fault_phase = seconds(random.between(25, 60));
  plan.fault_every = milliseconds(random.between(500, 4000));
  for (auto& weight : plan.weight) weight = random.below(2) == 0 ? 0 : static_cast<std::uint32_t>(random.between(1, 4));
  plan.weight[static_cast<std::size_t>(Fault::daemon_crash)] += 1;  // never nothing at all
  plan.clients = static_cast<std::uint32_t>(random.between(1, 4));
  plan.load_balancers = static_cast<std::uint32_t>(random.between(1, 4));
  plan.client_pause = milliseconds(random.between(20, 600));
  plan.disk_write_max = random.below(8) == 0 ? milliseconds(random.between(20, 300)) : milliseconds(2);
  plan.silent_corruption = random.below(4) == 0;
  plan.core.solo_policy = random.below(5) == 0 ? replica::SoloPolicy::strict : replica::SoloPolicy::automatic;
  plan.core.request_timeout = seconds(random.between(3, 20));
  plan.core.programmed_wait = milliseconds(random.between(200, 3000));
  plan.core.in_flight_max = random.between(2, 32);
  plan.core.checkpoint_every = random.between(2, 40);
  plan.core.log_keep_max = random.between(8, 200);
  plan.contact_breaks = rate(random, 500'000);
  plan.core.request_ids_remembered = random.between(2, 50);
  // Most things that are sent fit into one message: in half of all seeds they must not.
  if (random.below(2) == 0) return plan;
  plan.core.message_bytes_max = random.between(100, 2000);
  plan.core.message_entries_max = random.between(1, 8);
  plan.core.snapshot_window = random.between(1, 4);
  return plan;
}

}  // namespace distributor::simulation
