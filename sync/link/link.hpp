// The sync link: one DEALER-DEALER connection per direction between the two nodes, encrypted and authenticated by CURVE
// (X2). Carries bytes and knows nothing of their meaning. Each node binds one socket to receive and connects one to
// send.
//
// What the user may rely on: messages arrive whole, in order, at most once, and only between on_peer_connected and
// on_peer_disconnected (of earlier ones the newest 16 wait). Messages in flight when a connection breaks
// are lost: the user numbers, acknowledges and resends. Everything runs on the thread of the io_context.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "sync/link/keys.hpp"

namespace distributor::link {

struct Config {
  std::string bind_endpoint;  // "tcp://192.0.2.1:9444", "ipc:///run/x": where this node receives
  std::string peer_endpoint;  // the peer's bind_endpoint
  KeyPair own_keys;
  std::vector<std::string> peer_public_keys;  // 1..kPeerKeysMax, Z85; nobody else is admitted
  std::string zap_domain = "distributor";     // shows up in refusals only
  std::size_t message_bytes_max = 1 << 20;    // a longer frame ends the connection that brought it
  int queue_messages_max = 256;  // each way; far above the user's own window. Full = the peer counts as lost
  std::chrono::milliseconds handshake_timeout{2000};
  std::chrono::milliseconds heartbeat_interval{250};
  std::chrono::milliseconds heartbeat_timeout{1000};  // silence after which a half-open connection is ended
  std::chrono::milliseconds reconnect_min{50};
  std::chrono::milliseconds reconnect_max{500};
  std::chrono::milliseconds report_interval{60'000};  // same intruder, same reason: reported once in this time
};

struct Callbacks {
  std::function<void(std::string_view bytes)> on_message;
  std::function<void()> on_peer_connected;  // handshake done: send() works from here on
  std::function<void(const std::string& reason)> on_peer_disconnected;
  std::function<void(const std::string& reason)> on_intruder;  // somebody was refused; rate limited, counted in Stats
  std::function<void(const std::string& reason)> on_trouble;   // the peer refuses us, wrong keys, ...; rate limited
};

enum class SendResult {
  sent,           // handed to ZeroMQ; not proof that it arrived
  not_connected,  // no handshake yet or any more: nothing was queued
  would_block,  // queue full: the peer counts as lost. on_peer_disconnected follows (posted), then the link reconnects
  too_big,      // above message_bytes_max: a fault of the caller; the connection stands
};

struct Stats {
  bool connected = false;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t connects = 0;
  std::uint64_t disconnects = 0;
  std::uint64_t would_block = 0;
  std::uint64_t too_big = 0;
  std::uint64_t admitted = 0;   // handshakes of the peer that our ZAP handler let in
  std::uint64_t intruders = 0;  // refused: unknown key, no encryption, wrong server key, wrong domain
};

enum class LinkErrorCode { bad_config, bad_key, cannot_bind, zeromq };
struct LinkError {
  LinkErrorCode code;
  std::string message;
};

class Link {
 public:
  // Binds and starts connecting. The io_context must outlive the Link. Callbacks never run
  // inside create(), send() or reset(); a callback must not destroy the Link.
  static tl::expected<std::unique_ptr<Link>, LinkError> create(boost::asio::io_context& io, Config config,
                                                               Callbacks callbacks);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  SendResult send(std::string_view bytes);

  // Ends the outgoing connection and starts a new one; if it was connected, on_peer_disconnected follows (posted).
  // What it had queued is dropped.
  void reset(const std::string& reason);

  Stats stats() const;

 private:
  struct Impl;
  explicit Link(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::link
