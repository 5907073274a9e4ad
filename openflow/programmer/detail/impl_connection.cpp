// Connecting, reconnecting, and sorting what OVS sends.
#include <algorithm>
#include <utility>

#include "openflow/programmer/detail/impl.hpp"

namespace distributor::programmer {
namespace {

constexpr std::uint32_t kPacketOutXid = detail::Session::kReservedXids;
constexpr std::uint32_t kFirstXid = 0x100;
constexpr std::uint32_t kLastXid = 0xf0000000;

}  // namespace

Programmer::Impl::Impl(boost::asio::io_context& io_context, Options its_options, Events its_events)
    : io(io_context),
      options(std::move(its_options)),
      events(std::move(its_events)),
      reconnect_timer(io_context),
      backoff_ms(options.backoff_min_ms),
      next_xid(kFirstXid),
      read_back_timer(io_context),
      deadline_timer(io_context),
      retry_timer(io_context),
      retry_ms(options.refused_retry_min_ms) {}

void Programmer::Impl::connect() {
  if (shut || session) return;
  detail::Session::Handlers handlers;
  // A session lives on in its own handlers for a moment after the programmer is gone: it must not keep the programmer
  // alive.
  const std::weak_ptr<Impl> weak = weak_from_this();
  handlers.on_ready = [weak] {
    if (const auto self = weak.lock()) self->on_ready();
  };
  handlers.on_message = [weak](const wire::Message& message) {
    if (const auto self = weak.lock()) self->on_message(message);
  };
  handlers.on_closed = [weak](const std::string& why) {
    if (const auto self = weak.lock()) self->on_closed(why);
  };
  session = std::make_shared<detail::Session>(io, options, std::move(handlers));
  session->connect();
}

void Programmer::Impl::shut_down() {
  shut = true;
  if (session) session->close();
  reconnect_timer.cancel();
  deadline_timer.cancel();
  retry_timer.cancel();
  read_back_timer.cancel();
  replies.clear();
}

void Programmer::Impl::on_ready() {
  backoff_ms = options.backoff_min_ms;
  ++statistics.connections;
  last_why.clear();
  later([this] {
    if (events.on_connection) events.on_connection(true, {});
  });
  discover();
}

void Programmer::Impl::on_closed(const std::string& why) {
  const bool news = last_why != why;
  last_why = why;
  const std::uint32_t longest_ms = session && session->reached() ? options.backoff_max_ms : options.absent_retry_max_ms;
  session.reset();
  discovery.reset();
  discovered = false;
  sightings = {};
  read_back_whole = false;
  known = false;
  announced = false;
  unsettled = true;
  held = false;
  reading.reset();
  // Whether what was under way stands is not known: its waiters stay for the read-back that follows.
  ledger.forget_in_flight();
  if (bulk) committing.insert(committing.begin(), bulk->waiters.begin(), bulk->waiters.end());
  if (urgent) committing.insert(committing.begin(), urgent->waiters.begin(), urgent->waiters.end());
  bulk_wanted = true;
  bulk.reset();
  urgent.reset();
  for (auto& [xid, pending] : std::exchange(replies, {})) {
    pending.done(tl::make_unexpected(ProgramError{ProgramErrorCode::disconnected, why, std::nullopt}));
  }
  if (news && events.on_connection) events.on_connection(false, why);
  backoff_ms = std::min(backoff_ms, longest_ms);
  reconnect_timer.expires_after(std::chrono::milliseconds(backoff_ms));
  backoff_ms = std::min(backoff_ms * 2, longest_ms);
  reconnect_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self) self->connect();
  });
}

void Programmer::Impl::on_message(const wire::Message& message) {
  if (urgent && urgent->transaction.on_message(message)) return advance(urgent, Lane::urgent);
  if (bulk && bulk->transaction.on_message(message)) return advance(bulk, Lane::bulk);
  if (on_reply(message) || on_discovery(message) || on_watch(message)) return;
  switch (message.type) {
    case wire::MessageType::port_status:
      if (auto status = wire::decode_port_status(message.body); status && events.on_port_status) {
        later([this, status = std::move(*status)] { events.on_port_status(status); });
      }
      return;
    case wire::MessageType::packet_in:
      if (auto packet = wire::decode_packet_in(message.body); packet && events.on_packet_in) {
        later([this, packet = std::move(*packet)] { events.on_packet_in(packet); });
      }
      return;
    case wire::MessageType::error:
      if (message.xid == kPacketOutXid) ++statistics.packets_out_refused;
      return;
    default:
      return;  // an answer that nobody waits for any more
  }
}

std::uint32_t Programmer::Impl::take_xids(std::uint32_t count) {
  if (next_xid > kLastXid - count) next_xid = kFirstXid;
  return std::exchange(next_xid, next_xid + count);
}

void Programmer::Impl::ask(wire::MultipartType type, ReplyCallback done) {
  const bool ready = session && session->ready();
  if (!ready || replies.size() >= kWaitersMax) {
    ProgramError error{ready ? ProgramErrorCode::overloaded : ProgramErrorCode::disconnected,
                       ready ? "too many queries wait for Open vSwitch"
                             : "not connected to Open vSwitch" + (last_why.empty() ? "" : ": " + last_why),
                       std::nullopt};
    return later([done = std::move(done), error = std::move(error)] { done(tl::make_unexpected(error)); });
  }
  const std::uint32_t xid = take_xids(1);
  replies.emplace(xid, PendingReply{wire::MultipartReply(type), std::move(done)});
  switch (type) {
    case wire::MultipartType::flow_desc:
      return session->send(wire::encode_flow_desc_request(xid), Lane::bulk);
    case wire::MultipartType::group_desc:
      return session->send(wire::encode_group_desc_request(xid), Lane::bulk);
    case wire::MultipartType::group_stats:
      return session->send(wire::encode_group_stats_request(xid), Lane::bulk);
    case wire::MultipartType::meter_desc:
      return session->send(wire::encode_meter_desc_request(xid), Lane::bulk);
    case wire::MultipartType::meter_features:
      return session->send(wire::encode_meter_features_request(xid), Lane::bulk);
    case wire::MultipartType::port_desc:
      return session->send(wire::encode_port_desc_request(xid), Lane::bulk);
  }
}

bool Programmer::Impl::on_reply(const wire::Message& message) {
  const auto found = replies.find(message.xid);
  if (found == replies.end()) return false;
  const auto finish_with = [&](ReplyBody body) {
    const auto done = std::move(found->second.done);
    replies.erase(found);
    later([done, body = std::move(body)] { done(body); });
  };
  if (message.type == wire::MessageType::multipart_reply) {
    const auto whole = found->second.reply.add(message.body);
    if (!whole) {
      finish_with(tl::make_unexpected(ProgramError{ProgramErrorCode::protocol, whole.error().message, std::nullopt}));
    } else if (*whole) {
      finish_with(std::move(found->second.reply).take_body());
    }
  } else if (message.type == wire::MessageType::error) {
    const auto error = wire::decode_error(message.body);
    finish_with(tl::make_unexpected(ProgramError{
        ProgramErrorCode::refused, "Open vSwitch refused a query: " + (error ? error->text() : error.error().message),
        std::nullopt}));
  }
  return true;
}

}  // namespace distributor::programmer
