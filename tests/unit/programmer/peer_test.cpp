// The programmer against peers that are not Open vSwitch: garbage, silence, sudden ends (X3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <random>

#include "tests/unit/programmer/harness.hpp"
#include "tests/unit/scratch_folder.hpp"
#include "tests/unit/wire/facts_rules.hpp"
#include "tests/unit/wire/hex.hpp"

namespace distributor::test {
namespace {

using boost::asio::local::stream_protocol;
using ::testing::HasSubstr;

constexpr const char* kHello = "06000010000000010001000800000040";
constexpr const char* kFeatures = "060600200000000200000000000000010000000004000000000000000000000";

// Accepts connections and answers each with the same bytes; counts them.
class Peer {
 public:
  Peer(Loop& loop, std::string answer, bool hang_up)
      : answer_(std::move(answer)), hang_up_(hang_up), acceptor_(loop.io) {
    acceptor_.open();
    acceptor_.bind(stream_protocol::endpoint(path()));
    acceptor_.listen();
    accept();
  }
  std::string path() const { return directory_ / "br.mgmt"; }
  int connections = 0;

 private:
  void accept() {
    acceptor_.async_accept([this](const boost::system::error_code& error, stream_protocol::socket socket) {
      if (error) return;
      ++connections;
      boost::system::error_code ignored;
      boost::asio::write(socket, boost::asio::buffer(answer_), ignored);
      if (!hang_up_) open_.push_back(std::move(socket));
      accept();
    });
  }
  const ScratchFolder directory_;
  std::string answer_;
  bool hang_up_;
  stream_protocol::acceptor acceptor_;
  std::vector<stream_protocol::socket> open_;
};

TEST(Peer, GarbageEndsTheConnectionAndBacksOff) {  // X3
  Loop loop;
  Peer peer(loop, "HTTP/1.1 400 Bad Request\r\n\r\n", false);
  Driver driver(loop, options_for(peer.path()));
  loop.run_until([] { return false; }, std::chrono::milliseconds(700));
  EXPECT_GE(peer.connections, 4);
  EXPECT_LE(peer.connections, 8) << "10, 20, 40, 80, 160, 320 ms";
  ASSERT_FALSE(driver.losses.empty());
  EXPECT_THAT(driver.losses[0], HasSubstr("wanted version 6"));
  EXPECT_FALSE(driver.programmer.connected());
}

TEST(Peer, ThatClosesAtOnceIsTriedAgain) {
  Loop loop;
  Peer peer(loop, "", true);
  Driver driver(loop, options_for(peer.path()));
  ASSERT_TRUE(loop.run_until([&] { return peer.connections >= 3; }));
}

TEST(Peer, CommitAndQueriesEndInTimeWithoutABridge) {
  Loop loop;
  Driver driver(loop, options_for("/tmp/no-such-directory/br.mgmt"));
  driver.programmer.start_programming();
  std::optional<CommitResult> result;
  driver.programmer.commit([&](CommitResult answer) { result = answer; }, 100);
  std::optional<programmer::ProgramErrorCode> query;
  driver.programmer.query_counters([&](auto answer) { query = answer.error().code; });
  ASSERT_TRUE(loop.run_until([&] { return result && query; }));
  EXPECT_EQ(result->error().code, programmer::ProgramErrorCode::timed_out);
  EXPECT_THAT(result->error().message, HasSubstr("No such file"));
  EXPECT_EQ(query, programmer::ProgramErrorCode::disconnected);
}

TEST(Peer, TooManyWaitersAreRefusedNotKept) {
  Loop loop;
  Driver driver(loop, options_for("/tmp/no-such-directory/br.mgmt"));
  std::size_t overloaded = 0;
  for (std::size_t i = 0; i < programmer::kWaitersMax + 10; ++i) {
    driver.programmer.commit(
        [&](CommitResult answer) {
          overloaded += answer.error().code == programmer::ProgramErrorCode::overloaded ? 1U : 0U;
        },
        0);
  }
  ASSERT_TRUE(loop.run_until([&] { return overloaded == 10; }));
}

TEST(Peer, NoCallbackAfterTheEnd) {
  Loop loop;
  bool called = false;
  {
    Driver driver(loop, options_for("/tmp/no-such-directory/br.mgmt"));
    driver.programmer.commit([&](const CommitResult&) { called = true; }, 1);
    driver.programmer.query_ports([&](const auto&) { called = true; });
  }
  loop.run_until([] { return false; }, std::chrono::milliseconds(50));
  EXPECT_FALSE(called);
}

TEST(Peer, MessagesOfARandomPeerAreSurvived) {  // X3
  std::mt19937 random(3);
  for (int round = 0; round < 40; ++round) {
    std::string bytes = from_hex(kHello) + from_hex(std::string(kFeatures) + "0");
    for (int i = 0; i < 20; ++i) {
      std::string body(random() % 120, '\0');
      for (char& c : body) c = static_cast<char>(random() % 3 == 0 ? random() : 0);
      const std::size_t length = 8 + body.size();
      const std::uint32_t xid =
          random() % 2 == 0 ? 0x100U + static_cast<std::uint32_t>(random() % 4) : static_cast<std::uint32_t>(random());
      bytes += {6, static_cast<char>(random() % 36), static_cast<char>(length >> 8U), static_cast<char>(length)};
      for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(xid >> shift);
      bytes += body;
    }
    Loop loop;
    Peer peer(loop, bytes, true);
    Driver driver(loop, options_for(peer.path()));
    EXPECT_TRUE(driver.programmer.set_desired(1, facts_rules()));
    driver.programmer.start_programming();
    EXPECT_TRUE(loop.run_until([&] { return peer.connections >= 2; }));
  }
}

}  // namespace
}  // namespace distributor::test
