#include "openflow/ovsdb/detail/session.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

namespace distributor::ovsdb::detail {
namespace asio = boost::asio;
namespace json = boost::json;
using ErrorCodeAsio = boost::system::error_code;

void Session::start(Handlers handlers) {
  handlers_ = std::move(handlers);
  backoff_ = config_.backoff_min;
  connect();
}

void Session::stop() {
  stopped_ = true;
  open_ = false;
  ++connection_;
  waiting_.clear();
  handlers_ = {};
  timer_.cancel();
  ErrorCodeAsio ignored;
  socket_.close(ignored);
}

void Session::connect() {
  const std::uint64_t connection = ++connection_;
  framer_ = std::make_unique<JsonFramer>(config_.message_bytes_max);
  output_.clear();
  output_bytes_ = 0;
  probing_ = false;
  if (config_.socket_path.size() >= 108) {  // sun_path; asio would throw
    return retry_later("the socket path " + config_.socket_path + " is longer than 107 bytes");
  }
  socket_.async_connect(asio::local::stream_protocol::endpoint(config_.socket_path),
                        [self = shared_from_this(), connection](const ErrorCodeAsio& error) {
                          if (self->stopped_ || connection != self->connection_) return;
                          if (error) return self->retry_later("cannot connect: " + error.message());
                          self->open_ = true;
                          self->failure_logged_ = false;
                          self->last_heard_ = Clock::now();
                          self->handlers_.log(false, "connected to ovsdb-server at " + self->config_.socket_path);
                          self->read();
                          self->watch();
                          self->handlers_.connected();
                        });
}

void Session::retry_later(const std::string& why) {
  const std::uint64_t connection = ++connection_;
  ErrorCodeAsio ignored;
  socket_.close(ignored);
  if (!failure_logged_) {
    failure_logged_ = true;
    handlers_.log(true, "ovsdb-server at " + config_.socket_path + ": " + why + "; trying again until it answers");
  }
  timer_.expires_after(backoff_);
  backoff_ = std::min(backoff_ * 2, config_.backoff_max);
  timer_.async_wait([self = shared_from_this(), connection](const ErrorCodeAsio& error) {
    if (!error && !self->stopped_ && connection == self->connection_) self->connect();
  });
}

void Session::fail(const std::string& why) {
  if (!open_) return;
  open_ = false;
  retry_later(why);
  auto waiting = std::exchange(waiting_, {});
  for (auto& [id, request] : waiting) {
    refuse(std::move(request.reply), ErrorCode::disconnected,
           "ovsdb-server was lost before it answered '" + request.method + "': " + why);
  }
  handlers_.disconnected();
}

void Session::refuse(Reply reply, ErrorCode code, std::string message) {
  asio::post(io_, [self = shared_from_this(), reply = std::move(reply), code, message = std::move(message)] {
    if (!self->stopped_) reply(tl::unexpected(Error{code, message}));
  });
}

void Session::request(const std::string& method, json::array params, Reply reply) {
  if (!open_) {
    return refuse(std::move(reply), ErrorCode::disconnected,
                  "no connection to ovsdb-server at " + config_.socket_path + "; is it running?");
  }
  if (waiting_.size() >= config_.requests_max) {
    return refuse(std::move(reply), ErrorCode::limit,
                  std::to_string(config_.requests_max) + " requests to ovsdb-server wait already; try again later");
  }
  const std::uint64_t id = next_id_++;
  waiting_.emplace(id, Waiting{method, std::move(reply), Clock::now() + config_.request_timeout});
  send({{"id", id}, {"method", method}, {"params", std::move(params)}});
}

void Session::send(const json::object& message) {
  output_.push_back(json::serialize(message));
  output_bytes_ += output_.back().size();
  if (output_bytes_ > config_.message_bytes_max) return fail("it does not read what it is sent");
  if (output_.size() == 1) write();
}

void Session::write() {
  asio::async_write(socket_, asio::buffer(output_.front()),
                    [self = shared_from_this(), connection = connection_](const ErrorCodeAsio& error, std::size_t) {
                      if (self->stopped_ || connection != self->connection_) return;
                      if (error) return self->fail("cannot write: " + error.message());
                      self->output_bytes_ -= self->output_.front().size();
                      self->output_.pop_front();
                      if (!self->output_.empty()) self->write();
                    });
}

void Session::read() {
  socket_.async_read_some(asio::buffer(input_), [self = shared_from_this(), connection = connection_](
                                                    const ErrorCodeAsio& error, std::size_t bytes) {
    if (self->stopped_ || connection != self->connection_) return;
    if (error) return self->fail("connection ended: " + error.message());
    self->received(bytes);
    if (!self->stopped_ && connection == self->connection_) self->read();
  });
}

void Session::received(std::size_t bytes) {
  last_heard_ = Clock::now();
  probing_ = false;
  auto messages = framer_->push({input_.data(), bytes});
  if (!messages) return fail(messages.error());
  const std::uint64_t connection = connection_;
  for (const auto& message : *messages) {
    dispatch(message);
    if (stopped_ || connection != connection_) return;
  }
}

void Session::dispatch(const json::value& message) {
  const json::object* object = message.if_object();
  const json::value* id = object != nullptr ? object->if_contains("id") : nullptr;
  if (id == nullptr) return fail("a message has no id");
  const json::value* method = object->if_contains("method");
  if (method == nullptr) return answer(*object, *id);
  const json::value* params = object->if_contains("params");
  if (!method->is_string() || params == nullptr || !params->is_array()) return fail("a request is malformed");
  const json::string& name = method->get_string();
  if (name == "echo") return send({{"id", *id}, {"result", *params}, {"error", nullptr}});
  handlers_.notification(std::string(name), params->get_array());
}

void Session::answer(const json::object& message, const json::value& id) {
  std::uint64_t number = 0;
  if (const auto* unsigned_id = id.if_uint64()) number = *unsigned_id;
  if (const auto* signed_id = id.if_int64()) number = static_cast<std::uint64_t>(*signed_id);
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return;  // its time limit had passed
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  backoff_ = config_.backoff_min;
  const json::value* error = message.if_contains("error");
  if (error != nullptr && !error->is_null()) {
    waiting.reply(tl::unexpected(
        Error{ErrorCode::refused, "ovsdb-server refused '" + waiting.method + "': " + json::serialize(*error)}));
    return;
  }
  const json::value* result = message.if_contains("result");
  waiting.reply(result != nullptr ? *result : json::value(nullptr));
}

// While connected one timer serves the probe and the requests' time limits.
void Session::watch() {
  const auto step = std::min(config_.probe_every, config_.request_timeout) / 4;
  timer_.expires_after(std::max(step, std::chrono::milliseconds(1)));
  timer_.async_wait([self = shared_from_this(), connection = connection_](const ErrorCodeAsio& error) {
    if (error || self->stopped_ || connection != self->connection_) return;
    self->check_times();
    if (!self->stopped_ && connection == self->connection_) self->watch();
  });
}

void Session::check_times() {
  const auto now = Clock::now();
  while (!waiting_.empty() && waiting_.begin()->second.deadline <= now) {
    auto node = waiting_.extract(waiting_.begin());
    refuse(std::move(node.mapped().reply), ErrorCode::timeout,
           "ovsdb-server did not answer '" + node.mapped().method + "' within " +
               std::to_string(config_.request_timeout.count()) + " ms");
  }
  const auto silence = now - last_heard_;
  if (silence >= config_.probe_every * 2) return fail("it does not answer an echo");
  if (silence >= config_.probe_every && !probing_) {
    probing_ = true;
    send({{"id", "echo"}, {"method", "echo"}, {"params", json::array{}}});
  }
}

}  // namespace distributor::ovsdb::detail
