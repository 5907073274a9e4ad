#include "ha/role/role.hpp"

#include <algorithm>
#include <utility>

#include "ha/role/detail/readiness_holder.hpp"
#include "ha/role/detail/readiness_judge.hpp"

namespace distributor::role {
namespace {

using keepalived::VrrpEvent;
using keepalived::VrrpState;

constexpr TimePoint kNever = TimePoint::max();
constexpr Duration kPulse = std::chrono::milliseconds(500);  // the clock is looked at so often at least ...
constexpr Duration kPauseMin =
    std::chrono::milliseconds(1500);  // ... so a longer gap means that this process stood still

const char* name_of(VrrpState state) {
  switch (state) {
    case VrrpState::unknown:
      return "unknown";
    case VrrpState::master:
      return "MASTER";
    case VrrpState::backup:
      return "BACKUP";
    case VrrpState::fault:
      return "FAULT";
    case VrrpState::stopped:
      return "stopped";
  }
  return "?";
}

Ownership ownership_of(VrrpState state) {
  switch (state) {
    case VrrpState::master:
      return Ownership::master;
    case VrrpState::backup:
      return Ownership::backup;
    case VrrpState::fault:
    case VrrpState::stopped:
      return Ownership::fault;
    case VrrpState::unknown:
      break;
  }
  return Ownership::unknown;
}

}  // namespace

struct RoleMachine::Impl {
  Impl(Config the_config, TimePoint start_time)
      : config(std::move(the_config)),
        judge(config),
        readiness(config),
        started(start_time),
        now(start_time),
        last_step(start_time) {}

  void on(const Tick&) {}
  void on(const KeepalivedSaid& event);
  void on(const KeepalivedQueried& event);
  void on(const KeepalivedQueryFailed&);
  void on(const KeepalivedLineLost&) { query_at = now; }
  void on(const KeepalivedDead&);
  void on(const KeepalivedAlive&);
  void on(const SyncChanged& event);
  void on(const HealthChanged& event) { health = event.facts; }
  void on(const LeaveWanted& event) { leave = event.leave; }
  void on(const TakeOverOffered& event) { offered_until = now + event.limit; }
  void on(const OfferWithdrawn&) { offered_until.reset(); }
  void on(const DeclaredDead&);
  void on(const ReadinessWriteFailed&);

  void notice_pause();
  void told(VrrpState state, bool fresh);
  void went_down(const char* what);
  bool peer_owns() const { return sync && sync->peer_alive && sync->peer_vrrp_master && sync->peer_gate_open; }
  void evaluate_gate();
  void open_gate();
  void close_gate(const char* why);
  void tell_ownership();
  void evaluate_readiness();
  void start_rounds(AnnounceReason reason);
  void announce_due();
  void query_due();
  void plan_query();
  void ask_if_unknown() {  // a line that says no state may be the first that a restarted daemon reads
    if (!vrrp_known && !query_at && !query_open) query_at = now;
  }
  void wake_at(TimePoint time) { deadline = std::min(deadline, time); }
  void log(Severity severity, std::string text) { effects.push_back(LogLine{severity, std::move(text)}); }

  Config config;
  detail::ReadinessJudge judge;
  detail::ReadinessHolder readiness;
  TimePoint started, now, last_step;
  TimePoint deadline = kNever;
  std::vector<Effect> effects;

  // keepalived
  std::optional<bool> alive;
  VrrpState vrrp = VrrpState::unknown;
  bool vrrp_known = false;     // it is the truth: keepalived runs and has told it since it came up
  bool known_by_line = false;  // a transition was seen, not only a state read
  bool down = false;           // dead or stopped, and nothing told since
  bool address_deleted = false;
  bool master_fresh = false;  // a fresh MASTER edge still to be told
  std::optional<TimePoint> query_at;
  bool query_open = false;
  bool asking_after_pause = false;  // announce nothing before the state is confirmed
  std::uint64_t lines = 0, lines_at_query = 0;

  // what the others say
  std::optional<SyncFacts> sync;
  std::optional<HealthFacts> health;
  bool leave = false;
  std::optional<TimePoint> offered_until;  // the owner hands over: answer beside it until then

  // what stands
  Gate gate = Gate::as_found;
  std::optional<Ownership> ownership_told;
  bool evaluated = false;
  std::uint64_t takeovers = 0, ownership_changes = 0;

  // announcements
  int rounds_left = 0;
  std::optional<TimePoint> round_at, refresh_at;
};

void RoleMachine::Impl::on(const KeepalivedSaid& event) {
  ++lines;
  alive = true;
  switch (event.event) {
    case VrrpEvent::master:
      return told(VrrpState::master, true);
    case VrrpEvent::backup:
      return told(VrrpState::backup, true);
    case VrrpEvent::fault:
      return told(VrrpState::fault, true);
    case VrrpEvent::stop:
      return went_down("keepalived is stopping");
    case VrrpEvent::rx_lower_priority:
      if (gate == Gate::open) start_rounds(AnnounceReason::healed);
      return ask_if_unknown();
    case VrrpEvent::priority_changed:
      return ask_if_unknown();
  }
}

void RoleMachine::Impl::on(const KeepalivedQueried& event) {
  query_open = asking_after_pause = false;
  if (alive == false) return;
  // A line that came meanwhile is newer than this answer, or as old.
  if (event.state == VrrpState::unknown || lines != lines_at_query) {
    return plan_query();
  }
  told(event.state, false);
}

void RoleMachine::Impl::on(const KeepalivedQueryFailed&) {
  query_open = asking_after_pause = false;
  plan_query();
}

void RoleMachine::Impl::plan_query() {
  query_at.reset();
  if (!vrrp_known) {
    query_at = now + config.query_retry;
  } else if (config.audit_every > Duration(0)) {
    query_at = now + config.audit_every;
  }
}

// A process or machine that stood still may have lost ownership meanwhile: its timers are due before it hears of that,
// and announcements would draw the clients back to it.
void RoleMachine::Impl::notice_pause() {
  const Duration gap = now - std::exchange(last_step, now);
  if (config.standalone || gap < kPauseMin) return;
  // A gatekeeper that was restarted meanwhile does not remember what its predecessor cleared, so nobody tells. One that does remember has told
  // by then.
  readiness.write_again_at(now + std::chrono::seconds(1));
  if (alive != true) return;
  log(Severity::warning, "this process stood still for " +
                             std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(gap).count()) +
                             " ms: asking keepalived before anything is announced");
  asking_after_pause = true;
  query_at = now;
}

void RoleMachine::Impl::told(VrrpState state, bool fresh) {
  const bool news = !vrrp_known || vrrp != state;
  // A restarted daemon may read MASTER as a state and then find the line of that very transition in the FIFO.
  if (state == VrrpState::master && fresh && (news || !known_by_line)) master_fresh = true;
  if (news && (state == VrrpState::master) != (vrrp == VrrpState::master)) ++ownership_changes;
  if (news) {
    log(Severity::info, std::string("keepalived is ") + name_of(state) + (fresh ? "" : " (asked)"));
    known_by_line = false;
  }
  vrrp = state;
  vrrp_known = true;
  known_by_line = known_by_line || fresh;
  down = false;
  asking_after_pause = false;
  address_deleted = false;
  plan_query();
}

void RoleMachine::Impl::went_down(const char* what) {
  if (!down) log(Severity::warning, std::string(what) + "; the gate stays as it is unless the peer owns");
  down = true;
  vrrp_known = false;
  asking_after_pause = false;
  query_at = alive == true ? std::optional(now + config.query_retry) : std::nullopt;
}

void RoleMachine::Impl::on(const KeepalivedDead&) {
  alive = false;
  went_down("keepalived is not running");
}

void RoleMachine::Impl::on(const KeepalivedAlive&) {
  alive = true;
  ask_if_unknown();
}

void RoleMachine::Impl::on(const SyncChanged& event) {
  const bool peer_back = sync && sync->evaluated && !sync->peer_alive && event.facts.peer_alive;
  const bool peer_gave_way = sync && sync->peer_vrrp_master && !event.facts.peer_vrrp_master;
  sync = event.facts;
  if (gate == Gate::open && !config.standalone && (peer_back || peer_gave_way)) start_rounds(AnnounceReason::healed);
}

void RoleMachine::Impl::on(const DeclaredDead&) {
  if (config.standalone) return;
  log(Severity::warning,
      "the gatekeeper had declared this daemon dead: gate, readiness and VRRP state are looked at anew");
  gate = Gate::as_found;  // it may have closed it
  offered_until.reset();
  rounds_left = 0;
  round_at.reset();
  refresh_at.reset();
  vrrp_known = false;  // it may have read lines meant for us
  known_by_line = false;
  evaluated = true;
  readiness.declared_dead(now, effects);
  if (alive == true) query_at = now;
}

void RoleMachine::Impl::on(const ReadinessWriteFailed&) {
  readiness.write_again_at(now + config.query_retry);
}

void RoleMachine::Impl::evaluate_gate() {
  if (config.standalone) {
    if (gate != Gate::open) open_gate();
    return;
  }
  if (vrrp_known) {
    if (vrrp == VrrpState::backup && offered_until && now < *offered_until) {
      wake_at(*offered_until);
      if (gate != Gate::open) open_gate();
      return;
    }
    if (vrrp == VrrpState::master) offered_until.reset();
    if (vrrp != VrrpState::master) return close_gate("not the owner");
    if (!sync) return;  // whether there is anything to answer with comes with the first facts
    if (!sync->has_history) return close_gate("nothing to answer with: never in sync and empty");
    if (gate != Gate::open || master_fresh) open_gate();
    return;
  }
  if (down && peer_owns()) {
    close_gate("keepalived is down and the peer owns");
    if (!std::exchange(address_deleted, true)) effects.push_back(DeleteManagementAddress{});
  }
}

void RoleMachine::Impl::open_gate() {
  if (gate != Gate::open) {
    log(Severity::info, offered_until ? "gate open: this node answers for the VIPs beside the owner, which hands over"
                                      : "gate open: this node answers for the VIPs");
    effects.push_back(OpenGate{});
  }
  gate = Gate::open;
  if (master_fresh) ++takeovers;
  start_rounds(AnnounceReason::takeover);
  announce_due();
}

void RoleMachine::Impl::close_gate(const char* why) {
  if (gate == Gate::closed) return;
  gate = Gate::closed;
  rounds_left = 0;
  round_at.reset();
  refresh_at.reset();
  log(Severity::info, std::string("gate closed: ") + why);
  effects.push_back(CloseGate{});
}

void RoleMachine::Impl::tell_ownership() {
  Ownership ownership = ownership_told.value_or(Ownership::unknown);
  bool fresh = known_by_line;
  if (config.standalone) {
    ownership = Ownership::master;
    fresh = true;
  } else if (vrrp_known) {
    ownership = ownership_of(vrrp);
  } else if (down && peer_owns()) {
    ownership = Ownership::fault;  // ends writes here
  }
  const bool edge = std::exchange(master_fresh, false) && ownership == Ownership::master;
  if (ownership == ownership_told.value_or(Ownership::unknown) && !edge) return;
  ownership_told = ownership;
  effects.push_back(OwnershipChanged{ownership, fresh});
}

void RoleMachine::Impl::evaluate_readiness() {
  if (config.standalone) return;
  if (!evaluated) {
    readiness.take_as_found(effects);
    const bool keepalived_known = vrrp_known || alive == false;
    const bool can = keepalived_known && health && health->ovs_connected && sync && sync->evaluated;
    if (!can && now - started < config.start_grace) return wake_at(started + config.start_grace);
    evaluated = true;
    readiness.begin();
  }
  const detail::Surroundings around{vrrp_known && vrrp == VrrpState::master, sync && sync->peer_alive && sync->peer_ready};
  readiness.follow(judge.judge(sync, health, leave, now, deadline), around, now, deadline, effects);
}

void RoleMachine::Impl::start_rounds(AnnounceReason reason) {
  if (!asking_after_pause) effects.push_back(Announce{reason});
  rounds_left = std::max(0, config.announce_rounds - 1);
  round_at = now + config.announce_interval;
  if (config.announce_refresh > Duration(0)) refresh_at = now + config.announce_refresh;
}

void RoleMachine::Impl::announce_due() {
  if (gate != Gate::open || asking_after_pause) return;
  if (rounds_left > 0 && round_at && *round_at <= now) {
    --rounds_left;
    round_at = now + config.announce_interval;
    effects.push_back(Announce{AnnounceReason::repeat});
  }
  if (refresh_at && *refresh_at <= now) {
    refresh_at = now + config.announce_refresh;
    effects.push_back(Announce{AnnounceReason::refresh});
  }
  if (rounds_left > 0 && round_at) wake_at(*round_at);
  if (refresh_at) wake_at(*refresh_at);
}

void RoleMachine::Impl::query_due() {
  if (config.standalone || query_open || !query_at || alive != true) return;
  if (*query_at > now) return wake_at(*query_at);
  query_at.reset();
  query_open = true;
  lines_at_query = lines;
  effects.push_back(QueryKeepalived{});
}

RoleMachine::RoleMachine(Config config, TimePoint now) : impl_(std::make_unique<Impl>(std::move(config), now)) {}
RoleMachine::~RoleMachine() = default;
RoleMachine::RoleMachine(RoleMachine&&) noexcept = default;
RoleMachine& RoleMachine::operator=(RoleMachine&&) noexcept = default;

std::vector<Effect> RoleMachine::step(const Event& event, TimePoint now) {
  Impl& machine = *impl_;
  machine.now = now;
  machine.deadline = kNever;
  machine.effects.clear();
  machine.notice_pause();
  std::visit([&](const auto& concrete) { machine.on(concrete); }, event);
  machine.evaluate_gate();
  machine.tell_ownership();
  machine.evaluate_readiness();
  machine.announce_due();
  machine.query_due();
  if (!machine.config.standalone) machine.wake_at(now + kPulse);
  return std::exchange(machine.effects, {});
}

TimePoint RoleMachine::next_deadline() const {
  return impl_->deadline;
}

Status RoleMachine::status() const {
  const Impl& machine = *impl_;
  Status status;
  status.vrrp = machine.vrrp;
  status.vrrp_known = machine.vrrp_known;
  status.keepalived_alive = machine.alive == true;
  status.gate = machine.gate;
  status.owner = machine.gate == Gate::open;
  status.readiness = machine.readiness.value();
  status.readiness_reason = machine.readiness.reason();
  status.takeovers = machine.takeovers;
  status.readiness_losses = machine.readiness.losses();
  status.ownership_changes = machine.ownership_changes;
  status.ready_again_after = machine.readiness.ready_again_after();
  return status;
}

}  // namespace distributor::role
