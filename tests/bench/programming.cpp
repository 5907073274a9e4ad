// Programming Open vSwitch, measured against ovs-ofctl and against itself at another size. One line of JSON for each result. The
// machine's noise is in both sides of each ratio: rounds alternate, and medians are compared.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "openflow/pipeline/pipeline.hpp"
#include "tests/unit/pipeline/bridge_connection.hpp"
#include "tests/unit/programmer/harness.hpp"
#include "tests/unit/programmer/ovs_sandbox.hpp"

namespace distributor::bench {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point begin) { return std::chrono::duration<double, std::milli>(Clock::now() - begin).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

void say(const char* name, double ours, double reference, const char* unit) {
  std::printf("{\"name\": \"%s\", \"ours\": %.4f, \"reference\": %.4f, \"unit\": \"%s\", \"ratio\": %.3f}\n", name, ours, reference, unit,
              ours / reference);
  std::fflush(stdout);
}

// Two address families, eight amphorae, an interface of its own.
LoadBalancer load_balancer(std::uint32_t ordinal, std::uint8_t generation = 0) {
  const auto high = static_cast<std::uint8_t>(ordinal >> 8U);
  const auto low = static_cast<std::uint8_t>(ordinal);
  LoadBalancer lb;
  lb.ordinal = ordinal;
  lb.hash_seed = ordinal * 0x9e3779b97f4a7c15ULL;
  Vip v4;
  v4.address = IpAddress::v4({198, 18, high, low});
  Vip v6;
  v6.address = IpAddress::v6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low});
  lb.vips = {v4, v6};
  for (std::uint8_t i = 0; i < 8; ++i) {
    lb.slots.push_back({Amphora{MacAddress({2, generation, high, low, 1, i}), ""}, std::nullopt});
  }
  return lb;
}

wire::Rules rules_of(const LoadBalancer& lb) {
  pipeline::PortBinding binding;
  binding.ofport = 1;
  binding.vlan = static_cast<std::uint16_t>(1 + lb.ordinal % 4094);
  binding.mac = MacAddress({2, 0, 0, 0, 0, 1});
  return pipeline::render(lb, binding, {});
}

class Bench {
 public:
  explicit Bench(std::uint32_t count) : count_(count) {
    sandbox.add_bridge("br0", {"p1"});
    auto options = test::options_for(sandbox.management_socket("br0"));
    options.meters = pipeline::meters();
    driver = std::make_unique<test::Driver>(loop, options);
  }

  void desire_all() {
    must(driver->programmer.set_desired(programmer::kBaseKey, pipeline::render_base(true)).has_value());
    for (std::uint32_t i = 1; i <= count_; ++i) must(driver->programmer.set_desired(i, rules_of(load_balancer(i))).has_value());
  }
  double programme_all() {
    const auto begin = Clock::now();
    driver->programmer.start_programming();
    must(loop.run_until([&] { return !driver->synchronised.empty(); }));
    return ms_since(begin);
  }
  void wait_connected() { must(loop.run_until([&] { return !driver->capabilities.empty(); })); }

  // One REPLACE, from the call to the barrier.
  double replace(std::uint32_t ordinal, std::uint8_t generation) {
    const auto rules = rules_of(load_balancer(ordinal, generation));
    bool done = false;
    const auto begin = Clock::now();
    must(driver->programmer.set_desired(ordinal, rules).has_value());
    driver->programmer.commit([&](const test::CommitResult& result) { done = result.has_value(); });
    must(loop.run_until([&] { return done; }));
    return ms_since(begin);
  }

  // One rule deleted by somebody else, until it stands again.
  double repair(std::uint32_t ordinal) {
    const auto flow = rules_of(load_balancer(ordinal)).flows.back();
    loop.run_until([] { return false; }, std::chrono::milliseconds(40));  // past the pause between repairs
    const auto before = driver->repaired.size();
    test::BridgeConnection other(sandbox.management_socket("br0"));
    const auto begin = Clock::now();
    other.remove(flow);
    must(loop.run_until([&] { return driver->repaired.size() > before; }));
    return ms_since(begin);
  }

  // All rules as a file for `ovs-ofctl bundle`.
  std::string bundle_file() {
    const std::string path = sandbox.directory() + "/rules";
    std::ofstream out(path);
    std::istringstream groups(sandbox.ofctl("dump-groups", "br0"));
    for (std::string line; std::getline(groups, line);) {
      if (line.find("group_id=") != std::string::npos) out << "group add " << line << "\n";
    }
    std::istringstream flows(sandbox.run("ovs-ofctl -O OpenFlow15 --no-stats dump-flows unix:" + sandbox.management_socket("br0")));
    for (std::string line; std::getline(flows, line);) {
      if (line.find("actions=") != std::string::npos) out << "flow add " << line << "\n";
    }
    return path;
  }
  static void must(bool ok) {
    if (!ok) throw std::runtime_error("the benchmark cannot go on");
  }

  test::OvsSandbox sandbox;
  test::Loop loop;
  std::unique_ptr<test::Driver> driver;

 private:
  std::uint32_t count_;
};

void program_1000() {
  constexpr int kRounds = 5;
  std::vector<double> ours, reference;
  for (int round = 0; round < kRounds; ++round) {
    std::string file;
    Bench bench(1000);
    bench.desire_all();
    bench.wait_connected();
    ours.push_back(bench.programme_all());
    file = bench.bundle_file();
    bench.driver.reset();
    bench.sandbox.ofctl("del-flows", "br0");
    bench.sandbox.ofctl("del-groups", "br0");
    const auto begin = Clock::now();
    bench.sandbox.ofctl("bundle", "br0", file);
    reference.push_back(ms_since(begin));
  }
  say("program_1000_load_balancers_vs_ovs_ofctl_bundle", median(ours), median(reference), "ms");
}

void compare_sizes(const char* name, const std::function<double(Bench&, int)>& once, int rounds) {
  Bench small(10), large(1000);
  for (Bench* bench : {&small, &large}) {
    bench->desire_all();
    bench->wait_connected();
    bench->programme_all();
  }
  std::vector<double> at_10, at_1000;
  for (int round = 0; round < rounds; ++round) {
    at_10.push_back(once(small, round));
    at_1000.push_back(once(large, round));
  }
  say(name, median(at_1000), median(at_10), "ms");
}

void replace() {
  compare_sizes("replace_among_1000_vs_among_10", [](Bench& bench, int round) { return bench.replace(5, static_cast<std::uint8_t>(1 + round % 2)); }, 300);
}

void repair() {
  compare_sizes("repair_one_rule_among_1000_vs_among_10", [](Bench& bench, int) { return bench.repair(5); }, 40);
}

}  // namespace

int run(const std::vector<std::string>& names) {
  const std::map<std::string, std::function<void()>> all{{"program", program_1000}, {"repair", repair}, {"replace", replace}};
  for (const auto& name : names) {
    const auto found = all.find(name);
    if (found == all.end()) {
      std::fprintf(stderr, "unknown benchmark %s; known: program, repair, replace\n", name.c_str());
      return 2;
    }
    found->second();
  }
  return 0;
}

}  // namespace distributor::bench

int main(int count, char** arguments) {
  const std::vector<std::string> names(arguments + 1, arguments + count);
  try {
    return distributor::bench::run(names.empty() ? std::vector<std::string>{"program", "repair", "replace"} : names);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
