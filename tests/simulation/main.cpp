// tests/simulation/run --seeds N [--first S] [--json FILE] | --replay SEED
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <optional>
#include <string>

#include "tests/simulation/story.hpp"

namespace distributor::simulation {
namespace {

std::optional<std::uint64_t> number(const char* text) {
  std::uint64_t value = 0;
  const auto* end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

void print_failure(const Verdict& verdict) {
  std::printf("seed %llu FAILED\n", static_cast<unsigned long long>(verdict.seed));
  for (const auto& line : verdict.violations) std::printf("  %s\n", line.c_str());
  std::printf("replay: tests/simulation/run --replay %llu\n", static_cast<unsigned long long>(verdict.seed));
}

void print_trace(const Verdict& verdict) {
  for (const auto& line : verdict.trace) std::printf("%s\n", line.c_str());
}

int replay(std::uint64_t seed) {
  const auto verdict = run_seed(seed, true);
  print_trace(verdict);
  std::printf("seed %llu, %.1f virtual seconds, %llu events, trace %016llx: %s\n", static_cast<unsigned long long>(seed),
              std::chrono::duration<double>(verdict.virtual_time).count(), static_cast<unsigned long long>(verdict.events),
              static_cast<unsigned long long>(verdict.trace_hash), verdict.failed() ? "FAILED" : "good");
  for (const auto& line : verdict.violations) std::printf("  %s\n", line.c_str());
  return verdict.failed() ? 1 : 0;
}

struct Totals {
  std::uint64_t seeds = 0, failures = 0, calls = 0, accepted = 0, promised = 0, locals = 0, listed = 0, events = 0;
  double virtual_seconds = 0;
  double seconds = 0;
  double converge_max = 0;
};

std::string as_json(const Totals& t, std::uint64_t first) {
  char text[700];
  std::snprintf(text, sizeof text,
                "{\"seeds\": %llu, \"first\": %llu, \"virtual_seconds\": %.1f, \"failures\": %llu, \"seconds\": %.2f, \"events\": %llu, \"calls\": %llu, "
                "\"accepted\": %llu, \"pair\": %llu, \"local\": %llu, \"listed\": %llu, \"converge_seconds_max\": %.2f}",
                static_cast<unsigned long long>(t.seeds), static_cast<unsigned long long>(first), t.virtual_seconds, static_cast<unsigned long long>(t.failures),
                t.seconds, static_cast<unsigned long long>(t.events), static_cast<unsigned long long>(t.calls), static_cast<unsigned long long>(t.accepted),
                static_cast<unsigned long long>(t.promised), static_cast<unsigned long long>(t.locals), static_cast<unsigned long long>(t.listed), t.converge_max);
  return text;
}

int run(std::uint64_t first, std::uint64_t count, const std::string& json) {
  constexpr std::uint64_t kFailuresShown = 10;
  Totals totals;
  timespec begun{};
  clock_gettime(CLOCK_MONOTONIC, &begun);
  for (auto seed = first; seed < first + count; ++seed) {
    const auto verdict = run_seed(seed, false);
    ++totals.seeds;
    totals.virtual_seconds += std::chrono::duration<double>(verdict.virtual_time).count();
    totals.events += verdict.events;
    totals.calls += verdict.calls;
    totals.accepted += verdict.accepted;
    totals.promised += verdict.promised;
    totals.locals += verdict.locals;
    totals.listed += verdict.listed;
    totals.converge_max = std::max(totals.converge_max, std::chrono::duration<double>(verdict.converged_after).count());
    if (!verdict.failed()) continue;
    if (totals.failures == 0) print_trace(run_seed(seed, true));
    if (totals.failures++ < kFailuresShown) print_failure(verdict);
    std::fflush(stdout);  // a long run is watched
  }
  timespec ended{};
  clock_gettime(CLOCK_MONOTONIC, &ended);
  totals.seconds = static_cast<double>(ended.tv_sec - begun.tv_sec) + static_cast<double>(ended.tv_nsec - begun.tv_nsec) / 1e9;
  const auto text = as_json(totals, first);
  std::printf("%s\n", text.c_str());
  if (!json.empty()) std::ofstream(json) << text << "\n";
  return totals.failures == 0 ? 0 : 1;
}

int usage() {
  std::fprintf(stderr, "usage: simulation --seeds N [--first S] [--json FILE] | --replay SEED\n");
  return 2;
}

}  // namespace
}  // namespace distributor::simulation

int main(int argc, char** argv) {
  using namespace distributor::simulation;
  std::optional<std::uint64_t> seeds, first = 1, again;
  std::string json;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (i + 1 >= argc) return usage();
    const char* value = argv[++i];
    if (option == "--seeds") seeds = number(value);
    else if (option == "--first") first = number(value);
    else if (option == "--replay") again = number(value);
    else if (option == "--json") json = value;
    else return usage();
  }
  if (again) return replay(*again);
  if (!seeds || !first) return usage();
  return run(*first, *seeds, json);
}
