// One file that both nodes hold alike: the server's certificate, the agent configuration (P2). Whoever takes a new one writes it,
// uses it, and hands it to the other before the answer. What the other lacks is remembered on disk and handed over at contact.
//
// A generation counts the changes, from 65,536 times the replication term on: of two different contents the one that was given in the
// higher term stands (who led later was asked later), then the one of the higher generation, then of the higher digest. Both nodes can be
// given one alone (a partition): one of the two stands in the end, on both nodes, and either was checked to be usable.
// Generation 0 is what the image brought: each node keeps its own until the first PUT. Decisions only; files and sockets are hooks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "api/errors/api_error.hpp"
#include "sync/registry/types.hpp"

namespace distributor::node {

enum class DocumentKind : std::uint8_t { certificate = 1, agent_config = 2 };
std::string_view name_of(DocumentKind kind);

inline constexpr std::size_t kDocumentBytesMax = 64 * 1024;

// What is remembered on disk beside the content.
struct DocumentRecord {
  std::uint64_t generation = 0;
  Digest digest;                      // of the content; meaningless at generation 0
  std::uint64_t peer_generation = 0;  // newest one that the peer is known to hold
  friend bool operator==(const DocumentRecord&, const DocumentRecord&) = default;
};

class Document {
 public:
  using Clock = std::chrono::steady_clock;
  struct Hooks {
    // Checks, writes durably and uses; on an error everything stays as it was.
    std::function<tl::expected<void, api::ApiError>(const std::string& content)> adopt;
    std::function<std::string()> read;  // the present content; empty: there is none
    std::function<void(const DocumentRecord&)> remember;
    std::function<Term()> term;            // of the replication, as this node knows it; never goes back
    std::function<bool(std::string_view frame)> send;  // to the peer; false: not connected
    std::function<void(bool bad, const std::string& line)> log;
  };
  struct Outcome {
    bool changed = false;
    bool on_peer = false;
    std::string note;  // why not, if there is a peer
  };
  using Done = std::function<void(tl::expected<Outcome, api::ApiError>)>;

  // has_peer: one is configured. A content that is not the remembered one was put there by hand, and is the newest.
  Document(DocumentKind kind, bool has_peer, DocumentRecord record, Hooks hooks);

  // A new content. Called back once: at once, when the peer has answered, or at a tick after kPeerTime.
  void put(const std::string& content, Done done, Clock::time_point now);
  // The file was changed by hand and is in use now.
  void changed_by_hand(Clock::time_point now);

  void on_connected(Clock::time_point now);
  void on_disconnected();
  void on_frame(std::string_view frame, Clock::time_point now);  // of this kind
  void tick(Clock::time_point now);

  static constexpr auto kPeerTime = std::chrono::seconds(3);        // for the peer to answer a push
  static constexpr auto kOfferPause = std::chrono::seconds(5);      // between offers, while the peer is not known to hold the same
  static constexpr auto kRefusalPause = std::chrono::seconds(60);   // after the peer refused it
  static constexpr std::size_t kWaitingMax = 64;                    // PUTs that wait for the peer; further ones get too_busy

  const DocumentRecord& record() const { return record_; }
  bool peer_lacks() const { return has_peer_ && record_.generation > 0 && record_.peer_generation != record_.generation; }

 private:
  struct Waiting {
    std::uint64_t generation;
    bool changed;
    Clock::time_point give_up;
    Done done;
  };
  void take(std::uint64_t generation, const Digest& digest);
  std::uint64_t next_generation() const;
  void peer_has(std::uint64_t generation);
  bool offer(Clock::time_point now);
  bool push();
  void finish(std::uint64_t up_to, bool on_peer, const std::string& note);
  void on_offer(std::uint64_t generation, const Digest& digest, Clock::time_point now);
  void acknowledge(std::uint64_t generation, const Digest& digest, const std::string& refusal);
  void on_push(std::uint64_t generation, const std::string& content);
  bool mine_is_newer_than(std::uint64_t generation, const Digest& digest) const;

  DocumentKind kind_;
  bool has_peer_;
  DocumentRecord record_;
  Hooks hooks_;
  bool connected_ = false;
  Clock::time_point offered_{};
  std::list<Waiting> waiting_;
};

// Of which kind a frame is; nothing: garbage.
std::optional<DocumentKind> kind_of_frame(std::string_view frame);

}  // namespace distributor::node
