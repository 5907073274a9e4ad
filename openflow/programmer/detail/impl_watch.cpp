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
    on_foreign_changes(wire::decode_request_forward(message.body));
    return true;
  }
  if (message.type != wire::MessageType::multipart_reply || !wire::is_flow_monitor_reply(message.body)) return false;
  on_foreign_changes(wire::decode_flow_monitor(message.body));
  return true;
}

// Single changes are put right by themselves; what was not told exactly is read back whole.
void Programmer::Impl::on_foreign_changes(const wire::Decoded<wire::ForeignChanges>& changes) {
  constexpr std::size_t kSightingsMax = 1024;
  if (changes && !changes->incomplete && changes->flows.empty() && changes->groups.empty()) return;  // our own
  ++statistics.foreign_changes;
  if (changes) {
    for (const auto& flow : changes->flows) sightings.flows[flow.name] = flow.stands;
    for (const auto& group : changes->groups) sightings.groups[group.id] = group.stands;
  }
  if (!changes || changes->incomplete || sightings.size() > kSightingsMax) {
    read_back_whole = true;
    return read_back_in(std::chrono::milliseconds(options.base_repair_delay_ms));
  }
  later([this] { pump(); });
}

// False: there is nothing to repair now.
bool Programmer::Impl::start_repair() {
  if (sightings.empty() || read_back_whole) return false;
  if (Clock::now() < next_repair) {
    read_back_in(next_repair - Clock::now());
    return false;
  }
  next_repair = Clock::now() + std::chrono::milliseconds(options.repair_pause_ms);
  auto plan = ledger.plan_repair(std::exchange(sightings, {}));
  if (!plan) {
    read_back_whole = true;
    read_back_in(std::chrono::milliseconds(options.base_repair_delay_ms));
    return false;
  }
  statistics.repairs += plan->changes.size();
  start_bulk(std::move(*plan));
  return true;
}

// Not more often than the pauses allow, so that somebody who goes on interfering does not keep both busy.
void Programmer::Impl::read_back_in(Clock::duration wait) {
  if (read_back_armed) return;
  read_back_armed = true;
  const auto pause = std::chrono::milliseconds(read_back_whole ? options.read_back_pause_ms : 0);
  read_back_timer.expires_at(std::max(Clock::now() + wait, last_read_back + pause));
  read_back_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->shut) return;
    self->read_back_armed = false;
    if (!self->discovered) return;  // the next connection reads back by itself
    if (!self->capabilities.watched) self->read_back_whole = true;
    if (!self->known) {
      // One is under way that may have passed the change by.
      self->read_back_in(std::chrono::milliseconds(self->options.read_back_pause_ms));
    } else if (!self->read_back_whole) {
      self->pump();  // a repair is due
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
