#include "sync/replica/message_codec.hpp"

#include <algorithm>

#include "sync/registry/limits.hpp"
#include "sync/replica/replica_messages.pb.h"

namespace distributor::replica {
namespace {

struct Malformed {
  std::string what;
};

[[noreturn]] void refuse(const char* what) { throw Malformed{what}; }  // caught in decode(): never leaves this file

std::string bytes_of(const Digest& digest) { return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()}; }

Digest digest_from(const std::string& bytes) {
  Digest digest;
  if (bytes.size() != digest.bytes.size()) refuse("a digest is not 32 bytes long");
  std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  return digest;
}

void put(wire::LogPoint& to, const LogPoint& from) {
  to.set_term(from.term.value);
  to.set_seq(from.seq.value);
  to.set_digest(bytes_of(from.digest));
}
LogPoint take(const wire::LogPoint& from) { return {Term{from.term()}, Seq{from.seq()}, digest_from(from.digest())}; }

void put(wire::NodeFacts& to, const NodeFacts& from) {
  to.set_vrrp_master(from.vrrp_master);
  to.set_gate_open(from.gate_open);
  to.set_ready(from.ready);
  to.set_ovs_programmed(from.ovs_programmed);
  to.set_vip_links_up(from.vip_links_up);
  to.set_vip_links_wanted(from.vip_links_wanted);
  to.set_hash_fingerprint(from.hash_fingerprint);
  to.set_version(from.version);
  to.set_ceilings(from.ceilings);
}
NodeFacts take(const wire::NodeFacts& from) {
  if (from.hash_fingerprint().size() > 256 || from.version().size() > 64 || from.ceilings().size() > 256) refuse("a text of the node facts is too long");
  return {from.vrrp_master(),  from.gate_open(),         from.ready(),            from.ovs_programmed(),
          from.vip_links_up(), from.vip_links_wanted(), from.hash_fingerprint(), from.version(), from.ceilings()};
}

void put(wire::LogEntry& to, const LogEntry& from) {
  to.set_term(from.term.value);
  to.set_seq(from.seq.value);
  to.set_request_id(from.request_id);
  to.set_command(from.command);
  to.set_digest(bytes_of(from.digest));
}
LogEntry take(const wire::LogEntry& from, const Digest& previous) {
  if (from.command().size() > kCommandBytesMax) refuse("a command is too long");
  if (from.request_id().size() > limits::kRequestIdBytesMax) refuse("a request id is too long");
  return {Term{from.term()}, Seq{from.seq()}, previous, from.request_id(), from.command(), digest_from(from.digest())};
}

template <typename Repeated>
std::vector<LogPoint> take_points(const Repeated& from) {
  if (static_cast<std::size_t>(from.size()) > kLocatorPointsMax) refuse("a locator has too many points");
  std::vector<LogPoint> points;
  for (const auto& point : from) points.push_back(take(point));
  return points;
}

void put(wire::Message& to, const Hello& from) {
  auto& hello = *to.mutable_hello();
  hello.set_number(from.number);
  hello.set_pair_id(from.pair_id);
  hello.set_node_id(from.node_id.text());
  hello.set_protocol_min(from.protocol_min);
  hello.set_protocol_max(from.protocol_max);
  hello.set_term(from.term.value);
  hello.set_ever_synced(from.ever_synced);
  hello.set_leads(from.leads);
  hello.set_vrrp_master(from.vrrp_master);
  put(*hello.mutable_last(), from.last);
  put(*hello.mutable_base(), from.base);
  put(*hello.mutable_pair_floor(), from.pair_floor);
  hello.mutable_pairing()->set_term(from.pairing.term.value);
  put(*hello.mutable_pairing()->mutable_ceiling(), from.pairing.ceiling);
  hello.mutable_pairing()->set_peer_boot(from.pairing.peer_boot);
  for (const auto& point : from.locator) put(*hello.add_locator(), point);
  put(*hello.mutable_facts(), from.facts);
  if (from.answer) {
    hello.mutable_answer()->set_number(from.answer->number);
    hello.mutable_answer()->set_contains_floor(from.answer->contains_floor);
    hello.mutable_answer()->set_contains_ceiling(from.answer->contains_ceiling);
  }
}
Hello take(const wire::Hello& from) {
  Hello hello;
  hello.number = from.number();
  if (from.pair_id().size() > 128) refuse("the pair id is too long");
  hello.pair_id = from.pair_id();
  const auto node = NodeId::parse(from.node_id());
  if (!node) refuse("the node id is not one");
  hello.node_id = *node;
  hello.protocol_min = from.protocol_min();
  hello.protocol_max = from.protocol_max();
  hello.term = Term{from.term()};
  hello.ever_synced = from.ever_synced();
  hello.leads = from.leads();
  hello.vrrp_master = from.vrrp_master();
  hello.last = take(from.last());
  hello.base = take(from.base());
  hello.pair_floor = take(from.pair_floor());
  hello.pairing = {Term{from.pairing().term()}, take(from.pairing().ceiling()), from.pairing().peer_boot()};
  hello.locator = take_points(from.locator());
  hello.facts = take(from.facts());
  if (from.has_answer()) hello.answer = HelloAnswer{from.answer().number(), from.answer().contains_floor(), from.answer().contains_ceiling()};
  return hello;
}

void put(wire::Message& to, const Append& from) {
  auto& append = *to.mutable_append();
  put(*append.mutable_previous(), from.previous);
  for (const auto& entry : from.entries) put(*append.add_entries(), entry);
  put(*append.mutable_last(), from.last);
  append.set_committed(from.committed.value);
}
Append take(const wire::Append& from) {
  if (static_cast<std::size_t>(from.entries_size()) > kEntriesPerMessageMax) refuse("an append has too many entries");
  Append append;
  append.previous = take(from.previous());
  auto previous = append.previous.digest;
  for (const auto& entry : from.entries()) {
    append.entries.push_back(take(entry, previous));
    previous = append.entries.back().digest;
  }
  append.last = take(from.last());
  append.committed = Seq{from.committed()};
  return append;
}

void put(wire::Message& to, const Commit& from) { to.mutable_commit()->set_committed(from.committed.value); }
Commit take(const wire::Commit& from) { return {Seq{from.committed()}}; }

void put(wire::Message& to, const Ack& from) {
  put(*to.mutable_ack()->mutable_durable(), from.durable);
  to.mutable_ack()->set_synced(from.synced);
  to.mutable_ack()->set_snapshot(from.snapshot);
  to.mutable_ack()->set_programmed(from.programmed.value);
}
Ack take(const wire::Ack& from) { return {take(from.durable()), from.synced(), Seq{from.programmed()}, from.snapshot()}; }

void put(wire::Message& to, const Nack& from) {
  to.mutable_nack()->set_reason(static_cast<std::uint32_t>(from.reason));
  for (const auto& point : from.locator) put(*to.mutable_nack()->add_locator(), point);
}
Nack take(const wire::Nack& from) {
  if (from.reason() < 1 || from.reason() > 4) refuse("a nack's reason is unknown");
  return {static_cast<NackReason>(from.reason()), take_points(from.locator())};
}

void put(wire::Message& to, const ProgrammedAck& from) { to.mutable_programmed_ack()->set_programmed(from.programmed.value); }
ProgrammedAck take(const wire::ProgrammedAck& from) { return {Seq{from.programmed()}}; }

void put(wire::Message& to, const Heartbeat& from) {
  auto& beat = *to.mutable_heartbeat();
  beat.set_leads(from.leads);
  put(*beat.mutable_last(), from.last);
  beat.set_committed(from.committed.value);
  beat.set_state_digest(bytes_of(from.state_digest));
  beat.set_programmed(from.programmed.value);
  put(*beat.mutable_durable(), from.durable);
  beat.set_synced(from.synced);
  beat.set_snapshot(from.snapshot);
  put(*beat.mutable_facts(), from.facts);
}
Heartbeat take(const wire::Heartbeat& from) {
  return {from.leads(),           take(from.last()),    Seq{from.committed()}, digest_from(from.state_digest()),
          Seq{from.programmed()}, take(from.durable()), from.synced(),         from.snapshot(),
          take(from.facts())};
}

void put(wire::Message& to, const Stale&) { to.mutable_stale(); }

void put(wire::Message& to, const SnapshotBegin& from) {
  auto& begin = *to.mutable_snapshot_begin();
  begin.set_id(from.id);
  put(*begin.mutable_point(), from.point);
  begin.set_load_balancers(from.load_balancers);
  begin.set_state_digest(bytes_of(from.state_digest));
}
SnapshotBegin take(const wire::SnapshotBegin& from) {
  if (from.load_balancers() > limits::kLoadBalancersMax) refuse("a snapshot has too many load balancers");
  return {from.id(), take(from.point()), from.load_balancers(), digest_from(from.state_digest())};
}

void put(wire::Message& to, const SnapshotChunk& from) {
  auto& chunk = *to.mutable_snapshot_chunk();
  chunk.set_id(from.id);
  chunk.set_index(from.index);
  for (const auto& lb : from.load_balancers) chunk.add_load_balancers(lb);
  chunk.set_last(from.last);
}
SnapshotChunk take(const wire::SnapshotChunk& from) {
  return {from.id(), from.index(), {from.load_balancers().begin(), from.load_balancers().end()}, from.last()};
}

void put(wire::Message& to, const SnapshotCredit& from) {
  to.mutable_snapshot_credit()->set_id(from.id);
  to.mutable_snapshot_credit()->set_next_index(from.next_index);
}
SnapshotCredit take(const wire::SnapshotCredit& from) { return {from.id(), from.next_index()}; }

void put(wire::Message& to, const Orphans& from) {
  auto& orphans = *to.mutable_orphans();
  orphans.set_batch(from.batch);
  put(*orphans.mutable_common(), from.common);
  orphans.set_propose(from.propose);
  for (const auto& change : from.changes) {
    auto& one = *orphans.add_changes();
    one.set_term(change.term.value);
    one.set_seq(change.seq.value);
    one.set_request_id(change.request_id);
    one.set_command(change.command);
    one.set_reason(change.reason);
  }
}
Orphans take(const wire::Orphans& from) {
  if (static_cast<std::size_t>(from.changes_size()) > kEntriesPerMessageMax) refuse("too many orphans at once");
  Orphans orphans{from.batch(), take(from.common()), from.propose(), {}};
  for (const auto& one : from.changes()) {
    if (one.command().size() > kCommandBytesMax || one.request_id().size() > limits::kRequestIdBytesMax || one.reason().size() > 1024) {
      refuse("an orphan is too long");
    }
    orphans.changes.push_back({Term{one.term()}, Seq{one.seq()}, one.request_id(), one.command(), one.reason()});
  }
  return orphans;
}

void put(wire::Message& to, const OrphansTaken& from) { to.mutable_orphans_taken()->set_batch(from.batch); }
OrphansTaken take(const wire::OrphansTaken& from) { return {from.batch()}; }

Body take_body(const wire::Message& from) {
  switch (from.body_case()) {
    case wire::Message::kHello:
      return take(from.hello());
    case wire::Message::kAppend:
      return take(from.append());
    case wire::Message::kCommit:
      return take(from.commit());
    case wire::Message::kAck:
      return take(from.ack());
    case wire::Message::kNack:
      return take(from.nack());
    case wire::Message::kProgrammedAck:
      return take(from.programmed_ack());
    case wire::Message::kHeartbeat:
      return take(from.heartbeat());
    case wire::Message::kStale:
      return Stale{};
    case wire::Message::kSnapshotBegin:
      return take(from.snapshot_begin());
    case wire::Message::kSnapshotChunk:
      return take(from.snapshot_chunk());
    case wire::Message::kSnapshotCredit:
      return take(from.snapshot_credit());
    case wire::Message::kOrphans:
      return take(from.orphans());
    case wire::Message::kOrphansTaken:
      return take(from.orphans_taken());
    case wire::Message::BODY_NOT_SET:
      break;
  }
  refuse("its kind is unknown");
}

// Fields of a later version would be skipped in silence: they are refused, wherever they are nested.
bool has_unknown_fields(const google::protobuf::Message& message) {
  const auto* reflection = message.GetReflection();
  if (!reflection->GetUnknownFields(message).empty()) return true;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (has_unknown_fields(reflection->GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      if (has_unknown_fields(reflection->GetRepeatedMessage(message, field, i))) return true;
    }
  }
  return false;
}

}  // namespace

std::string encode(const Message& message) {
  wire::Message out;
  out.set_sender(message.header.sender.text());
  out.set_sender_boot(message.header.sender_boot);
  out.set_receiver_boot(message.header.receiver_boot);
  out.set_term(message.header.term.value);
  std::visit([&](const auto& body) { put(out, body); }, message.body);
  return out.SerializeAsString();
}

Parsed<Message> decode(std::string_view bytes) {
  if (bytes.size() > kMessageBytesMax) return tl::make_unexpected(ParseError{"message of " + std::to_string(bytes.size()) + " bytes is too long"});
  wire::Message in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return tl::make_unexpected(ParseError{"message is malformed"});
  if (has_unknown_fields(in)) return tl::make_unexpected(ParseError{"message has fields that this version does not know"});
  try {
    const auto sender = NodeId::parse(in.sender());
    if (!sender) refuse("its sender is no node id");
    return Message{{*sender, in.sender_boot(), in.receiver_boot(), Term{in.term()}}, take_body(in)};
  } catch (const Malformed& malformed) {
    return tl::make_unexpected(ParseError{"message is refused: " + malformed.what});
  }
}

}  // namespace distributor::replica
