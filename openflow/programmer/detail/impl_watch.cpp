// What others change in the bridge is noticed by events, and answered by a read-back (O5): while nobody interferes it
// costs nothing, however many load balancers there are.
#include <algorithm>

#include "openflow/programmer/detail/impl.hpp"
#include "openflow/wire/watch.hpp"

namespace distributor::programmer {

void Programmer::Impl::discover() {
  discovery.emplace(take_xids(detail::Discovery::kXids));
  discovered = false;
  session->send(discovery->output(), Lane::bulk);
}

bool Programmer::Impl::on_discovery(const wire::Message& message) {
  if (!discovery || !discovery->on_message(message)) return false;
  if (!discovery->finished()) return true;
  capabilities = discovery->capabilities();
  discovery.reset();
  // The owner may render anew by what the datapath can do, before anything is compared.
  later([this, own = session] {
    if (session != own) return;
    if (events.on_capabilities) events.on_capabilities(capabilities);
    discovered = true;
    if (!capabilities.watched) read_back_in(std::chrono::milliseconds(options.unwatched_read_back_ms));
    pump();
  });
  return true;
}

bool Programmer::Impl::on_watch(const wire::Message& message) {
  if (message.type == wire::MessageType::request_forward) {
    on_foreign_change();
    return true;
  }
  if (message.type != wire::MessageType::multipart_reply || !wire::is_flow_monitor_reply(message.body)) return false;
  const auto foreign = wire::decode_foreign_flow_change(message.body);
  if (!foreign || *foreign) on_foreign_change();  // what cannot be read may be a change
  return true;
}

void Programmer::Impl::on_foreign_change() {
  ++statistics.foreign_changes;
  read_back_in(Clock::duration::zero());
}

// Not more often than the pause allows, so that somebody who goes on interfering does not keep both busy.
void Programmer::Impl::read_back_in(Clock::duration wait) {
  if (read_back_armed) return;
  read_back_armed = true;
  const auto pause = std::chrono::milliseconds(options.read_back_pause_ms);
  read_back_timer.expires_at(std::max(Clock::now() + wait, last_read_back + pause));
  read_back_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->shut) return;
    self->read_back_armed = false;
    if (!self->discovered) return;  // the next connection reads back by itself
    if (!self->known) {
      // One is under way that may have passed the change by.
      self->read_back_in(std::chrono::milliseconds(self->options.read_back_pause_ms));
    } else {
      if (auto waiter = self->make_waiter({}, {}, 0)) self->reconciling.push_back(std::move(waiter));
      self->pump();
    }
    if (!self->capabilities.watched) {
      self->read_back_in(std::chrono::milliseconds(self->options.unwatched_read_back_ms));
    }
  });
}

// Meters are no part of bundles. They come before the rules that use them; one that is not wanted harms nobody.
void Programmer::Impl::program_meters(const std::vector<wire::MeterDescription>& standing) {
  std::string messages;
  for (const wire::Meter& wanted : options.meters) {
    const auto found = std::find_if(standing.begin(), standing.end(),
                                    [&](const wire::MeterDescription& one) { return one.meter.id == wanted.id; });
    const bool exists = found != standing.end();
    if (exists && found->plain && found->meter == wanted) continue;
    messages += wire::encode_meter_mod(take_xids(1), exists, wanted);
  }
  if (!messages.empty()) session->send(std::move(messages), Lane::bulk);
}

}  // namespace distributor::programmer
