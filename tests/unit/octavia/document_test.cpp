// How two nodes come to hold the same certificate: before the answer, or at contact (P2).
#include "node/octavia/document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>

namespace distributor::node {
namespace {

using ::testing::HasSubstr;
using std::chrono::seconds;

struct Node {
  std::string disk = "from the image";
  DocumentRecord record;
  std::optional<std::string> refusal;  // what adopt() says
  std::deque<std::string> outbox;
  bool linked = false;
  Term term{1};
  int adoptions = 0;
  std::unique_ptr<Document> document;

  void boot(bool has_peer = true) {
    outbox.clear();
    linked = false;
    document = std::make_unique<Document>(DocumentKind::certificate, has_peer, record,
                                          Document::Hooks{
                                              .adopt = [this](const std::string& content) -> tl::expected<void, api::ApiError> {
                                                if (refusal) return tl::unexpected(api::ApiError{api::ErrorCode::invalid_certificate, "body", *refusal, {}});
                                                disk = content;
                                                ++adoptions;
                                                return {};
                                              },
                                              .read = [this] { return disk; },
                                              .remember = [this](const DocumentRecord& now_record) { record = now_record; },
                                              .term = [this] { return term; },
                                              .send =
                                                  [this](std::string_view frame) {
                                                    if (linked) outbox.emplace_back(frame);
                                                    return linked;
                                                  },
                                              .log = [](bool, const std::string&) {},
                                          });
  }
};

class DocumentPair : public ::testing::Test {
 protected:
  DocumentPair() {
    a.boot();
    b.boot();
  }
  void connect() {
    a.linked = b.linked = true;
    a.document->on_connected(now);
    b.document->on_connected(now);
    deliver();
  }
  void disconnect() {
    for (auto* node : {&a, &b}) {
      node->linked = false;
      node->outbox.clear();
      node->document->on_disconnected();
    }
  }
  // Until nobody has anything to say. Two nodes that never fall silent are a failure.
  void deliver() {
    for (int left = 1000; !a.outbox.empty() || !b.outbox.empty(); --left) {
      ASSERT_GT(left, 0) << "the nodes go on talking";
      auto& from = a.outbox.empty() ? b : a;
      auto& to = a.outbox.empty() ? a : b;
      const auto frame = from.outbox.front();
      from.outbox.pop_front();
      to.document->on_frame(frame, now);
    }
  }
  void put(Node& node, const std::string& content) {
    answer.reset();
    node.document->put(content, [this](auto outcome) { answer = std::move(outcome); }, now);
  }
  void pass(seconds time) {
    now += time;
    a.document->tick(now);
    b.document->tick(now);
    deliver();
  }
  void expect_both(const std::string& content) {
    EXPECT_EQ(a.disk, content);
    EXPECT_EQ(b.disk, content);
    EXPECT_EQ(a.record.generation, b.record.generation);
    EXPECT_FALSE(a.document->peer_lacks());
    EXPECT_FALSE(b.document->peer_lacks());
  }

  Node a;
  Node b;
  Document::Clock::time_point now{};
  std::optional<tl::expected<Document::Outcome, api::ApiError>> answer;
};

TEST_F(DocumentPair, BothHoldItBeforeTheAnswer) {  // P2
  connect();
  put(a, "new");
  EXPECT_FALSE(answer) << "the peer has not answered";
  deliver();
  ASSERT_TRUE(answer && *answer);
  EXPECT_TRUE((*answer)->changed);
  EXPECT_TRUE((*answer)->on_peer);
  expect_both("new");
}

TEST_F(DocumentPair, EachNodeKeepsWhatItsImageBroughtUntilTheFirstPut) {
  b.disk = "from another image";
  b.boot();
  connect();
  EXPECT_EQ(a.disk, "from the image");
  EXPECT_EQ(b.disk, "from another image");
  put(a, "from the image");  // Octavia sends what this node has, and the other lacks
  deliver();
  ASSERT_TRUE(answer && *answer);
  EXPECT_FALSE((*answer)->changed);
  EXPECT_TRUE((*answer)->on_peer);
  expect_both("from the image");
}

TEST_F(DocumentPair, AnEmptyContentIsCheckedEvenWhereThereIsNone) {
  a.disk.clear();
  a.boot();
  a.refusal = "empty";
  put(a, "");
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(a.record.generation, 0U);
}

TEST_F(DocumentPair, TheSameAgainChangesNothing) {  // P10: replays
  connect();
  put(a, "new");
  deliver();
  put(a, "new");
  ASSERT_TRUE(answer && *answer) << "nothing to wait for";
  EXPECT_FALSE((*answer)->changed);
  EXPECT_TRUE((*answer)->on_peer);
  EXPECT_EQ(a.adoptions, 1);
  EXPECT_EQ(b.adoptions, 1);
}

TEST_F(DocumentPair, AnAbsentPeerGetsItWhenItComesBack) {  // P2
  put(a, "new");
  ASSERT_TRUE(answer && *answer);
  EXPECT_FALSE((*answer)->on_peer);
  EXPECT_THAT((*answer)->note, HasSubstr("the peer is away"));
  EXPECT_TRUE(a.document->peer_lacks());
  a.boot();  // restarts of both in between
  b.boot();
  EXPECT_TRUE(a.document->peer_lacks());
  connect();
  expect_both("new");
}

TEST_F(DocumentPair, ARebuiltPeerGetsItToo) {
  connect();
  put(a, "new");
  deliver();
  disconnect();
  b = Node();
  b.boot();
  connect();
  expect_both("new");
}

TEST_F(DocumentPair, APeerThatNeverAnswersDelaysTheAnswerOnlySoLong) {
  connect();
  put(a, "new");
  a.outbox.clear();  // lost
  pass(Document::kPeerTime - seconds(1));
  EXPECT_FALSE(answer);
  pass(seconds(1));
  ASSERT_TRUE(answer && *answer);
  EXPECT_FALSE((*answer)->on_peer);
  pass(Document::kOfferPause);  // offered again, and taken
  expect_both("new");
}

TEST_F(DocumentPair, APeerThatLeavesBeforeItAnsweredIsSaid) {
  connect();
  put(a, "new");
  disconnect();
  ASSERT_TRUE(answer && *answer);
  EXPECT_FALSE((*answer)->on_peer);
}

TEST_F(DocumentPair, AnAnswerThatWasLostIsAskedForAgain) {
  connect();
  put(a, "new");
  const auto push = a.outbox.front();
  a.outbox.clear();
  b.document->on_frame(push, now);
  b.outbox.clear();  // the acknowledgement
  EXPECT_TRUE(a.document->peer_lacks());
  pass(Document::kOfferPause);
  expect_both("new");
  EXPECT_EQ(b.adoptions, 1);
}

TEST_F(DocumentPair, WhatIsRefusedHereGoesNowhere) {  // P2: garbage, and the old one stays
  connect();
  a.refusal = "garbage";
  put(a, "bad");
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().message, "garbage");
  EXPECT_TRUE(a.outbox.empty());
  EXPECT_EQ(a.disk, "from the image");
  EXPECT_EQ(a.record.generation, 0U);
}

TEST_F(DocumentPair, ThePeersRefusalIsToldAndNotRepeatedEverySecond) {
  connect();
  b.refusal = "its clock is wrong";
  put(a, "new");
  deliver();
  ASSERT_TRUE(answer && *answer);
  EXPECT_FALSE((*answer)->on_peer);
  EXPECT_THAT((*answer)->note, HasSubstr("its clock is wrong"));
  b.refusal.reset();
  pass(Document::kOfferPause);
  EXPECT_EQ(b.disk, "from the image");
  pass(Document::kRefusalPause);
  expect_both("new");
}

TEST_F(DocumentPair, AfterAPartitionBothHoldTheSame) {  // H8
  connect();
  put(a, "common");
  deliver();
  disconnect();
  put(a, "of a");
  put(b, "of b");
  connect();
  EXPECT_EQ(a.disk, b.disk);
  expect_both(a.disk);
  disconnect();
  put(a, "a, second");
  put(b, "b, second");
  put(b, "b, third");  // more changes win
  connect();
  expect_both("b, third");
}

// A takes three and dies; B leads then and is given one. That one is newer, however often A was asked before.
TEST_F(DocumentPair, OfTwoGivenAloneTheOneOfTheLaterLeaderStands) {  // H8, P2
  connect();
  put(a, "common");
  deliver();
  disconnect();
  for (const auto* content : {"of a", "of a, second", "of a, third"}) put(a, content);
  b.term = Term{5};
  put(b, "of b, which led later");
  connect();
  expect_both("of b, which led later");
  disconnect();
  put(b, "of b, again");
  put(b, "of b, and again");
  a.term = Term{6};
  a.boot();
  a.disk = "by hand on the one that leads now";
  a.document->changed_by_hand(now);
  connect();
  expect_both("by hand on the one that leads now");
}

TEST_F(DocumentPair, AFileThatWasChangedByHandIsTheNewest) {
  connect();
  put(a, "new");
  deliver();
  disconnect();
  b.disk = "by hand";
  b.boot();
  connect();
  expect_both("by hand");
  a.disk = "by hand, and told";
  a.document->changed_by_hand(now);
  deliver();
  expect_both("by hand, and told");
}

TEST_F(DocumentPair, AFileThatVanishedComesBack) {
  connect();
  put(a, "new");
  deliver();
  disconnect();
  b.disk.clear();
  b.boot();
  b.record = {};
  b.boot();
  connect();
  expect_both("new");
}

TEST_F(DocumentPair, StandaloneAnswersAtOnce) {  // H9
  a.boot(false);
  put(a, "new");
  ASSERT_TRUE(answer && *answer);
  EXPECT_FALSE((*answer)->on_peer);
  EXPECT_TRUE((*answer)->note.empty());
  EXPECT_FALSE(a.document->peer_lacks());
}

TEST_F(DocumentPair, ThoseWhoWaitAreBounded) {
  connect();
  std::size_t busy = 0;
  for (std::size_t i = 0; i < Document::kWaitingMax + 3; ++i) {
    a.document->put("new " + std::to_string(i), [&](auto outcome) { busy += !outcome && outcome.error().code == api::ErrorCode::too_busy ? 1 : 0; }, now);
  }
  EXPECT_EQ(busy, 3U);
  deliver();
  expect_both("new " + std::to_string(Document::kWaitingMax - 1));
}

TEST(DocumentFrame, GarbageHasNoKind) {  // X3
  EXPECT_FALSE(kind_of_frame("garbage"));
  EXPECT_FALSE(kind_of_frame(std::string("\x08\x07", 2)));
}

}  // namespace
}  // namespace distributor::node
