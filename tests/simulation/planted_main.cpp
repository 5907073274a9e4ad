// tests/simulation/run --planted [--json FILE]: plants one bug after the other and counts the seeds until the simulator finds it.
#include <cstdio>
#include <fstream>
#include <string>

#include "sync/replica/planted.hpp"
#include "tests/simulation/story.hpp"

namespace distributor::simulation {
namespace {

using replica::Planted;

struct Bug {
  Planted bug;
  const char* name;
  std::uint64_t seeds_max;  // found within so many, or the test fails
};

constexpr Bug kBugs[] = {
    {Planted::acknowledge_before_fsync, "acknowledge before fsync", 20},
    {Planted::skip_persisted_term, "skip the persisted term", 20},
    {Planted::accept_lower_term, "accept a lower term", 2500},
    {Planted::drop_nack, "drop the NACK", 50},
    {Planted::renumber_positions, "renumber positions", 50},
    {Planted::ignore_digest, "ignore a digest", 50},
    {Planted::half_snapshot, "install half a snapshot", 50},
    {Planted::forget_dropped, "forget the list of dropped changes", 115},
    {Planted::undo_the_leader, "undo what the leader had answered", 100},
};

int run(const std::string& json) {
  std::size_t planted = 0;
  std::size_t found = 0;
  std::string seeds;
  for (const auto& one : kBugs) {
    ++planted;
    replica::planted_bug = one.bug;
    std::uint64_t seed = 1;
    Verdict verdict;
    for (; seed <= one.seeds_max; ++seed) {
      verdict = run_seed(seed, false);
      if (verdict.failed()) break;
    }
    const bool caught = verdict.failed();
    found += caught ? 1 : 0;
    std::printf("%-36s %s\n", one.name,
                caught ? (std::to_string(seed) + " seeds: " + verdict.violations.front()).c_str() : "NOT FOUND");
    seeds += std::string(seeds.empty() ? "" : ", ") + "\"" + one.name + "\": " + (caught ? std::to_string(seed) : "null");
  }
  replica::planted_bug = Planted::none;
  const auto text = "{\"planted\": " + std::to_string(planted) + ", \"found\": " + std::to_string(found) + ", \"seeds\": {" + seeds + "}}";
  std::printf("%s\n", text.c_str());
  if (!json.empty()) std::ofstream(json) << text << "\n";
  return found == planted ? 0 : 1;
}

}  // namespace
}  // namespace distributor::simulation

int main(int argc, char** argv) {
  std::string json;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--planted") continue;
    if (option != "--json" || i + 1 >= argc) {
      std::fprintf(stderr, "usage: simulation_planted --planted [--json FILE]\n");
      return 2;
    }
    json = argv[++i];
  }
  return distributor::simulation::run(json);
}
