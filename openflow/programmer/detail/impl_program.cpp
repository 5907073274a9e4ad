// When what is programmed: urgent commits first, then a read-back if one is due, then what was committed.
#include <algorithm>
#include <utility>

#include "openflow/programmer/detail/impl.hpp"

namespace distributor::programmer {

void Programmer::Impl::pump() {
  if (shut || !programming || held || !session || !session->ready() || !discovered) return;
  if (known) start_urgent();
  if (reading || bulk || urgent) return;
  if (!known || !reconciling.empty()) return start_reading();
  if (start_repair()) return;
  if (bulk_wanted) start_bulk(ledger.plan_touched());
}

void Programmer::Impl::start_urgent() {
  if (bulk && bulk->transaction.plan().whole) return;
  while (!urgent && !urgents.empty()) {
    const Key key = urgents.front().first;
    if (ledger.in_flight(key)) return;  // in the bulk under way, whose end comes back here
    std::vector<WaiterPointer> waiters{urgents.front().second};
    urgents.pop_front();
    waiters = take_waiters(waiters);
    Plan plan = ledger.plan_key(key);
    if (!plan.empty()) {
      ++statistics.urgent_commits;
      if (reading) reading->spoiled = true;
    }
    urgent = launch(std::move(plan), std::move(waiters));
    advance(urgent, Lane::urgent);
  }
}

void Programmer::Impl::start_reading() {
  const auto own = std::make_shared<Reading>();
  reading = own;
  read_back_whole = false;  // what is seen from now on counts again
  sightings = {};
  last_read_back = Clock::now();
  const auto take = [this, own](std::optional<std::string> Reading::*part) {
    return [this, own, part](ReplyBody body) {
      if (reading != own) return;  // of an earlier connection
      if (!body) {
        reading.reset();
        // A bridge that cannot be read cannot be programmed either: begin anew, with the connection's backoff.
        if (session) {
          session->close();
          on_closed("reading back from the bridge failed: " + body.error().message);
        }
        return;
      }
      ((*own).*part) = std::move(*body);
      if (own->flows && own->groups && (own->meters || !use_meters())) on_read();
    };
  };
  if (use_meters()) ask(wire::MultipartType::meter_desc, take(&Reading::meters));
  ask(wire::MultipartType::group_desc, take(&Reading::groups));
  ask(wire::MultipartType::flow_desc, take(&Reading::flows));
}

void Programmer::Impl::on_read() {
  const auto read = std::exchange(reading, nullptr);
  if (read->spoiled || urgent) return pump();  // reads again
  auto flows = wire::decode_flow_desc(*read->flows);
  auto groups = wire::decode_group_desc(*read->groups);
  auto meters = wire::decode_meter_desc(read->meters.value_or(""));
  if (!flows || !groups || !meters) {
    const std::string why = !flows ? flows.error().message : !groups ? groups.error().message : meters.error().message;
    session->close();
    return on_closed("what the bridge sent back cannot be read: " + why);
  }
  if (use_meters()) program_meters(*meters);
  ++statistics.reconciliations;
  Plan plan = ledger.plan_all({std::move(*flows), std::move(*groups)});
  if (ever_synchronised) statistics.repairs += plan.changes.size();
  start_bulk(std::move(plan));
}

void Programmer::Impl::start_bulk(Plan plan) {
  bulk_wanted = false;
  std::vector<WaiterPointer> waiters = take_waiters(committing);
  if (plan.whole) {
    for (WaiterPointer& waiter : take_waiters(reconciling)) waiters.push_back(std::move(waiter));
  }
  bulk = launch(std::move(plan), std::move(waiters));
  advance(bulk, Lane::bulk);
}

std::optional<Programmer::Impl::Flight> Programmer::Impl::launch(Plan plan, std::vector<WaiterPointer> waiters) {
  const auto begin = Clock::now();
  const std::uint32_t xid = take_xids(detail::Transaction::xids_for(plan));
  return Flight{detail::Transaction(std::move(plan), xid, next_bundle_id++), begin, std::move(waiters)};
}

void Programmer::Impl::advance(std::optional<Flight>& flight, Lane lane) {
  for (std::string& piece : flight->transaction.take_output()) session->send(std::move(piece), lane);
  if (!flight->transaction.finished()) return;
  Flight finished = std::move(*flight);
  flight.reset();
  finish(std::move(finished));
}

void Programmer::Impl::finish(Flight flight) {
  const detail::Transaction& transaction = flight.transaction;
  if (transaction.state() == detail::Transaction::State::refused) {
    on_refusal(flight);
    return later([this] { pump(); });
  }
  ledger.confirm(transaction.plan());
  ProgramReport report{transaction.flows(), transaction.groups(),
                       std::chrono::duration<double, std::milli>(Clock::now() - flight.begin).count()};
  if (!transaction.plan().empty()) {
    statistics.flows_sent += report.flows_sent;
    statistics.groups_sent += report.groups_sent;
    statistics.last_programming_ms = report.duration_ms;
    if (transaction.plan().changes.size() > 1) ++statistics.bundles_committed;
    later([this, report] {
      if (events.on_programmed) events.on_programmed(report);
    });
  }
  if (ledger.refused_keys() == 0) retry_ms = options.refused_retry_min_ms;
  for (const WaiterPointer& waiter : flight.waiters) answer(*waiter, report);
  if (transaction.plan().repair && !transaction.plan().empty()) {
    later([this, report] {
      if (events.on_repaired) events.on_repaired(report);
    });
  }
  if (transaction.plan().whole) {
    known = true;
    if (ever_synchronised && announced && !transaction.plan().empty()) {
      later([this, report] {
        if (events.on_repaired) events.on_repaired(report);
      });
    }
    ever_synchronised = true;
    if (!std::exchange(announced, true)) {
      later([this, report] {
        if (events.on_synchronised) events.on_synchronised(report);
      });
    }
  }
  if (unsettled && known && !bulk && !urgent && !ledger.touched() && ledger.refused_keys() == 0) {
    unsettled = false;
    later([this] {
      if (events.on_settled) events.on_settled();
    });
  }
  later([this] { pump(); });
}

// Rules that OVS named are set aside, so that they hold nobody else up; the others go out again at once.
void Programmer::Impl::on_refusal(const Flight& flight) {
  const detail::Transaction& transaction = flight.transaction;
  ++statistics.bundles_refused;
  unsettled = true;
  if (transaction.plan().repair) {  // what stands is not what was seen: look again
    ledger.roll_back(transaction.plan(), {});
    known = false;
    return;
  }
  ledger.roll_back(transaction.plan(), transaction.culprits());
  if (transaction.plan().whole) known = false;
  for (const Key culprit : transaction.culprits()) {
    refusals[culprit] = transaction.error_of(culprit);
    complain(refusals[culprit]);
  }
  if (transaction.culprits().empty()) {
    // Nobody to set aside: the same bundle would fail again. Look at what stands, after a while.
    complain(transaction.error());
    for (const WaiterPointer& waiter : flight.waiters) answer(*waiter, tl::make_unexpected(transaction.error()));
    known = false;
    held = true;
  } else {
    committing.insert(committing.end(), flight.waiters.begin(), flight.waiters.end());
    committing = take_waiters(committing);
  }
  bulk_wanted = true;
  retry_later();
}

void Programmer::Impl::retry_later() {
  if (std::exchange(retry_armed, true)) return;
  retry_timer.expires_after(std::chrono::milliseconds(retry_ms));
  retry_ms = std::min(retry_ms * 2, options.refused_retry_max_ms);
  retry_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->shut) return;
    self->retry_armed = false;
    self->held = false;
    self->ledger.retry_refused();
    self->refusals.clear();
    self->bulk_wanted = true;
    self->pump();
  });
}

void Programmer::Impl::complain(const ProgramError& error) {
  if (events.on_refused) {
    later([this, error] { events.on_refused(error); });
  }
}

}  // namespace distributor::programmer
