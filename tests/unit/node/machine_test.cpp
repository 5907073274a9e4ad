// The machine as /1.0/details tells it (P9).
#include "node/daemon/machine.hpp"

#include <gtest/gtest.h>

namespace distributor::node {
namespace {

TEST(Machine, ReadsWhatTheKernelWrites) {  // P9
  api::MachineView view;
  read_cpu("cpu  10 20 30 40 50 60 70 80 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\nintr 5\n", view);
  EXPECT_EQ(view.cpu_total, 360U);
  EXPECT_EQ(view.cpu_user, 10U);
  EXPECT_EQ(view.cpu_system, 30U);
  EXPECT_EQ(view.cpu_soft_irq, 70U);
  read_memory("MemTotal:        1000 kB\nMemFree: 400 kB\nMemAvailable: 9 kB\nBuffers: 5 kB\nCached: 6 kB\nSwapCached: 7 kB\nShmem: 8 kB\nSlab: 9 kB\n", view);
  EXPECT_EQ(view.memory_total_kib, 1000U);
  EXPECT_EQ(view.memory_free_kib, 400U);
  EXPECT_EQ(view.memory_buffers_kib, 5U);
  EXPECT_EQ(view.memory_cached_kib, 6U);
  EXPECT_EQ(view.memory_swap_used_kib, 7U);
  EXPECT_EQ(view.memory_shared_kib, 8U);
  EXPECT_EQ(view.memory_slab_kib, 9U);
  read_networks(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
      "    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0\n"
      "  eth0: 1234 5 0 0 0 0 0 0 5678 9 0 0 0 0 0 0\n",
      view);
  ASSERT_EQ(view.networks.size(), 1U);
  EXPECT_EQ(view.networks[0].name, "eth0");
  EXPECT_EQ(view.networks[0].received_bytes, 1234U);
  EXPECT_EQ(view.networks[0].sent_bytes, 5678U);
}

TEST(Machine, GarbageIsPassedOver) {
  api::MachineView view;
  for (const auto* text : {"", "\n\n", "cpu", "cpu a b c d e f g", "MemTotal:", ":", "eth0:", "eth0: 1 2 3"}) {
    read_cpu(text, view);
    read_memory(text, view);
    read_networks(text, view);
  }
  EXPECT_TRUE(view.networks.empty());
}

TEST(Machine, ThisOneHasMemoryAndADisk) {
  const auto view = describe_machine();
  EXPECT_GT(view.cpu_total, 0U);
  EXPECT_GT(view.memory_total_kib, 0U);
  EXPECT_GT(view.disk_used_bytes + view.disk_available_bytes, 0U);
}

}  // namespace
}  // namespace distributor::node
