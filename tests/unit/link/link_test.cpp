#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/link/link_fixture.hpp"

namespace distributor::link {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string free_tcp_endpoint() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(fd);
  return "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

TEST_F(LinkTest, CarriesMessagesBothWaysInOrder) {  // H3
  start(a_, config_a());
  start(b_, config_b());
  ASSERT_TRUE(both_connected());
  constexpr std::size_t kCount = 2000;
  std::size_t next = 0;
  ASSERT_TRUE(until([&] {
    // The user's own window: never more than 64 on their way.
    while (next < kCount && next < b_.messages.size() + 64 && next < a_.messages.size() + 64) {
      EXPECT_EQ(a_.link->send("a" + std::to_string(next)), SendResult::sent);
      EXPECT_EQ(b_.link->send("b" + std::to_string(next)), SendResult::sent);
      ++next;
    }
    return a_.messages.size() == kCount && b_.messages.size() == kCount;
  }));
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(b_.messages[i], "a" + std::to_string(i));
    ASSERT_EQ(a_.messages[i], "b" + std::to_string(i));
  }
}

TEST_F(LinkTest, WorksOverTcpAndCarriesAnyBytes) {
  Config a = config_a(), b = config_b();
  a.bind_endpoint = b.peer_endpoint = free_tcp_endpoint();
  b.bind_endpoint = a.peer_endpoint = free_tcp_endpoint();
  start(a_, a);
  start(b_, b);
  ASSERT_TRUE(a_.link && b_.link) << a_.error << b_.error;
  ASSERT_TRUE(both_connected());
  std::string bytes(300'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 % 256);
  EXPECT_EQ(a_.link->send(bytes), SendResult::sent);
  EXPECT_EQ(a_.link->send(""), SendResult::sent);
  ASSERT_TRUE(until([&] { return b_.messages.size() == 2; }));
  EXPECT_TRUE(b_.messages[0] == bytes);
  EXPECT_EQ(b_.messages[1], "");
}

TEST_F(LinkTest, QueuesNothingForAPeerThatIsNotThere) {
  start(a_, config_a());
  EXPECT_EQ(a_.link->send("lost"), SendResult::not_connected);
  start(b_, config_b());
  ASSERT_TRUE(both_connected());
  EXPECT_EQ(a_.link->send("arrives"), SendResult::sent);
  ASSERT_TRUE(until([&] { return !b_.messages.empty(); }));
  EXPECT_THAT(b_.messages, ElementsAre("arrives"));
}

TEST_F(LinkTest, MessagesWaitUntilThisSideIsConnectedToo) {
  // B hears A, but cannot reach it: nothing is handed up before B could answer.
  Config b = config_b();
  b.peer_endpoint = endpoint("nowhere");
  start(a_, config_a());
  start(b_, b);
  ASSERT_TRUE(until([&] { return a_.link->stats().connected; }));
  EXPECT_EQ(a_.link->send("early"), SendResult::sent);
  io_.restart();
  io_.run_for(100ms);
  EXPECT_THAT(b_.messages, IsEmpty());
  EXPECT_THAT(b_.events, IsEmpty());
}

TEST_F(LinkTest, OfWhatComesTooEarlyTheNewestIsKept) {  // a peer that is heard and cannot be reached, for days
  Config b = config_b();
  b.peer_endpoint = endpoint("later");
  b.queue_messages_max = 8;
  Config a = config_a();
  a.queue_messages_max = 8;
  start(a_, a);
  start(b_, b);
  ASSERT_TRUE(until([&] { return a_.link->stats().connected; }));
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(a_.link->send(std::to_string(i)), SendResult::sent);
    io_.restart();
    io_.run_for(1ms);
  }
  io_.restart();
  io_.run_for(50ms);
  ASSERT_THAT(b_.messages, IsEmpty());
  End late;
  Config there = config_a();
  there.bind_endpoint = endpoint("later");
  there.peer_endpoint = endpoint("nowhere");
  start(late, there);
  ASSERT_TRUE(until([&] { return !b_.messages.empty(); }));
  EXPECT_EQ(b_.messages.size(), 16U);
  EXPECT_EQ(b_.messages.front(), "184");
  EXPECT_EQ(b_.messages.back(), "199");
}

TEST_F(LinkTest, PeerThatRestartsIsConnectedAgain) {
  start(a_, config_a());
  start(b_, config_b());
  ASSERT_TRUE(both_connected());
  b_.link.reset();
  ASSERT_TRUE(until([&] { return !a_.link->stats().connected; }));
  EXPECT_EQ(a_.link->send("nobody"), SendResult::not_connected);
  b_ = End{};
  start(b_, config_b());
  ASSERT_TRUE(b_.link) << b_.error;
  ASSERT_TRUE(both_connected());
  EXPECT_THAT(a_.events, ElementsAre("connected", "disconnected", "connected"));
  EXPECT_EQ(a_.link->send("again"), SendResult::sent);
  EXPECT_EQ(b_.link->send("too"), SendResult::sent);
  ASSERT_TRUE(until([&] { return !b_.messages.empty() && !a_.messages.empty(); }));
  EXPECT_THAT(b_.messages, ElementsAre("again"));
}

TEST_F(LinkTest, ResetEndsAndRenewsTheConnection) {
  start(a_, config_a());
  start(b_, config_b());
  ASSERT_TRUE(both_connected());
  a_.link->reset("told to");
  a_.link->reset("told twice at once");
  ASSERT_TRUE(until([&] { return a_.events.size() == 3; }));
  EXPECT_THAT(a_.events, ElementsAre("connected", "disconnected", "connected"));
  EXPECT_EQ(a_.link->send("after"), SendResult::sent);
  ASSERT_TRUE(until([&] { return !b_.messages.empty(); }));
  EXPECT_THAT(b_.events, ElementsAre("connected"));  // B's own connection is another one
}

TEST_F(LinkTest, AFullQueueCountsAsALostPeer) {
  Config a = config_a(), b = config_b();
  a.queue_messages_max = b.queue_messages_max = 8;
  start(a_, a);
  start(b_, b);
  ASSERT_TRUE(both_connected());
  const std::string block(100'000, 'x');
  SendResult result = SendResult::sent;
  for (int i = 0; i < 1000 && result == SendResult::sent; ++i)
    result = a_.link->send(block);  // the loop stands: B reads nothing
  EXPECT_EQ(result, SendResult::would_block);
  EXPECT_EQ(a_.link->send("next"), SendResult::not_connected);
  ASSERT_TRUE(until([&] { return a_.events.size() == 3; }));
  EXPECT_THAT(a_.events, ElementsAre("connected", "disconnected", "connected"));
  EXPECT_EQ(a_.link->stats().would_block, 1U);
}

TEST_F(LinkTest, TooBigAMessageIsRefusedBySender) {
  Config a = config_a();
  a.message_bytes_max = 1000;
  start(a_, a);
  start(b_, config_b());
  ASSERT_TRUE(both_connected());
  EXPECT_EQ(a_.link->send(std::string(1001, 'x')), SendResult::too_big);
  EXPECT_EQ(a_.link->send(std::string(1000, 'x')), SendResult::sent);
  ASSERT_TRUE(until([&] { return b_.messages.size() == 1; }));
  EXPECT_EQ(b_.messages[0].size(), 1000U);
}

TEST_F(LinkTest, OversizedFrameEndsTheConnectionAndIsNotDelivered) {  // X3
  Config b = config_b();
  b.message_bytes_max = 1000;
  start(a_, config_a());
  start(b_, b);
  ASSERT_TRUE(both_connected());
  EXPECT_EQ(a_.link->send(std::string(1001, 'x')), SendResult::sent);
  ASSERT_TRUE(until([&] { return a_.events.size() >= 3; }));
  EXPECT_THAT(a_.events, ElementsAre("connected", "disconnected", "connected"));
  EXPECT_EQ(a_.link->send("small"), SendResult::sent);
  ASSERT_TRUE(until([&] { return !b_.messages.empty(); }));
  EXPECT_THAT(b_.messages, ElementsAre("small"));
}

TEST_F(LinkTest, KeysCanBeRotatedOneNodeAtATime) {  // X2
  const KeyPair next_b = generate_key_pair();
  Config a = config_a();
  a.peer_public_keys = {next_b.public_key, keys_b_.public_key};
  start(a_, a);
  start(b_, config_b());
  ASSERT_TRUE(both_connected());
  b_.link.reset();
  b_ = End{};
  start(b_, config("b", "a", next_b, keys_a_));
  ASSERT_TRUE(until([&] { return a_.events.size() >= 2 && a_.link->stats().connected && b_.link->stats().connected; }));
  EXPECT_EQ(a_.link->send("new key"), SendResult::sent);
  ASSERT_TRUE(until([&] { return !b_.messages.empty(); }));
}

TEST_F(LinkTest, ConfigurationFaultsAreToldInWords) {
  Config wrong = config_a();
  wrong.peer_endpoint = "192.0.2.1:9444";
  start(a_, wrong);
  EXPECT_THAT(a_.error, HasSubstr("wanted tcp://ADDRESS:PORT"));
  wrong = config_a();
  wrong.peer_public_keys = {keys_a_.public_key};
  start(a_, wrong);
  EXPECT_THAT(a_.error, HasSubstr("own key"));
  wrong = config_a();
  wrong.peer_public_keys.clear();
  start(a_, wrong);
  EXPECT_THAT(a_.error, HasSubstr("wanted 1 or 2, found 0"));
  wrong = config_a();
  wrong.own_keys.secret_key = keys_b_.secret_key;
  start(a_, wrong);
  EXPECT_THAT(a_.error, HasSubstr("do not belong together"));
  wrong = config_a();
  wrong.bind_endpoint = "tcp://192.0.2.77:9444";
  start(a_, wrong);
  EXPECT_THAT(a_.error, HasSubstr("is the address on this node"));
}

}  // namespace
}  // namespace distributor::link
