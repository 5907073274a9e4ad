// Messages as bytes: what the core makes comes back equal; what a later version may have added is refused, wherever it stands (X3, H12).
#include <gmock/gmock.h>

#include <functional>
#include <set>

#include "sync/replica/message_codec.hpp"
#include "sync/replica/replica_messages.pb.h"

namespace distributor::replica {
namespace {

LogPoint point(std::uint64_t seq) { return {Term{3}, Seq{seq}, sha256("point " + std::to_string(seq))}; }

// One of every kind, with all that can be nested in it.
std::vector<Body> one_of_each() {
  NodeFacts facts;
  facts.version = "1.0";
  Hello hello;
  hello.number = 7;
  hello.pair_id = "pair";
  hello.node_id = NodeId::parse("node-a").value();
  hello.last = point(9);
  hello.base = point(1);
  hello.pair_floor = point(5);
  hello.pairing = {Term{3}, point(8), 11};
  hello.locator = {point(9), point(1)};
  hello.facts = facts;
  hello.answer = HelloAnswer{6, true, false};
  const LogEntry entry{Term{3}, Seq{9}, point(8).digest, "call", "command", sha256("entry")};
  Heartbeat beat;
  beat.last = point(9);
  beat.durable = point(8);
  beat.facts = facts;
  const DroppedChange change{Term{2}, Seq{4}, "call", "command", "reason"};
  return {hello,
          Append{point(8), {entry}, point(9), Seq{8}},
          Commit{Seq{8}},
          Ack{point(8), true, Seq{7}, 2},
          Nack{NackReason::mismatch, {point(9), point(1)}},
          ProgrammedAck{Seq{7}},
          beat,
          Stale{},
          SnapshotBegin{2, point(8), 1, sha256("state")},
          SnapshotChunk{2, 0, {"a load balancer"}, true},
          SnapshotCredit{2, 1},
          Orphans{4, point(3), true, {change}},
          OrphansTaken{4}};
}

Message from_peer(Body body) { return {{NodeId::parse("node-b").value(), 5, 6, Term{3}}, std::move(body)}; }

// The message itself and all that is nested in it, each at its turn.
void visit_all(google::protobuf::Message& message, const std::function<void(google::protobuf::Message&)>& visit) {
  visit(message);
  const auto* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      visit_all(*reflection->MutableMessage(&message, field), visit);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) visit_all(*reflection->MutableRepeatedMessage(&message, field, i), visit);
  }
}

TEST(MessageCodec, EveryKindComesBackEqual) {
  std::set<std::size_t> kinds;
  for (const auto& body : one_of_each()) {
    kinds.insert(body.index());
    const auto message = from_peer(body);
    const auto back = decode(encode(message));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, message) << body.index();
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Body>) << "a kind is missing here";
}

// Skipped in silence, a field of a later version would make two nodes hold different things for the same.
TEST(MessageCodec, AFieldThatIsNotKnownIsRefusedWhereverItStands) {  // H12
  std::set<std::string> places;
  for (const auto& body : one_of_each()) {
    wire::Message whole;
    ASSERT_TRUE(whole.ParseFromString(encode(from_peer(body))));
    visit_all(whole, [&](google::protobuf::Message& part) {
      places.insert(part.GetDescriptor()->name());
      auto* unknown = part.GetReflection()->MutableUnknownFields(&part);
      unknown->AddVarint(1000, 1);
      const auto refused = decode(whole.SerializeAsString());
      unknown->Clear();
      ASSERT_FALSE(refused.has_value()) << "kind " << body.index() << ", in " << part.GetDescriptor()->name();
      EXPECT_THAT(refused.error().message, ::testing::HasSubstr("does not know"));
    });
    EXPECT_TRUE(decode(whole.SerializeAsString()).has_value()) << "kind " << body.index() << " without such a field";
  }
  EXPECT_EQ(static_cast<int>(places.size()), wire::Message::descriptor()->file()->message_type_count()) << "a part is missing here";
}

TEST(MessageCodec, AKindThatIsNotKnownIsRefused) {  // H12
  wire::Message whole;
  ASSERT_TRUE(whole.ParseFromString(encode(from_peer(Stale{}))));
  whole.clear_body();
  EXPECT_FALSE(decode(whole.SerializeAsString()).has_value());
  whole.GetReflection()->MutableUnknownFields(&whole)->AddLengthDelimited(99, "");
  EXPECT_FALSE(decode(whole.SerializeAsString()).has_value());
}

}  // namespace
}  // namespace distributor::replica
