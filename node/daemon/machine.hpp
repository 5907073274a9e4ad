// The machine as Octavia's amphora agent describes its own in /1.0/details: processor, memory, disk, interfaces. Pure readers of what
// the kernel writes, and one function that asks it.
#pragma once

#include <filesystem>
#include <string_view>

#include "api/backend/backend.hpp"

namespace distributor::node {

// Lines that are not understood are passed over; what is missing stays 0.
void read_cpu(std::string_view proc_stat, api::MachineView& into);
void read_memory(std::string_view proc_meminfo, api::MachineView& into);
void read_networks(std::string_view proc_net_dev, api::MachineView& into);

api::MachineView describe_machine(const std::filesystem::path& proc = "/proc");

}  // namespace distributor::node
