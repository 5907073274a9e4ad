#include "node/daemon/machine.hpp"

#include <sys/statvfs.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace distributor::node {
namespace {

constexpr std::size_t kNetworksMax = 256;  // further interfaces are left out
constexpr std::string_view kBlank = " \t";

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> result;
  while (true) {
    const auto begin = line.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return result;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(kBlank), line.size());
    result.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

std::vector<std::string_view> lines(std::string_view text) {
  std::vector<std::string_view> result;
  while (!text.empty()) {
    const auto end = text.find('\n');
    result.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return result;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream input(file);
  return {std::istreambuf_iterator<char>(input), {}};
}

}  // namespace

void read_cpu(std::string_view proc_stat, api::MachineView& into) {
  for (const auto line : lines(proc_stat)) {
    const auto fields = words(line);  // cpu user nice system idle iowait irq softirq ...
    if (fields.size() < 8 || fields[0] != "cpu") continue;
    into.cpu_total = 0;
    for (std::size_t i = 1; i < fields.size(); ++i) into.cpu_total += number(fields[i]);
    into.cpu_user = number(fields[1]);
    into.cpu_system = number(fields[3]);
    into.cpu_soft_irq = number(fields[7]);
  }
}

void read_memory(std::string_view proc_meminfo, api::MachineView& into) {
  const std::map<std::string_view, std::uint64_t*> wanted = {
      {"MemTotal:", &into.memory_total_kib},      {"MemFree:", &into.memory_free_kib},   {"Buffers:", &into.memory_buffers_kib}, {"Cached:", &into.memory_cached_kib},
      {"SwapCached:", &into.memory_swap_used_kib}, {"Shmem:", &into.memory_shared_kib}, {"Slab:", &into.memory_slab_kib}};
  for (const auto line : lines(proc_meminfo)) {
    const auto fields = words(line);
    if (fields.size() < 2) continue;
    if (const auto found = wanted.find(fields[0]); found != wanted.end()) *found->second = number(fields[1]);
  }
}

void read_networks(std::string_view proc_net_dev, api::MachineView& into) {
  for (const auto line : lines(proc_net_dev)) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || into.networks.size() >= kNetworksMax) continue;
    const auto name = words(line.substr(0, colon));
    const auto fields = words(line.substr(colon + 1));  // 8 of receiving, 8 of sending, bytes first
    if (name.size() != 1 || fields.size() < 16 || name[0] == "lo") continue;
    into.networks.push_back({std::string(name[0]), number(fields[0]), number(fields[8])});
  }
}

api::MachineView describe_machine(const std::filesystem::path& proc) {
  api::MachineView view;
  read_cpu(content_of(proc / "stat"), view);
  read_memory(content_of(proc / "meminfo"), view);
  read_networks(content_of(proc / "net" / "dev"), view);
  struct statvfs disk {};
  if (::statvfs("/", &disk) == 0) {
    view.disk_used_bytes = static_cast<std::uint64_t>(disk.f_blocks - disk.f_bfree) * disk.f_frsize;
    view.disk_available_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  }
  return view;
}

}  // namespace distributor::node
