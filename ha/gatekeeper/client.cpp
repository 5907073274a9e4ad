#include "ha/gatekeeper/client.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <utility>

#include "ha/gatekeeper/detail/seqpacket.hpp"

namespace distributor::gatekeeper {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kSilentBeatsMax = 4;  // without an answer: the gatekeeper is hung or gone

}  // namespace

struct GatekeeperClient::Impl : std::enable_shared_from_this<GatekeeperClient::Impl> {
  Impl(boost::asio::io_context& io, Config the_config, ClientCallbacks the_callbacks)
      : config(std::move(the_config)), callbacks(std::move(the_callbacks)), descriptor(io), timer(io) {}

  void beat_later(Clock::duration wait);
  void try_connect();
  void beat();
  void wait_reply(unsigned connection);
  void read_replies();
  void take(const Reply& reply);
  void disconnect();
  void say_connected(bool now_connected);

  Config config;
  ClientCallbacks callbacks;
  boost::asio::posix::stream_descriptor descriptor;
  boost::asio::steady_timer timer;
  Beat next;
  bool connected = false;  // it answers
  bool said = false;
  bool closed = false;
  int unanswered = 0;
  unsigned connection = 0;
};

void GatekeeperClient::Impl::beat_later(Clock::duration wait) {
  timer.expires_after(wait);
  timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->closed) return;
    self->beat();
    if (!self->closed) self->beat_later(self->config.beat_interval);
  });
}

void GatekeeperClient::Impl::try_connect() {
  const auto fd = detail::connect_seqpacket(config.socket_path);
  if (!fd) return;
  descriptor.assign(*fd);
  unanswered = 0;
  wait_reply(++connection);
}

void GatekeeperClient::Impl::beat() {
  if (!descriptor.is_open()) try_connect();
  if (!descriptor.is_open()) return say_connected(false);
  if (unanswered >= kSilentBeatsMax) return disconnect();
  ++next.seq;
  ++unanswered;
  if (detail::send_packet(descriptor.native_handle(), encode(next)) == detail::Io::closed) disconnect();
}

void GatekeeperClient::Impl::wait_reply(unsigned of_connection) {
  descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [weak = weak_from_this(), of_connection](const boost::system::error_code& error) {
                          const auto self = weak.lock();
                          if (error || !self || self->closed || of_connection != self->connection) return;
                          self->read_replies();
                          if (self->descriptor.is_open() && of_connection == self->connection)
                            self->wait_reply(of_connection);
                        });
}

void GatekeeperClient::Impl::read_replies() {
  MessageBytes buffer{};
  std::size_t bytes = 0;
  while (descriptor.is_open()) {
    const auto result = detail::receive_packet(descriptor.native_handle(), buffer, bytes);
    if (result == detail::Io::would_block) return;
    if (result == detail::Io::closed) return disconnect();
    if (const auto reply = decode_reply(std::span(buffer).first(bytes))) take(*reply);
  }
}

void GatekeeperClient::Impl::take(const Reply& reply) {
  unanswered = 0;
  say_connected(true);
  const bool news = reply.episode != next.episode_seen;
  next.episode_seen = reply.episode;
  if (!reply.declared_dead || !news) return;
  if (callbacks.on_declared_dead) callbacks.on_declared_dead(reply);
  if (!closed) beat();  // takes note at once
}

void GatekeeperClient::Impl::disconnect() {
  if (descriptor.is_open()) {
    boost::system::error_code ignored;
    descriptor.close(ignored);
    ++connection;
  }
  say_connected(false);
}

void GatekeeperClient::Impl::say_connected(bool now_connected) {
  if (said && connected == now_connected) return;
  said = true;
  connected = now_connected;
  if (callbacks.on_connection) callbacks.on_connection(now_connected);
}

GatekeeperClient::GatekeeperClient(boost::asio::io_context& io, Config config, ClientCallbacks callbacks)
    : impl_(std::make_shared<Impl>(io, std::move(config), std::move(callbacks))) {
  impl_->beat_later(Clock::duration(0));
}

GatekeeperClient::~GatekeeperClient() {
  impl_->closed = true;
  impl_->timer.cancel();
  boost::system::error_code ignored;
  if (impl_->descriptor.is_open()) impl_->descriptor.close(ignored);
}

void GatekeeperClient::set_state(keepalived::VrrpState vrrp, bool gate_open) {
  if (impl_->next.vrrp == vrrp && impl_->next.gate_open == gate_open) return;
  impl_->next.vrrp = vrrp;
  impl_->next.gate_open = gate_open;
  if (impl_->descriptor.is_open()) impl_->beat_later(Clock::duration(0));
}

bool GatekeeperClient::connected() const {
  return impl_->connected;
}

}  // namespace distributor::gatekeeper
