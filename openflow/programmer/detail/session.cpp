#include "openflow/programmer/detail/session.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace distributor::programmer::detail {
namespace {

constexpr std::size_t kReadBytes = 256U << 10U;
constexpr std::uint32_t kHelloXid = 1;
constexpr std::uint32_t kFeaturesXid = 2;
constexpr std::uint32_t kConfigXid = 3;
constexpr std::uint32_t kProbeXid = 4;

}  // namespace

Session::Session(boost::asio::io_context& io, const Options& options, Handlers handlers)
    : io_(io), timer_(io), options_(options), handlers_(std::move(handlers)), read_buffer_(kReadBytes, '\0') {}

void Session::connect() {
  auto stream = open_stream(io_, options_.target);
  if (!stream) return fail(stream.error());
  stream_ = std::move(*stream);
  last_heard_ = std::chrono::steady_clock::now();
  timer_.expires_after(std::chrono::milliseconds(options_.reply_timeout_ms));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && !self->closed_) self->fail("no connection to " + self->options_.target.text() + " in time");
  });
  stream_->connect([self = shared_from_this()](const boost::system::error_code& error) {
    if (self->closed_) return;
    if (error) return self->fail("cannot connect to " + self->options_.target.text() + ": " + error.message());
    self->reached_ = true;
    // OVS takes requests behind a hello that it has not answered yet: one round trip less.
    self->send(wire::encode_hello(kHelloXid) + wire::encode_set_config(kConfigXid, 0xffff) +
                   wire::encode_features_request(kFeaturesXid),
               Lane::urgent);
    self->read();
    self->probe();
  });
}

void Session::close() {
  silenced_ = true;
  shut();
}

void Session::shut() {
  closed_ = true;
  ready_ = false;
  if (stream_) stream_->close();
  timer_.cancel();
  urgent_.clear();
  bulk_.clear();
}

void Session::fail(const std::string& why) {
  if (closed_) return;
  shut();
  // Behind what runs now: the owner may be in the middle of a call into this session.
  boost::asio::post(timer_.get_executor(), [self = shared_from_this(), why] {
    if (!self->silenced_) self->handlers_.on_closed(why);
  });
}

void Session::send(std::string bytes, Lane lane) {
  if (closed_) return;
  queued_bytes_ += bytes.size();
  (lane == Lane::urgent ? urgent_ : bulk_).push_back(std::move(bytes));
  write();
}

void Session::write() {
  if (closed_ || !writing_.empty()) return;
  std::deque<std::string>& lane = urgent_.empty() ? bulk_ : urgent_;
  if (lane.empty()) return;
  writing_ = std::move(lane.front());
  lane.pop_front();
  stream_->write(boost::asio::buffer(writing_), [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
    if (self->closed_) return;
    if (error) return self->fail("writing to the bridge failed: " + error.message());
    self->queued_bytes_ -= self->writing_.size();
    self->writing_.clear();
    self->write();
  });
}

void Session::read() {
  stream_->read_some(boost::asio::buffer(read_buffer_), [self = shared_from_this()](const boost::system::error_code& error, std::size_t count) {
    if (self->closed_) return;
    if (error) return self->fail("the bridge closed the connection: " + error.message());
    self->on_bytes(count);
  });
}

void Session::on_bytes(std::size_t count) {
  last_heard_ = std::chrono::steady_clock::now();
  framer_.push(std::string_view(read_buffer_).substr(0, count));
  while (!closed_) {
    const auto next = framer_.next();
    if (!next) return fail(next.error().message);
    if (!*next) break;
    if (!handle(**next)) return;
  }
  if (!closed_) read();
}

bool Session::handle(std::string_view bytes) {
  const auto message = wire::decode_header(bytes);
  if (!message) return fail(message.error().message), false;
  if (message->type == wire::MessageType::hello) {
    if (const auto agreed = wire::check_hello(*message); !agreed) return fail(agreed.error().message), false;
    greeted_ = true;
    return true;
  }
  if (!greeted_) return fail("the bridge did not begin with a hello"), false;
  switch (message->type) {
    case wire::MessageType::echo_request:
      send(wire::encode_echo_reply(message->xid, message->body), Lane::urgent);
      return true;
    case wire::MessageType::echo_reply:
      return true;
    case wire::MessageType::features_reply:
      if (const auto features = wire::decode_features(message->body); !features)
        return fail(features.error().message), false;
      if (!std::exchange(ready_, true)) handlers_.on_ready();
      return !closed_;
    case wire::MessageType::error:
      if (message->xid < kReservedXids) {
        const auto error = wire::decode_error(message->body);
        return fail("the bridge refused the greeting: " + (error ? error->text() : error.error().message)), false;
      }
      break;
    default:
      break;
  }
  handlers_.on_message(*message);
  return !closed_;
}

// Any byte from the bridge counts as life; silence is met with a probe, and ends the connection when it lasts.
void Session::probe() {
  timer_.expires_after(std::chrono::milliseconds(options_.echo_interval_ms));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error || self->closed_) return;
    const auto silent = std::chrono::steady_clock::now() - self->last_heard_;
    if (silent > std::chrono::milliseconds(self->options_.reply_timeout_ms)) {
      return self->fail("the bridge has been silent for more than " + std::to_string(self->options_.reply_timeout_ms) +
                        " ms");
    }
    if (silent >= std::chrono::milliseconds(self->options_.echo_interval_ms) / 2)
      self->send(wire::encode_echo_request(kProbeXid), Lane::urgent);
    self->probe();
  });
}

}  // namespace distributor::programmer::detail
