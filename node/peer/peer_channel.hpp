// Splits the one link between the nodes into channels: replication, small questions of node to node, and the files that both hold alike.
// A frame is one channel octet and its payload. One thread (the event loop).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/registry/types.hpp"

namespace distributor::node {

class PeerMessage;
using DigestMap = std::map<LoadBalancerId, Digest>;

class PeerChannel {
 public:
  using Send = std::function<bool(std::string frame)>;  // false: no peer
  using OnReplication = std::function<void(std::string_view payload)>;
  using InterfacePresent = std::function<bool(const MacAddress&)>;  // on this node
  // One flag a MAC, or nothing: the peer is away or did not answer in time.
  using ProbeDone = std::function<void(std::optional<std::vector<bool>>)>;

  // A planned switchover, as the peer asks for it: `answer` once, with a reason if the gate is not open.
  using HandoverAnswer = std::function<void(std::optional<std::string> why_not)>;
  struct HandoverHooks {
    std::function<void(Seq seq, std::chrono::milliseconds limit, HandoverAnswer answer)> wanted;
    std::function<void()> cancelled;
  };
  struct PeerDigests {
    Seq committed;
    Digest state;
    DigestMap digests;
  };
  using DigestsDone = std::function<void(const std::optional<PeerDigests>&)>;  // or nothing, as above

  PeerChannel(boost::asio::io_context& loop, Send send, OnReplication on_replication, InterfacePresent present);

  bool send_replication(std::string_view payload);
  bool send_document(std::string_view frame);
  void on_documents(OnReplication take) { on_document_ = std::move(take); }
  void probe(const std::vector<MacAddress>& macs, ProbeDone done);
  void serve_handovers(HandoverHooks hooks) { handover_hooks_ = std::move(hooks); }
  // Asks the peer to open its gate. At most one answer; none if the peer goes away or says nothing: bound the wait. A new question
  // makes the answer to the one before void.
  void ask_handover(Seq seq, std::chrono::milliseconds limit, HandoverAnswer answer);
  void cancel_handover();
  void ask_digests(DigestsDone done);                        // of each load balancer: where two states differ
  void serve_digests(std::function<PeerDigests()> digests);  // what the peer is told when it asks
  void on_frame(std::string_view frame);  // garbage is dropped and counted
  void on_disconnected();                 // open questions end without an answer

  std::uint64_t frames_refused() const { return frames_refused_; }

 private:
  struct Pending {
    std::size_t macs = 0;
    ProbeDone done;
    std::unique_ptr<boost::asio::steady_timer> timer;
  };
  void on_question(const PeerMessage& message);
  void finish(std::uint64_t id, std::optional<std::vector<bool>> answer);
  void on_digests(const class DigestReply& reply);
  void send_digests(std::uint64_t id);
  void finish_digests(const std::optional<PeerDigests>& answer);

  boost::asio::io_context& loop_;
  Send send_;
  OnReplication on_replication_;
  InterfacePresent present_;
  OnReplication on_document_ = [](std::string_view) {};
  HandoverHooks handover_hooks_;
  HandoverAnswer handover_asked_;
  std::uint64_t handover_id_ = 0;
  std::map<std::uint64_t, Pending> pending_;
  std::vector<DigestsDone> digests_wanted_;  // all served by one question
  std::uint64_t digests_id_ = 0;
  boost::asio::steady_timer digests_timer_{loop_};
  std::function<PeerDigests()> own_digests_;
  std::uint64_t next_id_ = 1;
  std::uint64_t frames_refused_ = 0;
};

}  // namespace distributor::node
