// X2: nobody but the peer is admitted. Intruders are plain ZeroMQ sockets that know the address.
#include <gmock/gmock.h>
#include <zmq.h>

#include <optional>

#include "tests/unit/link/link_fixture.hpp"

namespace distributor::link {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class Intruder {
 public:
  Intruder(const std::string& endpoint, std::optional<KeyPair> keys, const std::string& server_key)
      : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_DEALER)) {
    const int zero = 0;
    zmq_setsockopt(socket_, ZMQ_LINGER, &zero, sizeof zero);
    if (keys) {
      zmq_setsockopt(socket_, ZMQ_CURVE_SERVERKEY, server_key.data(), server_key.size());
      zmq_setsockopt(socket_, ZMQ_CURVE_PUBLICKEY, keys->public_key.data(), keys->public_key.size());
      zmq_setsockopt(socket_, ZMQ_CURVE_SECRETKEY, keys->secret_key.data(), keys->secret_key.size());
    }
    EXPECT_EQ(zmq_connect(socket_, endpoint.c_str()), 0);
    for (int i = 0; i < 10; ++i) zmq_send(socket_, "let me in", 9, ZMQ_DONTWAIT);
  }
  ~Intruder() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }
  Intruder(const Intruder&) = delete;
  Intruder& operator=(const Intruder&) = delete;

 private:
  void* context_;
  void* socket_;
};

class IntruderTest : public LinkTest {
 protected:
  // The pair works; then the intruder comes; then the pair still works and the intruder's words were never heard.
  void refused(std::optional<KeyPair> keys, const std::string& server_key, const std::string& reason) {
    start(a_, config_a());
    start(b_, config_b());
    ASSERT_TRUE(both_connected());
    const auto admitted_before = a_.link->stats().admitted;
    const Intruder intruder(endpoint("a"), std::move(keys), server_key);
    ASSERT_TRUE(until([&] { return a_.link->stats().intruders > 0; }));
    EXPECT_EQ(b_.link->send("from the peer"), SendResult::sent);
    ASSERT_TRUE(until([&] { return !a_.messages.empty(); }));
    EXPECT_THAT(a_.messages, testing::ElementsAre("from the peer"));
    EXPECT_THAT(a_.intruders, Not(IsEmpty()));
    EXPECT_THAT(a_.intruders, Each(HasSubstr(reason)));
    EXPECT_EQ(a_.link->stats().admitted, admitted_before);
    EXPECT_THAT(a_.events, testing::ElementsAre("connected"));
  }
};

TEST_F(IntruderTest, WithoutEncryption) {
  refused(std::nullopt, "", "no encryption");
}

TEST_F(IntruderTest, WithAnUnknownKey) {
  const KeyPair unknown = generate_key_pair();
  refused(unknown, keys_a_.public_key, unknown.public_key);
}

TEST_F(IntruderTest, OfAnotherPair) {
  // A well-configured node of another pair: its own keys, expecting its own peer at this address.
  const KeyPair other_c = generate_key_pair(), other_d = generate_key_pair();
  refused(other_c, other_d.public_key, "another server key");
}

TEST_F(IntruderTest, AMisdirectedNodeOfAnotherPairIsTold) {
  const KeyPair other = generate_key_pair();
  start(a_, config_a());
  End c;
  Config misdirected = config("c", "a", other, keys_a_);
  start(c, misdirected);
  ASSERT_TRUE(until([&] { return !c.troubles.empty() && a_.link->stats().intruders > 1; }));
  EXPECT_THAT(c.troubles.front(), HasSubstr("refuses this node's key"));
  EXPECT_THAT(c.events, IsEmpty());
  EXPECT_THAT(a_.intruders, SizeIs(1)) << "the same refusal is reported once per interval";
  c.link.reset();
}

}  // namespace
}  // namespace distributor::link
