#include "sync/link/link.hpp"

#include <zmq.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <deque>
#include <utility>

#include "sync/link/detail/rate_limit.hpp"
#include "sync/link/detail/zap.hpp"
#include "sync/link/detail/zmq_socket.hpp"

namespace distributor::link {

// zmq.h declares it among the drafts only; the library knows it by number since 4.3.
#ifdef ZMQ_ZAP_ENFORCE_DOMAIN
constexpr int kZapEnforceDomain = ZMQ_ZAP_ENFORCE_DOMAIN;
#else
constexpr int kZapEnforceDomain = 93;
#endif
namespace {

constexpr std::size_t kEarlyMessagesMax = 16;  // a peer says again what was not answered

using detail::ZmqSocket;
using SocketPtr = std::shared_ptr<ZmqSocket>;

constexpr std::size_t kMessageBytesCeiling = 64U << 20;

struct MonitorEvent {
  int kind = 0;
  std::uint32_t value = 0;
};

std::optional<MonitorEvent> read_monitor(ZmqSocket& socket) {
  const auto frames = socket.receive();
  if (!frames || frames->empty() || frames->front().size() < 6) return std::nullopt;
  std::uint16_t kind = 0;
  MonitorEvent event;
  std::memcpy(&kind, frames->front().data(), sizeof kind);
  std::memcpy(&event.value, frames->front().data() + sizeof kind, sizeof event.value);
  event.kind = kind;
  return event;
}

LinkError zeromq_error(const std::string& what) {
  return LinkError{LinkErrorCode::zeromq, what + ": " + zmq_strerror(zmq_errno())};
}

tl::expected<void, LinkError> check(const Config& config) {
  const auto bad = [](std::string text) {
    return tl::unexpected(LinkError{LinkErrorCode::bad_config, std::move(text)});
  };
  for (const std::string& endpoint : {config.bind_endpoint, config.peer_endpoint}) {
    if (!endpoint.starts_with("tcp://") && !endpoint.starts_with("ipc://")) {
      return bad("sync endpoint: wanted tcp://ADDRESS:PORT, found '" + endpoint + "'");
    }
  }
  if (config.peer_public_keys.empty() || config.peer_public_keys.size() > kPeerKeysMax) {
    return bad("sync peer keys: wanted 1 or 2, found " + std::to_string(config.peer_public_keys.size()));
  }
  if (config.message_bytes_max == 0 || config.message_bytes_max > kMessageBytesCeiling ||
      config.queue_messages_max < 1) {
    return bad("sync limits: message_bytes_max must be 1..64 MiB and queue_messages_max at least 1");
  }
  const auto bad_key = [](const KeyError& error) {
    return tl::unexpected(LinkError{LinkErrorCode::bad_key, error.message});
  };
  if (auto checked = check_key_pair(config.own_keys); !checked) return bad_key(checked.error());
  for (const std::string& key : config.peer_public_keys) {
    if (auto checked = check_public_key(key); !checked) return bad_key(checked.error());
    if (key == config.own_keys.public_key) {
      return bad("sync peer keys: this node's own key stands there; each node needs its own key pair");
    }
  }
  return {};
}

}  // namespace

struct Link::Impl : std::enable_shared_from_this<Link::Impl> {
  Impl(boost::asio::io_context& loop, Config the_config, Callbacks the_callbacks)
      : io(loop),
        config(std::move(the_config)),
        callbacks(std::move(the_callbacks)),
        rebuild_timer(loop),
        reports(config.report_interval),
        context(zmq_ctx_new()) {}
  ~Impl() { close(); }

  tl::expected<void, LinkError> open();
  tl::expected<void, LinkError> open_sender();
  tl::expected<void, LinkError> set_common(ZmqSocket& socket);
  SocketPtr monitor(ZmqSocket& watched, void (Impl::*handler)(const MonitorEvent&));
  void on_authentication(ZmqSocket& socket);
  void on_received(ZmqSocket& socket);
  void hand_up(const std::string& message);
  void on_sender_event(const MonitorEvent& event);
  void on_receiver_event(const MonitorEvent& event);
  void lost(const std::string& reason);
  void rebuild_sender_in(std::chrono::milliseconds delay);
  void intruder(const std::string& reason);
  void trouble(const std::string& reason);
  void close_sender();
  void close();
  SocketPtr socket(int type, std::function<void(ZmqSocket&)> on_readable) {
    return ZmqSocket::open(io, context, type, std::move(on_readable));
  }

  boost::asio::io_context& io;
  Config config;
  Callbacks callbacks;
  boost::asio::steady_timer rebuild_timer;
  detail::RateLimit reports;
  void* context = nullptr;
  SocketPtr authenticator, receiver, receiver_monitor, sender, sender_monitor;
  std::deque<std::string> early;  // while the own connection does not stand
  std::uint64_t monitors_made = 0;
  bool reset_posted = false;
  bool rebuild_planned = false;
  bool try_other_key = false;        // one failure makes several events
  std::size_t server_key_index = 0;  // which of the peer's keys the next connection expects
  Stats stats;
};

tl::expected<void, LinkError> Link::Impl::set_common(ZmqSocket& s) {
  const auto ms = [](std::chrono::milliseconds value) { return static_cast<int>(value.count()); };
  const bool ok = s.set(ZMQ_MAXMSGSIZE, static_cast<std::int64_t>(config.message_bytes_max)) &&
                  s.set(ZMQ_SNDHWM, config.queue_messages_max) && s.set(ZMQ_RCVHWM, config.queue_messages_max) &&
                  s.set(ZMQ_SNDTIMEO, 0) && s.set(ZMQ_HANDSHAKE_IVL, ms(config.handshake_timeout)) &&
                  s.set(ZMQ_HEARTBEAT_IVL, ms(config.heartbeat_interval)) &&
                  s.set(ZMQ_HEARTBEAT_TIMEOUT, ms(config.heartbeat_timeout)) &&
                  s.set(ZMQ_HEARTBEAT_TTL, ms(config.heartbeat_timeout)) &&
                  s.set(ZMQ_IPV6, config.bind_endpoint.find('[') != std::string::npos ||
                                          config.peer_endpoint.find('[') != std::string::npos
                                      ? 1
                                      : 0) &&
                  s.set(ZMQ_CURVE_SECRETKEY, config.own_keys.secret_key) &&
                  s.set(ZMQ_CURVE_PUBLICKEY, config.own_keys.public_key);
  if (!ok) return tl::unexpected(zeromq_error("sync socket options"));
  return {};
}

// The monitor needs an unbounded queue: ZeroMQ's own thread blocks on a full one. It is drained by the loop at once.
SocketPtr Link::Impl::monitor(ZmqSocket& watched, void (Impl::*handler)(const MonitorEvent&)) {
  constexpr int kEvents = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                          ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                          ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
  const std::string name = "inproc://monitor." + std::to_string(monitors_made++);
  auto made = socket(ZMQ_PAIR, [this, handler](ZmqSocket& s) {
    if (const auto event = read_monitor(s)) (this->*handler)(*event);
  });
  if (!made || !made->set(ZMQ_RCVHWM, 0) || zmq_socket_monitor(watched.handle(), name.c_str(), kEvents) != 0 ||
      zmq_connect(made->handle(), name.c_str()) != 0) {
    return nullptr;
  }
  made->start();
  return made;
}

tl::expected<void, LinkError> Link::Impl::open() {
  if (context == nullptr) return tl::unexpected(zeromq_error("ZeroMQ context"));
  // The authenticator answers before the first socket is bound: without it CURVE encrypts but admits any key.
  authenticator = socket(ZMQ_REP, [this](ZmqSocket& s) { on_authentication(s); });
  if (!authenticator || zmq_bind(authenticator->handle(), "inproc://zeromq.zap.01") != 0) {
    return tl::unexpected(zeromq_error("ZeroMQ authenticator"));
  }
  authenticator->start();

  receiver = socket(ZMQ_DEALER, [this](ZmqSocket& s) { on_received(s); });
  if (!receiver) return tl::unexpected(zeromq_error("sync socket"));
  if (auto set = set_common(*receiver); !set) return set;
  if (!receiver->set(ZMQ_CURVE_SERVER, 1) || !receiver->set(ZMQ_ZAP_DOMAIN, config.zap_domain) ||
      !receiver->set(kZapEnforceDomain, 1)) {
    return tl::unexpected(zeromq_error("sync socket options"));
  }
  receiver_monitor = monitor(*receiver, &Impl::on_receiver_event);
  if (!receiver_monitor) return tl::unexpected(zeromq_error("sync socket monitor"));
  if (zmq_bind(receiver->handle(), config.bind_endpoint.c_str()) != 0) {
    return tl::unexpected(LinkError{
        LinkErrorCode::cannot_bind,
        config.bind_endpoint + ": " + zmq_strerror(zmq_errno()) + "; is the address on this node, the port free?"});
  }
  receiver->start();
  return open_sender();
}

tl::expected<void, LinkError> Link::Impl::open_sender() {
  sender = socket(ZMQ_DEALER, [](ZmqSocket& s) { s.receive(); });  // the peer never sends on this one
  if (!sender) return tl::unexpected(zeromq_error("sync socket"));
  if (auto set = set_common(*sender); !set) return set;
  const std::string& server_key = config.peer_public_keys[server_key_index % config.peer_public_keys.size()];
  const auto ms = [](std::chrono::milliseconds value) { return static_cast<int>(value.count()); };
  // IMMEDIATE: nothing is queued for a peer that is not there.
  if (!sender->set(ZMQ_CURVE_SERVERKEY, server_key) || !sender->set(ZMQ_IMMEDIATE, 1) ||
      !sender->set(ZMQ_RECONNECT_IVL, ms(config.reconnect_min)) ||
      !sender->set(ZMQ_RECONNECT_IVL_MAX, ms(config.reconnect_max)) ||
      !sender->set(ZMQ_CONNECT_TIMEOUT, ms(config.handshake_timeout))) {
    return tl::unexpected(zeromq_error("sync socket options"));
  }
  sender_monitor = monitor(*sender, &Impl::on_sender_event);
  if (!sender_monitor) return tl::unexpected(zeromq_error("sync socket monitor"));
  if (zmq_connect(sender->handle(), config.peer_endpoint.c_str()) != 0) {
    return tl::unexpected(
        LinkError{LinkErrorCode::bad_config, config.peer_endpoint + ": " + zmq_strerror(zmq_errno())});
  }
  sender->start();
  return {};
}

void Link::Impl::on_authentication(ZmqSocket& s) {
  const auto request = s.receive();
  if (!request) return;
  const auto verdict = detail::judge(*request, config.zap_domain, config.peer_public_keys, config.own_keys.public_key);
  // A REP socket has to answer, also what is no request.
  const std::vector<std::string> reply =
      verdict.answerable ? verdict.reply : std::vector<std::string>{"1.0", "", "500", "not understood", "", ""};
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const int more = i + 1 < reply.size() ? ZMQ_SNDMORE : 0;
    zmq_send(s.handle(), reply[i].data(), reply[i].size(), ZMQ_DONTWAIT | more);
  }
  if (verdict.admitted) {
    ++stats.admitted;
  } else if (verdict.answerable) {
    intruder(verdict.reason);
  }
}

void Link::Impl::on_received(ZmqSocket& s) {
  const auto message = s.receive();
  if (!message || message->size() != 1) return;  // ours have one frame
  if (stats.connected) return hand_up(message->front());
  // Read all the same: what lies unread stays in memory with every connection that the peer makes anew.
  if (early.size() == kEarlyMessagesMax) early.pop_front();
  early.push_back(message->front());
}

void Link::Impl::hand_up(const std::string& message) {
  ++stats.received;
  if (callbacks.on_message) callbacks.on_message(message);
}

void Link::Impl::on_sender_event(const MonitorEvent& event) {
  switch (event.kind) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      if (stats.connected) return;
      stats.connected = true;
      try_other_key = false;
      ++stats.connects;
      rebuild_planned = false;
      rebuild_timer.cancel();
      if (callbacks.on_peer_connected) callbacks.on_peer_connected();
      for (const auto& message : std::exchange(early, {})) hand_up(message);
      return;
    case ZMQ_EVENT_DISCONNECTED:
      if (stats.connected) {
        rebuild_sender_in(config.reconnect_min);
        lost("the connection to " + config.peer_endpoint + " ended");
      } else {
        try_other_key = true;  // it hung up in the handshake: perhaps it has its other key already
        rebuild_sender_in(config.reconnect_max);
      }
      return;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      trouble(config.peer_endpoint + " refuses this node's key (status " + std::to_string(event.value) + "): put " +
              config.own_keys.public_key + " into the peer's peer key file");
      rebuild_sender_in(config.reconnect_max);
      return;
    default:
      trouble(config.peer_endpoint + ": no handshake (ZeroMQ event " + std::to_string(event.kind) +
              "): is it the peer's sync port, and does this node hold the peer's present key?");
      try_other_key = true;
      rebuild_sender_in(config.reconnect_max);
      return;
  }
}

void Link::Impl::on_receiver_event(const MonitorEvent& event) {
  if (event.kind == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL || event.kind == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
    intruder("refused a connection to " + config.bind_endpoint +
             " in the handshake: no encryption, or encrypted for another server key");
  }  // refused keys (HANDSHAKE_FAILED_AUTH) are counted by the authenticator, which knows the key
}

void Link::Impl::lost(const std::string& reason) {
  if (!stats.connected) return;
  stats.connected = false;
  ++stats.disconnects;
  if (callbacks.on_peer_disconnected) callbacks.on_peer_disconnected(reason);
}

// ZeroMQ reconnects by itself after a lost connection, but never after a refused handshake: a new socket serves both.
void Link::Impl::rebuild_sender_in(std::chrono::milliseconds delay) {
  // Failures come faster than `delay`: they must not put it off for ever.
  const auto due = std::chrono::steady_clock::now() + delay;
  if (rebuild_planned && rebuild_timer.expiry() <= due) return;
  rebuild_planned = true;
  rebuild_timer.expires_at(due);
  rebuild_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    auto self = weak.lock();
    if (error || !self || self->context == nullptr) return;
    self->rebuild_planned = false;
    if (self->stats.connected) return;
    if (std::exchange(self->try_other_key, false)) ++self->server_key_index;
    self->close_sender();
    if (auto opened = self->open_sender(); !opened) {
      self->trouble(opened.error().message);
      self->rebuild_sender_in(self->config.reconnect_max);
    }
  });
}

void Link::Impl::intruder(const std::string& reason) {
  ++stats.intruders;
  if (callbacks.on_intruder && reports.due(reason, detail::RateLimit::Clock::now())) callbacks.on_intruder(reason);
}

void Link::Impl::trouble(const std::string& reason) {
  if (callbacks.on_trouble && reports.due(reason, detail::RateLimit::Clock::now())) callbacks.on_trouble(reason);
}

void Link::Impl::close_sender() {
  // Stop monitoring before its reader goes: ZeroMQ's thread would block on a monitor that nobody reads.
  if (sender && sender->handle() != nullptr) zmq_socket_monitor(sender->handle(), nullptr, 0);
  if (sender_monitor) sender_monitor->close();
  if (sender) sender->close();
  sender_monitor.reset();
  sender.reset();
}

void Link::Impl::close() {
  if (context == nullptr) return;
  callbacks = {};
  rebuild_timer.cancel();
  close_sender();
  if (receiver && receiver->handle() != nullptr) zmq_socket_monitor(receiver->handle(), nullptr, 0);
  for (SocketPtr* s : {&receiver_monitor, &receiver, &authenticator}) {
    if (*s) (*s)->close();
    s->reset();
  }
  zmq_ctx_term(context);
  context = nullptr;
}

tl::expected<std::unique_ptr<Link>, LinkError> Link::create(boost::asio::io_context& io, Config config,
                                                            Callbacks callbacks) {
  if (auto checked = check(config); !checked) return tl::unexpected(checked.error());
  auto impl = std::make_shared<Impl>(io, std::move(config), std::move(callbacks));
  if (auto opened = impl->open(); !opened) return tl::unexpected(opened.error());
  return std::unique_ptr<Link>(new Link(std::move(impl)));
}

Link::Link(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Link::~Link() {
  impl_->close();
}

SendResult Link::send(std::string_view bytes) {
  Impl& link = *impl_;
  if (bytes.size() > link.config.message_bytes_max) {
    ++link.stats.too_big;
    return SendResult::too_big;
  }
  if (!link.stats.connected || !link.sender || link.reset_posted) return SendResult::not_connected;
  const auto try_send = [&] { return zmq_send(link.sender->handle(), bytes.data(), bytes.size(), ZMQ_DONTWAIT) >= 0; };
  // ZeroMQ may not have looked at its own commands yet (a new connection, room made in the queue): writable() makes it
  // look.
  if (!try_send() && !(link.sender->writable() && try_send())) {
    ++link.stats.would_block;
    reset("the queue to " + link.config.peer_endpoint + " is full");
    return SendResult::would_block;
  }
  ++link.stats.sent;
  link.sender->poke();
  return SendResult::sent;
}

void Link::reset(const std::string& reason) {
  if (std::exchange(impl_->reset_posted, true)) return;
  boost::asio::post(impl_->io, [weak = std::weak_ptr<Impl>(impl_), reason] {
    const auto impl = weak.lock();
    if (!impl || impl->context == nullptr) return;
    impl->reset_posted = false;
    impl->rebuild_sender_in(std::chrono::milliseconds(0));
    impl->lost(reason);
  });
}

Stats Link::stats() const {
  return impl_->stats;
}

}  // namespace distributor::link
