// The channel between the daemons: replication frames pass untouched, probes are answered, garbage is dropped (P4, X3).
#include "node/peer/peer_channel.hpp"

#include <gmock/gmock.h>

#include <random>

namespace distributor::node {
namespace {

const MacAddress kThere = MacAddress::parse("02:00:00:00:0a:01").value();
const MacAddress kAbsent = MacAddress::parse("02:00:00:00:0a:02").value();

struct Two {
  boost::asio::io_context loop;
  bool connected = true;
  std::vector<std::string> replicated;
  PeerChannel one{loop,
                  [this](std::string frame) {
                    if (connected) other.on_frame(frame);
                    return connected;
                  },
                  [](std::string_view) {}, [](const MacAddress&) { return false; }};
  PeerChannel other{loop,
                    [this](std::string frame) {
                      if (connected) one.on_frame(frame);
                      return connected;
                    },
                    [this](std::string_view payload) { replicated.emplace_back(payload); },
                    [](const MacAddress& mac) { return mac == kThere; }};
};

TEST(PeerChannel, ReplicationPassesUntouched) {
  Two two;
  const std::string bytes("\0\x02 any\xff", 7);
  EXPECT_TRUE(two.one.send_replication(bytes));
  EXPECT_THAT(two.replicated, testing::ElementsAre(bytes));
}

TEST(PeerChannel, ProbeSaysWhichInterfacesThePeerHas) {  // P4
  Two two;
  std::optional<std::vector<bool>> answer;
  two.one.probe({kThere, kAbsent}, [&](auto present) { answer = present; });
  ASSERT_TRUE(answer);
  EXPECT_THAT(*answer, testing::ElementsAre(true, false));
}

TEST(PeerChannel, PeerThatIsAwayGivesNoAnswer) {
  Two two;
  two.connected = false;
  int calls = 0;
  two.one.probe({kThere}, [&](auto present) {
    ++calls;
    EXPECT_FALSE(present);
  });
  EXPECT_EQ(calls, 1);
}

TEST(PeerChannel, QuestionsEndWhenTheLinkBreaksOrNobodyAnswers) {
  boost::asio::io_context loop;
  PeerChannel silent(loop, [](std::string) { return true; }, [](std::string_view) {}, [](const MacAddress&) { return true; });
  int without_answer = 0;
  silent.probe({kThere}, [&](auto present) { without_answer += present ? 0 : 1; });
  silent.on_disconnected();
  EXPECT_EQ(without_answer, 1);
  silent.probe({kThere}, [&](auto present) { without_answer += present ? 0 : 1; });
  loop.run_for(std::chrono::seconds(10));  // ends as soon as the time limit of the question has fired
  EXPECT_EQ(without_answer, 2);
}

TEST(PeerChannel, AHandoverIsAskedForAndAnswered) {  // H7
  Two two;
  std::vector<Seq> wanted;
  int cancelled = 0;
  PeerChannel::HandoverAnswer pending;
  two.other.serve_handovers({[&](Seq seq, std::chrono::milliseconds limit, PeerChannel::HandoverAnswer answer) {
                               wanted.push_back(seq);
                               EXPECT_EQ(limit.count(), 6000);
                               pending = std::move(answer);
                             },
                             [&] { ++cancelled; }});
  std::vector<std::optional<std::string>> answers;
  const auto ask = [&] { two.one.ask_handover(Seq{7}, std::chrono::milliseconds(6000), [&](auto why_not) { answers.push_back(why_not); }); };
  ask();
  EXPECT_THAT(wanted, testing::ElementsAre(Seq{7}));
  pending(std::nullopt);
  pending(std::nullopt);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_FALSE(answers[0]);
  ask();
  pending("not in sync");
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[1], "not in sync");
  ask();
  const auto late = pending;
  two.one.cancel_handover();
  EXPECT_EQ(cancelled, 1);
  late(std::nullopt);
  EXPECT_EQ(answers.size(), 2U) << "called off: a late answer is void";
}

TEST(PeerChannel, DigestsOfThePeerSayWhereStatesDiffer) {
  Two two;
  const auto lb = LoadBalancerId::parse("00000000-0000-4000-8000-000000000001").value();
  two.other.serve_digests([&] { return PeerChannel::PeerDigests{Seq{7}, sha256("state"), {{lb, sha256("lb")}}}; });
  int answers = 0;
  const auto check = [&](const std::optional<PeerChannel::PeerDigests>& peer) {
    ASSERT_TRUE(peer);
    ++answers;
    EXPECT_EQ(peer->committed, Seq{7});
    EXPECT_EQ(peer->state, sha256("state"));
    EXPECT_EQ(peer->digests.at(lb), sha256("lb"));
  };
  two.one.ask_digests(check);
  two.one.ask_digests(check);
  EXPECT_EQ(answers, 2);
  two.connected = false;
  two.one.ask_digests([&](const auto& peer) { answers += peer ? 0 : 10; });
  EXPECT_EQ(answers, 12);
}

TEST(PeerChannel, GarbageIsDroppedAndCounted) {  // X3
  Two two;
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string frame(random() % 40, '\0');
    for (auto& octet : frame) octet = static_cast<char>(random());
    if (!frame.empty() && frame.front() == 1) frame.front() = 2;
    two.other.on_frame(frame);
  }
  EXPECT_TRUE(two.replicated.empty());
  EXPECT_GT(two.other.frames_refused(), 1000U);
}

}  // namespace
}  // namespace distributor::node
