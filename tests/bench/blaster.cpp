// Sends UDP frames to a VIP as fast as a raw socket takes them, or at a given rate, from as many clients as wanted.
// Arguments: interface, destination MAC, source MAC, VIP (IPv4), number of client addresses, frames in all, frames per second
// (0 = no limit). Prints the number of frames that the kernel took.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kFrameBytes = 64;
constexpr std::size_t kBatch = 64;
constexpr std::uint32_t kFirstClient = 0xc6120001;  // 198.18.0.1; a million of them reach far beyond, inside a namespace

using Frame = std::array<std::uint8_t, kFrameBytes>;

void put16(Frame& frame, std::size_t at, std::uint32_t value) {
  frame[at] = static_cast<std::uint8_t>(value >> 8U);
  frame[at + 1] = static_cast<std::uint8_t>(value);
}
void put32(Frame& frame, std::size_t at, std::uint32_t value) {
  put16(frame, at, value >> 16U);
  put16(frame, at + 2, value);
}

void put_mac(Frame& frame, std::size_t at, const char* text) {
  unsigned octets[6];
  if (std::sscanf(text, "%x:%x:%x:%x:%x:%x", &octets[0], &octets[1], &octets[2], &octets[3], &octets[4], &octets[5]) != 6) std::exit(2);
  for (std::size_t i = 0; i < 6; ++i) frame[at + i] = static_cast<std::uint8_t>(octets[i]);
}

Frame blank(const char* to, const char* from, const char* vip) {
  Frame frame{};
  put_mac(frame, 0, to);
  put_mac(frame, 6, from);
  put16(frame, 12, 0x0800);
  put16(frame, 14, 0x4500);
  put16(frame, 16, kFrameBytes - 14);
  put16(frame, 20, 0x4000);
  put16(frame, 22, 64 << 8 | 17);
  in_addr address{};
  if (inet_pton(AF_INET, vip, &address) != 1) std::exit(2);
  put32(frame, 30, ntohl(address.s_addr));
  put16(frame, 34, 5000);
  put16(frame, 36, 7000);
  put16(frame, 38, kFrameBytes - 34);
  return frame;
}

void set_client(Frame& frame, std::uint32_t address) {
  put32(frame, 26, address);
  put16(frame, 24, 0);
  std::uint32_t sum = 0;
  for (std::size_t at = 14; at < 34; at += 2) sum += static_cast<std::uint32_t>(frame[at] << 8U | frame[at + 1]);
  while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
  put16(frame, 24, ~sum & 0xffffU);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 8) {
    std::fprintf(stderr, "usage: %s INTERFACE TO_MAC FROM_MAC VIP CLIENTS FRAMES FRAMES_PER_S\n", arguments[0]);
    return 2;
  }
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  sockaddr_ll there{};
  there.sll_family = AF_PACKET;
  there.sll_ifindex = static_cast<int>(if_nametoindex(arguments[1]));
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&there), sizeof there) != 0) return std::perror(arguments[1]), 1;
  const int buffer = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
  const auto clients = static_cast<std::uint32_t>(std::strtoul(arguments[5], nullptr, 10));
  const auto total = std::strtoull(arguments[6], nullptr, 10);
  const auto rate = std::strtod(arguments[7], nullptr);
  std::vector<Frame> frames(kBatch, blank(arguments[2], arguments[3], arguments[4]));
  std::array<iovec, kBatch> pieces{};
  std::array<mmsghdr, kBatch> messages{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    pieces[i] = {frames[i].data(), kFrameBytes};
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t sent = 0;
  while (sent < total) {
    const auto batch = static_cast<unsigned>(std::min<std::uint64_t>(kBatch, total - sent));
    for (unsigned i = 0; i < batch; ++i) set_client(frames[i], kFirstClient + static_cast<std::uint32_t>((sent + i) % clients));
    const int done = sendmmsg(fd, messages.data(), batch, 0);
    if (done < 0 && errno != ENOBUFS && errno != EAGAIN) return std::perror("sendmmsg"), 1;
    if (done > 0) sent += static_cast<std::uint64_t>(done);
    if (rate > 0) std::this_thread::sleep_until(begin + std::chrono::duration<double>(static_cast<double>(sent) / rate));
  }
  std::printf("%llu\n", static_cast<unsigned long long>(sent));
  return 0;
}
