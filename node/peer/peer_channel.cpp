#include "node/peer/peer_channel.hpp"

#include <utility>

#include "node/peer/peer_messages.pb.h"

namespace distributor::node {
namespace {

constexpr char kReplication = 1;
constexpr char kQuestions = 2;
constexpr char kDocuments = 3;
constexpr std::size_t kPendingMax = 64;      // further probes end at once without an answer
constexpr std::size_t kMacsPerProbeMax = 16;  // a larger question is refused
constexpr auto kAnswerTime = std::chrono::seconds(2);

std::string framed(char channel, std::string_view payload) {
  std::string frame;
  frame.reserve(payload.size() + 1);
  frame.push_back(channel);
  frame.append(payload);
  return frame;
}

std::optional<MacAddress> mac_from(const std::string& bytes) {
  MacAddress::Bytes octets{};
  if (bytes.size() != octets.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), octets.begin());
  return MacAddress(octets);
}

}  // namespace

PeerChannel::PeerChannel(boost::asio::io_context& loop, Send send, OnReplication on_replication, InterfacePresent present)
    : loop_(loop), send_(std::move(send)), on_replication_(std::move(on_replication)), present_(std::move(present)) {}

bool PeerChannel::send_replication(std::string_view payload) { return send_(framed(kReplication, payload)); }

bool PeerChannel::send_document(std::string_view frame) { return send_(framed(kDocuments, frame)); }

void PeerChannel::probe(const std::vector<MacAddress>& macs, ProbeDone done) {
  if (pending_.size() >= kPendingMax || macs.size() > kMacsPerProbeMax) return done(std::nullopt);
  const auto id = next_id_++;
  PeerMessage message;
  message.mutable_probe_request()->set_id(id);
  for (const auto& mac : macs) message.mutable_probe_request()->add_mac(mac.bytes().data(), mac.bytes().size());
  auto timer = std::make_unique<boost::asio::steady_timer>(loop_, kAnswerTime);
  timer->async_wait([this, id](boost::system::error_code error) {
    if (!error) finish(id, std::nullopt);
  });
  pending_.emplace(id, Pending{macs.size(), std::move(done), std::move(timer)});
  if (!send_(framed(kQuestions, message.SerializeAsString()))) finish(id, std::nullopt);
}

void PeerChannel::on_frame(std::string_view frame) {
  if (frame.empty()) {
    ++frames_refused_;
    return;
  }
  if (frame.front() == kReplication) return on_replication_(frame.substr(1));
  if (frame.front() == kDocuments) return on_document_(frame.substr(1));
  PeerMessage message;
  if (frame.front() != kQuestions || !message.ParseFromArray(frame.data() + 1, static_cast<int>(frame.size() - 1))) {
    ++frames_refused_;
    return;
  }
  on_question(message);
}

void PeerChannel::on_question(const PeerMessage& message) {
  if (message.has_probe_request() && message.probe_request().mac_size() <= static_cast<int>(kMacsPerProbeMax)) {
    PeerMessage answer;
    answer.mutable_probe_reply()->set_id(message.probe_request().id());
    for (const auto& bytes : message.probe_request().mac()) {
      const auto mac = mac_from(bytes);
      answer.mutable_probe_reply()->add_present(mac && present_(*mac));
    }
    send_(framed(kQuestions, answer.SerializeAsString()));
  } else if (message.has_probe_reply()) {
    const auto& reply = message.probe_reply();
    const auto found = pending_.find(reply.id());
    if (found == pending_.end() || static_cast<std::size_t>(reply.present_size()) != found->second.macs) return;
    finish(reply.id(), std::vector<bool>(reply.present().begin(), reply.present().end()));
  } else if (message.has_handover_request() && handover_hooks_.wanted) {
    const auto& request = message.handover_request();
    handover_hooks_.wanted(Seq{request.seq()}, std::chrono::milliseconds(request.limit_ms()), [this, id = request.id()](std::optional<std::string> why_not) {
      PeerMessage answer;
      answer.mutable_handover_reply()->set_id(id);
      answer.mutable_handover_reply()->set_gate_open(!why_not);
      answer.mutable_handover_reply()->set_reason(why_not.value_or(""));
      send_(framed(kQuestions, answer.SerializeAsString()));
    });
  } else if (message.has_handover_reply()) {
    const auto& reply = message.handover_reply();
    if (reply.id() != handover_id_ || !handover_asked_) return;
    const auto answer = std::exchange(handover_asked_, nullptr);
    answer(reply.gate_open() ? std::nullopt : std::optional(reply.reason()));
  } else if (message.has_handover_cancel() && handover_hooks_.cancelled) {
    handover_hooks_.cancelled();
  } else if (message.has_digest_request()) {
    send_digests(message.digest_request().id());
  } else if (message.has_digest_reply()) {
    on_digests(message.digest_reply());
  } else {
    ++frames_refused_;
  }
}

void PeerChannel::ask_handover(Seq seq, std::chrono::milliseconds limit, HandoverAnswer answer) {
  PeerMessage message;
  auto* request = message.mutable_handover_request();
  request->set_id(handover_id_ = next_id_++);
  request->set_seq(seq.value);
  request->set_limit_ms(static_cast<std::uint32_t>(limit.count()));
  handover_asked_ = std::move(answer);
  send_(framed(kQuestions, message.SerializeAsString()));
}

void PeerChannel::cancel_handover() {
  handover_asked_ = nullptr;
  PeerMessage message;
  message.mutable_handover_cancel();
  send_(framed(kQuestions, message.SerializeAsString()));
}

void PeerChannel::on_disconnected() {
  handover_asked_ = nullptr;
  finish_digests(std::nullopt);
  while (!pending_.empty()) finish(pending_.begin()->first, std::nullopt);
}

void PeerChannel::finish(std::uint64_t id, std::optional<std::vector<bool>> answer) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  auto done = std::move(found->second.done);
  pending_.erase(found);
  done(std::move(answer));
}

}  // namespace distributor::node
