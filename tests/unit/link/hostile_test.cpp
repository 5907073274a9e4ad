// X2, X3: what stands at the sync port and is no well-behaved peer. Raw sockets, and ZeroMQ sockets of the peer's own key.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "tests/unit/link/link_fixture.hpp"

namespace distributor::link {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  int get() const { return fd_; }

 private:
  int fd_;
};

sockaddr_un address_of(const std::string& endpoint) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, endpoint.c_str() + std::strlen("ipc://"), sizeof address.sun_path - 1);
  return address;
}

Descriptor connected_to(const std::string& endpoint) {
  Descriptor made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = address_of(endpoint);
  EXPECT_EQ(::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << std::strerror(errno);
  return made;
}

// A plain ZeroMQ socket with some keys.
class Stranger {
 public:
  Stranger(const std::string& endpoint, const KeyPair* keys, const std::string& server_key) : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_DEALER)) {
    const int zero = 0, soon = 5;
    zmq_setsockopt(socket_, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(socket_, ZMQ_RECONNECT_IVL, &soon, sizeof soon);
    if (keys != nullptr) {
      zmq_setsockopt(socket_, ZMQ_CURVE_SERVERKEY, server_key.data(), server_key.size());
      zmq_setsockopt(socket_, ZMQ_CURVE_PUBLICKEY, keys->public_key.data(), keys->public_key.size());
      zmq_setsockopt(socket_, ZMQ_CURVE_SECRETKEY, keys->secret_key.data(), keys->secret_key.size());
    }
    EXPECT_EQ(zmq_connect(socket_, endpoint.c_str()), 0);
  }
  ~Stranger() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;
  void send(const std::string& bytes, bool more = false) { zmq_send(socket_, bytes.data(), bytes.size(), ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)); }

 private:
  void* context_;
  void* socket_;
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

class HostileTest : public LinkTest {
 protected:
  void start_pair() {
    start(a_, config_a());
    start(b_, config_b());
    ASSERT_TRUE(both_connected());
  }
  // The pair still works, and nobody else was heard.
  void expect_unharmed() {
    EXPECT_EQ(b_.link->send("from the peer"), SendResult::sent);
    ASSERT_TRUE(until([&] { return !a_.messages.empty(); }));
    EXPECT_THAT(a_.messages, ElementsAre("from the peer"));
    EXPECT_THAT(a_.events, ElementsAre("connected"));
  }
};

TEST_F(HostileTest, ThreeKindsOfIntrudersThatComeAgainAndAgainAreReportedOnceEach) {  // X2
  start_pair();
  const KeyPair unknown = generate_key_pair(), other = generate_key_pair();
  const Stranger plain(endpoint("a"), nullptr, "");
  const Stranger unknown_key(endpoint("a"), &unknown, keys_a_.public_key);
  // ZeroMQ gives up after a refused handshake: this one is made anew each time, as a node of another pair does.
  for (int i = 0; i < 20; ++i) {
    const Stranger other_pair(endpoint("a"), &unknown, other.public_key);
    const auto before = a_.link->stats().intruders;
    ASSERT_TRUE(until([&] { return a_.link->stats().intruders > before; }));
  }
  EXPECT_GT(a_.link->stats().intruders, 20U);
  EXPECT_LE(a_.intruders.size(), 3U) << "the log must not be flooded";
  EXPECT_THAT(a_.intruders, testing::Contains(HasSubstr(unknown.public_key)));
  expect_unharmed();
}

TEST_F(HostileTest, ACopyOfThisNodeIsNamed) {  // a copied disk
  start_pair();
  const Stranger copy(endpoint("a"), &keys_a_, keys_a_.public_key);
  ASSERT_TRUE(until([&] { return !a_.intruders.empty(); }));
  EXPECT_THAT(a_.intruders.front(), HasSubstr("this node's own key"));
  expect_unharmed();
}

TEST_F(HostileTest, APeerThatAcceptsAndNeverAnswersIsTriedAgainUntilItDoes) {
  Config a = config_a();
  a.handshake_timeout = 50ms;
  const auto address = address_of(endpoint("b"));
  std::vector<Descriptor> accepted;
  {
    const Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 16), 0);
    start(a_, a);
    ASSERT_TRUE(until([&] {
      if (const int fd = ::accept(listener.get(), nullptr, nullptr); fd >= 0) accepted.emplace_back(fd);
      return accepted.size() >= 3;
    })) << accepted.size();
    EXPECT_EQ(a_.link->send("into the void"), SendResult::not_connected);
    EXPECT_THAT(a_.events, IsEmpty());
  }
  accepted.clear();
  ::unlink(address.sun_path);
  start(b_, config_b());
  ASSERT_TRUE(b_.link) << b_.error;
  ASSERT_TRUE(both_connected());
  EXPECT_THAT(a_.events, ElementsAre("connected"));
}

TEST_F(HostileTest, GarbageOnTheSocketIsNoConnection) {  // X3
  start_pair();
  const std::string greeting = std::string("\xff\0\0\0\0\0\0\0\0\x7f\x03\x01", 12) + std::string("CURVE") + std::string(15, '\0') + std::string(32, '\0');
  std::mt19937 random(7);
  for (int i = 0; i < 60; ++i) {
    const auto stranger = connected_to(endpoint("a"));
    std::string bytes = i % 2 == 0 ? greeting : std::string();
    for (auto left = random() % 400; left > 0; --left) bytes.push_back(static_cast<char>(random()));
    if (i % 5 == 0) bytes += std::string("\x06\xff\xff\xff\xff\xff\xff\xff\xff", 9);  // a command of 2^64 bytes
    ::send(stranger.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    io_.restart();
    io_.run_for(2ms);
  }
  expect_unharmed();
}

TEST_F(HostileTest, AMessageInPartsIsNotHandedUp) {  // X3
  start_pair();
  Stranger peer(endpoint("a"), &keys_b_, keys_a_.public_key);
  peer.send("one", true);
  peer.send("two");
  peer.send("whole");
  ASSERT_TRUE(until([&] { return !a_.messages.empty(); }));
  EXPECT_THAT(a_.messages, ElementsAre("whole"));
}

TEST_F(HostileTest, AnOversizedFrameOfThePeersKeyEndsThatConnectionOnly) {  // X3
  Config a = config_a();
  a.message_bytes_max = 1000;
  start(a_, a);
  start(b_, config_b());
  ASSERT_TRUE(both_connected());
  Stranger peer(endpoint("a"), &keys_b_, keys_a_.public_key);
  peer.send(std::string(100'000, 'x'));
  io_.restart();
  io_.run_for(100ms);
  EXPECT_THAT(a_.messages, IsEmpty());
  expect_unharmed();
}

TEST_F(HostileTest, AReconnectStormEndsInAConnectionAndLeavesNothingBehind) {
  start_pair();
  const auto before = open_descriptors();
  for (int i = 0; i < 60; ++i) {
    if (i % 4 == 0) {
      ASSERT_TRUE(both_connected());  // the others fall into the middle of a handshake
    }
    b_.link->reset("storm");
    if (i % 3 == 0) a_.link->reset("storm of the other side");
    io_.restart();
    io_.run_for(std::chrono::milliseconds(i % 7));
  }
  ASSERT_TRUE(until([&] { return a_.link->stats().connected && b_.link->stats().connected; }));
  b_.messages.clear();
  ASSERT_TRUE(until([&] { return a_.link->send("after the storm") == SendResult::sent; }));
  ASSERT_TRUE(until([&] { return !b_.messages.empty(); }));
  EXPECT_EQ(b_.messages.front(), "after the storm");
  // ZeroMQ closes what it has given up in a thread of its own.
  EXPECT_TRUE(until([&] { return open_descriptors() <= before + 8; })) << before << " descriptors before, " << open_descriptors() << " after";
  EXPECT_GE(b_.link->stats().disconnects, 15U);
}

TEST_F(HostileTest, BothKeysOfAPeerAreAdmittedUntilTheOldOneIsTakenOut) {  // X2: rotation
  const KeyPair next_b = generate_key_pair();
  Config a = config_a();
  a.peer_public_keys = {keys_b_.public_key, next_b.public_key};
  start(a_, a);
  start(b_, config("b", "a", next_b, keys_a_));
  ASSERT_TRUE(both_connected());
  a_.link.reset();
  a_ = End{};
  a.peer_public_keys = {next_b.public_key};
  start(a_, a);
  ASSERT_TRUE(until([&] { return a_.link->stats().connected; }));
  const Stranger old(endpoint("a"), &keys_b_, keys_a_.public_key);
  const auto named = [&](const std::string& report) { return report.find(keys_b_.public_key) != std::string::npos; };
  EXPECT_TRUE(until([&] { return std::any_of(a_.intruders.begin(), a_.intruders.end(), named); }));
}

}  // namespace
}  // namespace distributor::link
