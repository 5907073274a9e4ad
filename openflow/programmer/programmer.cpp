#include "openflow/programmer/programmer.hpp"

#include <algorithm>
#include <utility>

#include "openflow/programmer/detail/impl.hpp"

namespace distributor::programmer {
namespace {

constexpr std::uint32_t kPacketOutXid = detail::Session::kReservedXids;
constexpr std::size_t kPieceBytes = 32U << 10U;

std::vector<FlowCounters> summed_by_cookie(const std::vector<wire::FlowDescription>& flows) {
  std::map<std::uint64_t, wire::Counters> sums;
  for (const auto& flow : flows) {
    sums[flow.rule.cookie].packets += flow.counters.packets;
    sums[flow.rule.cookie].bytes += flow.counters.bytes;
  }
  std::vector<FlowCounters> out;
  for (const auto& [cookie, counters] : sums) out.push_back({cookie, counters});
  return out;
}

ProgramError protocol_error(const wire::WireError& error) {
  return {ProgramErrorCode::protocol, error.message, std::nullopt};
}

}  // namespace

// --- waiters
// ---------------------------------------------------------------------------------------------------------------

Programmer::Impl::WaiterPointer Programmer::Impl::make_waiter(CommitCallback done, std::set<Key> keys,
                                                              std::uint32_t timeout_ms) {
  auto waiter = std::make_shared<Waiter>(Waiter{std::move(done), std::move(keys)});
  if (!waiter->done) waiter->done = [](const CommitResult&) {};
  if (committing.size() + reconciling.size() + urgents.size() >= kWaitersMax) forget_answered();
  if (committing.size() + reconciling.size() + urgents.size() >= kWaitersMax) {
    answer(*waiter, tl::make_unexpected(ProgramError{
                        ProgramErrorCode::overloaded,
                        std::to_string(kWaitersMax) + " commits wait for Open vSwitch already: wait for their answers",
                        std::nullopt}));
    return nullptr;
  }
  if (timeout_ms != 0) {
    deadlines.emplace(Clock::now() + std::chrono::milliseconds(timeout_ms), waiter);
    arm_deadline();
  }
  return waiter;
}

void Programmer::Impl::answer(Waiter& waiter, CommitResult result) {
  auto done = std::exchange(waiter.done, nullptr);
  if (done) later([done = std::move(done), result = std::move(result)] { done(result); });
}

void Programmer::Impl::forget_answered() {
  const auto answered = [](const WaiterPointer& waiter) { return !waiter->done; };
  std::erase_if(committing, answered);
  std::erase_if(reconciling, answered);
  std::erase_if(urgents, [&](const auto& entry) { return answered(entry.second); });
}

void Programmer::Impl::arm_deadline() {
  while (!deadlines.empty()) {
    const auto first = deadlines.begin();
    const auto waiter = first->second.lock();
    if (waiter && waiter->done && first->first > Clock::now()) break;
    if (waiter && waiter->done) {
      unsettled = true;
      answer(*waiter, tl::make_unexpected(ProgramError{
                          ProgramErrorCode::timed_out,
                          "Open vSwitch did not confirm the rules in time" +
                              (session && session->ready() ? std::string()
                                                           : ": " + (last_why.empty() ? "not connected" : last_why)) +
                              "; they are programmed as soon as it can",
                          std::nullopt}));
    }
    deadlines.erase(first);
  }
  if (deadlines.empty()) return deadline_timer.cancel(), void();
  deadline_timer.expires_at(deadlines.begin()->first);
  deadline_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && !self->shut) self->arm_deadline();
  });
}

std::set<Key> Programmer::Impl::keys_under_way() const {
  std::set<Key> keys = ledger.touched_keys();
  if (!bulk) return keys;
  for (const Change& change : bulk->transaction.plan().changes) {
    if (change.owner) keys.insert(*change.owner);
  }
  return keys;
}

// Those that still wait for an answer, and for no refused key; the latter are answered here.
std::vector<Programmer::Impl::WaiterPointer> Programmer::Impl::take_waiters(std::vector<WaiterPointer>& from) {
  std::vector<WaiterPointer> taken;
  for (WaiterPointer& waiter : std::exchange(from, {})) {
    const auto refused =
        std::find_if(waiter->keys.begin(), waiter->keys.end(), [&](Key key) { return ledger.refused(key); });
    if (refused != waiter->keys.end()) {
      answer(*waiter, tl::make_unexpected(refusals[*refused]));
    } else if (waiter->done) {
      taken.push_back(std::move(waiter));
    }
  }
  return taken;
}

// --- public face
// -----------------------------------------------------------------------------------------------------------

Programmer::Programmer(boost::asio::io_context& io, Options options, Events events)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(events))) {}

Programmer::~Programmer() {
  impl_->shut_down();
}

void Programmer::start() {
  impl_->connect();
}

void Programmer::start_programming() {
  impl_->programming = true;
  impl_->pump();
}

tl::expected<void, ProgramError> Programmer::set_desired(Key key, wire::Rules rules) {
  return impl_->ledger.set_desired(key, std::move(rules));
}

void Programmer::remove(Key key) {
  impl_->ledger.remove(key);
}

void Programmer::commit(CommitCallback done, std::uint32_t timeout_ms) {
  if (auto waiter = impl_->make_waiter(std::move(done), impl_->keys_under_way(), timeout_ms)) {
    impl_->committing.push_back(std::move(waiter));
    impl_->bulk_wanted = true;
    // Later, so that commits made in one go share one bundle.
    impl_->later([impl = impl_.get()] { impl->pump(); });
  }
}

void Programmer::commit_urgent(Key key, CommitCallback done, std::uint32_t timeout_ms) {
  if (auto waiter = impl_->make_waiter(std::move(done), {key}, timeout_ms)) {
    impl_->urgents.emplace_back(key, std::move(waiter));
    impl_->pump();
  }
}

void Programmer::reconcile(CommitCallback done) {
  if (auto waiter = impl_->make_waiter(std::move(done), {}, 0)) {
    impl_->reconciling.push_back(std::move(waiter));
    impl_->pump();
  }
}

bool Programmer::packet_out(const std::vector<wire::PacketOut>& batch) {
  if (!connected()) return false;
  std::vector<std::string> pieces(1);
  std::size_t total = impl_->session->queued_bytes();
  for (const wire::PacketOut& packet : batch) {
    const auto message = wire::encode_packet_out(kPacketOutXid, packet);
    if (!message || (total += message->size()) > kQueuedBytesMax) return false;
    if (pieces.back().size() + message->size() > kPieceBytes) pieces.emplace_back();
    pieces.back() += *message;
  }
  impl_->statistics.packets_out += batch.size();
  for (std::string& piece : pieces) {
    if (!piece.empty()) impl_->session->send(std::move(piece), Impl::Lane::urgent);
  }
  return true;
}

void Programmer::query_counters(CounterCallback done, bool flows) {
  auto report = std::make_shared<CounterReport>();
  const auto answer = [impl = impl_.get(), done = std::move(done), report](const std::optional<ProgramError>& error) {
    if (error) return done(tl::make_unexpected(*error));
    done(std::move(*report));
  };
  const auto on_flows = [answer, report](Impl::ReplyBody body) {
    if (!body) return answer(body.error());
    const auto read = wire::decode_flow_desc(*body);
    if (!read) return answer(protocol_error(read.error()));
    report->flows = summed_by_cookie(*read);
    answer(std::nullopt);
  };
  impl_->ask(wire::MultipartType::group_stats,
             [impl = impl_.get(), answer, report, on_flows, flows](Impl::ReplyBody body) {
               if (!body) return answer(body.error());
               const auto read = wire::decode_group_stats(*body);
               if (!read) return answer(protocol_error(read.error()));
               for (const wire::GroupCounters& counted : *read) {
                 const wire::Group* group = impl->ledger.standing_group(counted.group_id);
                 if (!group || group->buckets.size() != counted.buckets.size())
                   continue;  // foreign, or changed between
                 for (std::size_t i = 0; i < counted.buckets.size(); ++i) {
                   report->buckets.push_back({counted.group_id, group->buckets[i].id, counted.buckets[i]});
                 }
               }
               if (!flows) return answer(std::nullopt);
               impl->ask(wire::MultipartType::flow_desc, on_flows);
             });
}

void Programmer::query_ports(PortCallback done) {
  impl_->ask(wire::MultipartType::port_desc, [done = std::move(done)](const Impl::ReplyBody& body) {
    if (!body) return done(tl::make_unexpected(body.error()));
    auto ports = wire::decode_port_desc(*body);
    if (!ports) return done(tl::make_unexpected(protocol_error(ports.error())));
    done(std::move(*ports));
  });
}

bool Programmer::connected() const {
  return impl_->session && impl_->session->ready();
}

bool Programmer::programmed() const {
  return connected() && impl_->known && !impl_->bulk && !impl_->urgent && !impl_->ledger.touched();
}

const Statistics& Programmer::statistics() const {
  impl_->statistics.refused_keys = impl_->ledger.refused_keys();
  return impl_->statistics;
}

}  // namespace distributor::programmer
