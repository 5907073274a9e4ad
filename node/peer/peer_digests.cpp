// The questions behind `distributorctl diff`.
#include <algorithm>
#include <utility>

#include "node/peer/peer_channel.hpp"
#include "node/peer/peer_messages.pb.h"
#include "sync/registry/limits.hpp"

namespace distributor::node {
namespace {

constexpr char kQuestions = 2;
constexpr auto kDigestsTime = std::chrono::seconds(3);
constexpr std::size_t kAskersMax = 16;  // further ones end at once without an answer

std::optional<Digest> digest_from(const std::string& bytes) {
  Digest digest;
  if (bytes.size() != digest.bytes.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  return digest;
}

void put(std::string& into, const Digest& digest) { into.assign(digest.bytes.begin(), digest.bytes.end()); }

}  // namespace

void PeerChannel::serve_digests(std::function<PeerDigests()> digests) { own_digests_ = std::move(digests); }

void PeerChannel::ask_digests(DigestsDone done) {
  if (digests_wanted_.size() >= kAskersMax) return done(std::nullopt);
  digests_wanted_.push_back(std::move(done));
  if (digests_wanted_.size() > 1) return;
  digests_id_ = next_id_++;
  PeerMessage message;
  message.mutable_digest_request()->set_id(digests_id_);
  digests_timer_.expires_after(kDigestsTime);
  digests_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) finish_digests(std::nullopt);
  });
  if (!send_(std::string(1, kQuestions) + message.SerializeAsString())) finish_digests(std::nullopt);
}

void PeerChannel::send_digests(std::uint64_t id) {
  if (!own_digests_) return;
  const auto own = own_digests_();
  PeerMessage message;
  auto& reply = *message.mutable_digest_reply();
  reply.set_id(id);
  reply.set_committed(own.committed.value);
  put(*reply.mutable_state(), own.state);
  for (const auto& [lb, digest] : own.digests) {
    reply.add_lb_id(lb.text());
    put(*reply.add_digest(), digest);
  }
  send_(std::string(1, kQuestions) + message.SerializeAsString());
}

void PeerChannel::on_digests(const DigestReply& reply) {
  if (digests_wanted_.empty() || reply.id() != digests_id_) return;
  const auto state = digest_from(reply.state());
  if (!state || reply.lb_id_size() != reply.digest_size() || reply.lb_id_size() > static_cast<int>(limits::kLoadBalancersMax)) {
    ++frames_refused_;
    return;
  }
  PeerDigests found{Seq{reply.committed()}, *state, {}};
  for (int i = 0; i < reply.lb_id_size(); ++i) {
    const auto id = LoadBalancerId::parse(reply.lb_id(i));
    const auto digest = digest_from(reply.digest(i));
    if (!id || !digest) {
      ++frames_refused_;
      return;
    }
    found.digests.emplace(*id, *digest);
  }
  finish_digests(found);
}

void PeerChannel::finish_digests(const std::optional<PeerDigests>& answer) {
  digests_timer_.cancel();
  for (const auto& done : std::exchange(digests_wanted_, {})) done(answer);
}

}  // namespace distributor::node
