#include "node/octavia/document.hpp"

#include <algorithm>

#include "node/octavia/document_messages.pb.h"

namespace distributor::node {
namespace {

constexpr unsigned kChangesOfATermBits = 16;  // more in one term run into the next one's numbers: it then counts on from there

std::string_view bytes_of(const Digest& digest) { return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()}; }

std::optional<Digest> digest_from(const std::string& bytes) {
  Digest digest;
  if (bytes.size() != digest.bytes.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  return digest;
}

DocumentMessage message_of(DocumentKind kind) {
  DocumentMessage message;
  message.set_kind(static_cast<std::uint32_t>(kind));
  return message;
}

std::optional<DocumentMessage> read(std::string_view frame) {
  DocumentMessage message;
  if (!message.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) return std::nullopt;
  return message;
}

}  // namespace

std::string_view name_of(DocumentKind kind) { return kind == DocumentKind::certificate ? "certificate" : "agent configuration"; }

std::optional<DocumentKind> kind_of_frame(std::string_view frame) {
  const auto message = read(frame);
  if (!message) return std::nullopt;
  for (const auto kind : {DocumentKind::certificate, DocumentKind::agent_config}) {
    if (message->kind() == static_cast<std::uint32_t>(kind)) return kind;
  }
  return std::nullopt;
}

Document::Document(DocumentKind kind, bool has_peer, DocumentRecord record, Hooks hooks)
    : kind_(kind), has_peer_(has_peer), record_(record), hooks_(std::move(hooks)) {
  const auto present = hooks_.read();
  const auto digest = sha256(present);
  if (record_.generation == 0) {
    record_.digest = digest;
  } else if (!present.empty() && digest != record_.digest) {
    hooks_.log(false, std::string(name_of(kind_)) + ": the file is not the one that was written last; it counts as a newer one");
    take(next_generation(), digest);
  }
}

void Document::take(std::uint64_t generation, const Digest& digest) {
  record_.generation = generation;
  record_.digest = digest;
  hooks_.remember(record_);
}

std::uint64_t Document::next_generation() const { return std::max(record_.generation + 1, hooks_.term().value << kChangesOfATermBits); }

void Document::peer_has(std::uint64_t generation) {
  if (record_.peer_generation == generation) return;
  record_.peer_generation = generation;
  hooks_.remember(record_);
}

bool Document::mine_is_newer_than(std::uint64_t generation, const Digest& digest) const {
  if (record_.generation == 0) return false;
  return record_.generation != generation ? record_.generation > generation : record_.digest > digest;
}

void Document::put(const std::string& content, Done done, Clock::time_point now) {
  if (waiting_.size() >= kWaitingMax) {
    return done(tl::unexpected(api::ApiError{.code = api::ErrorCode::too_busy, .field = {}, .message = {}, .fix = {}}));
  }
  const auto digest = sha256(content);
  const bool changed = digest != record_.digest || hooks_.read() != content;
  // What the image brought was never checked.
  if (changed || record_.generation == 0) {
    if (auto adopted = hooks_.adopt(content); !adopted) return done(tl::unexpected(std::move(adopted.error())));
    take(next_generation(), digest);
  }
  if (!has_peer_) return done(Outcome{.changed = changed, .on_peer = false, .note = {}});
  if (!peer_lacks()) return done(Outcome{.changed = changed, .on_peer = true, .note = {}});
  waiting_.push_back({record_.generation, changed, now + kPeerTime, std::move(done)});
  offered_ = now;
  if (!connected_ || !push()) finish(record_.generation, false, "the peer is away; it gets it when it comes back");
}

void Document::changed_by_hand(Clock::time_point now) {
  const auto digest = sha256(hooks_.read());
  if (digest == record_.digest) return;
  take(next_generation(), digest);
  offered_ = now;
  if (connected_) push();
}

void Document::on_connected(Clock::time_point now) {
  connected_ = true;
  offer(now);
}

void Document::on_disconnected() {
  connected_ = false;
  finish(record_.generation, false, "the peer went away; it gets it when it comes back");
}

bool Document::offer(Clock::time_point now) {
  offered_ = now;
  auto message = message_of(kind_);
  message.mutable_offer()->set_generation(record_.generation);
  message.mutable_offer()->set_digest(std::string(bytes_of(record_.digest)));
  return hooks_.send(message.SerializeAsString());
}

bool Document::push() {
  auto content = hooks_.read();
  if (sha256(content) != record_.digest) {
    hooks_.log(true, std::string(name_of(kind_)) + ": the file changed under the daemon and cannot be handed to the peer; reload the daemon");
    return false;
  }
  auto message = message_of(kind_);
  message.mutable_push()->set_generation(record_.generation);
  message.mutable_push()->set_content(std::move(content));
  return hooks_.send(message.SerializeAsString());
}

void Document::on_frame(std::string_view frame, Clock::time_point now) {
  const auto message = read(frame);
  if (!message) return;
  if (message->has_offer()) {
    if (const auto digest = digest_from(message->offer().digest())) on_offer(message->offer().generation(), *digest, now);
  } else if (message->has_push()) {
    on_push(message->push().generation(), message->push().content());
  } else if (message->has_ack()) {
    const auto& ack = message->ack();
    const auto digest = digest_from(ack.digest());
    if (!ack.refusal().empty()) {
      hooks_.log(true, std::string(name_of(kind_)) + ": the peer did not take it: " + ack.refusal());
      finish(ack.generation(), false, "the peer did not take it: " + ack.refusal());
      offered_ = now + kRefusalPause - kOfferPause;
    } else if (digest == record_.digest && ack.generation() == record_.generation) {
      peer_has(ack.generation());
      finish(ack.generation(), true, {});
    }
  }
}

void Document::on_offer(std::uint64_t generation, const Digest& digest, Clock::time_point now) {
  if (generation == record_.generation && digest == record_.digest) {
    peer_has(generation);
    acknowledge(generation, digest, {});
  } else if (mine_is_newer_than(generation, digest)) {
    peer_has(0);
    hooks_.log(false, std::string(name_of(kind_)) + ": the peer lacks the newest one and gets it now");
    push();
  } else if (generation > 0) {
    offer(now);  // so that it learns what this node lacks
  }
}

void Document::acknowledge(std::uint64_t generation, const Digest& digest, const std::string& refusal) {
  auto message = message_of(kind_);
  message.mutable_ack()->set_generation(generation);
  message.mutable_ack()->set_digest(std::string(bytes_of(digest)));
  message.mutable_ack()->set_refusal(refusal);
  hooks_.send(message.SerializeAsString());
}

void Document::on_push(std::uint64_t generation, const std::string& content) {
  const auto digest = sha256(content);
  if (mine_is_newer_than(generation, digest)) {
    push();
    return;
  }
  if (content.empty() || content.size() > kDocumentBytesMax || generation == 0) {
    return acknowledge(generation, digest, "its size or generation is out of range");
  }
  const bool same = digest == record_.digest && hooks_.read() == content;
  if (!same) {
    if (auto adopted = hooks_.adopt(content); !adopted) {
      hooks_.log(true, std::string(name_of(kind_)) + " of the peer cannot be used here: " + api::details_of(adopted.error()));
      return acknowledge(generation, digest, api::details_of(adopted.error()));
    }
    hooks_.log(false, std::string(name_of(kind_)) + ": took the peer's newer one");
  }
  record_.peer_generation = generation;
  take(generation, digest);
  finish(generation, true, {});
  acknowledge(generation, digest, {});
}

void Document::finish(std::uint64_t up_to, bool on_peer, const std::string& note) {
  std::list<Waiting> ready;
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    const auto one = next++;
    if (one->generation <= up_to) ready.splice(ready.end(), waiting_, one);
  }
  if (!ready.empty() && !on_peer) hooks_.log(true, std::string(name_of(kind_)) + ": only this node has the new one: " + note);
  for (auto& one : ready) one.done(Outcome{.changed = one.changed, .on_peer = on_peer, .note = note});
}

void Document::tick(Clock::time_point now) {
  if (!waiting_.empty() && waiting_.front().give_up <= now) {
    finish(waiting_.front().generation, false, "the peer did not answer in time; it gets it when it does");
  }
  if (connected_ && peer_lacks() && now - offered_ >= kOfferPause) offer(now);
}

}  // namespace distributor::node
