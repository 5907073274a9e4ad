#include "tests/simulation/story.hpp"

#include <algorithm>

namespace distributor::simulation {

Story::Story(std::uint64_t seed, Plan plan, bool keep_text)
    : world(seed, std::move(plan), keep_text), judge(world), clients(world, judge), seed_(seed), random_(world.random.fork()) {}

Verdict run_seed(std::uint64_t seed, bool keep_text) {
  Story story(seed, Plan::of_seed(seed), keep_text);
  return story.run();
}

Verdict Story::run() {
  for (std::size_t i = 0; i < 2; ++i) {
    world.after(milliseconds(random_.below(300)), [this, i] { world.start_host(i); });
  }
  supervise();
  clients.start(world.plan.clients);
  world.on_connected = [this](std::size_t) { break_contact(); };
  schedule_fault();
  const auto stop = [this] { return !judge.violations().empty(); };
  const bool stopped = world.timeline.run_until(world.plan.fault_phase, stop);
  if (!stopped) {
    heal();
    require_settled("after the faults", kConvergeMax);
    if (judge.violations().empty() && broken_.empty()) require_write();
    if (world.plan.silent_corruption && judge.violations().empty() && broken_.empty()) corrupt_silently();
    if (judge.violations().empty() && broken_.empty()) judge.final_verdict();
  }
  Verdict verdict;
  verdict.seed = seed_;
  verdict.trace_hash = world.timeline.hash();
  verdict.virtual_time = world.timeline.now();
  verdict.violations = judge.violations();
  verdict.violations.insert(verdict.violations.end(), broken_.begin(), broken_.end());
  verdict.trace = world.timeline.tail();
  verdict.events = world.timeline.events();
  verdict.calls = clients.calls();
  verdict.accepted = clients.accepted();
  verdict.promised = judge.promised();
  verdict.locals = judge.locals();
  verdict.listed = judge.listed();
  verdict.entries = judge.entries();
  verdict.converged_after = converged_after_;
  return verdict;
}

// Supervisors: a process that ended comes back; a node whose store failed is restarted by hand after a while.
void Story::supervise() {
  for (std::size_t i = 0; i < 2; ++i) {
    auto& host = world.hosts[i];
    if (host.daemon && world.status(i).phase == replica::Phase::failed && random_.below(10) == 0) {
      host.disk.sync_fails = false;
      host.disk.full = false;
      world.kill_daemon(i);
      world.after(seconds(1), [this, i] {
        if (world.hosts[i].wants_daemon) world.start_daemon(i);
      });
    }
  }
  if (world.settled()) {
    judge.settled();
    for (auto& host : world.hosts) {
      if (random_.below(20) == 0) host.disk.old_copy = host.disk.platter;
    }
  }
  world.after(milliseconds(200), [this] { supervise(); });
}

void Story::heal() {
  faults_ = false;
  clients.pause();
  auto& plan = world.plan;
  plan.loss = plan.duplicate = plan.reorder = plan.spike = 0;
  plan.fifo_lost = plan.fifo_doubled = plan.fifo_late = plan.readiness_fails = plan.reply_lost = plan.request_doubled = 0;
  world.timeline.trace("-", "HEAL", 0, 0, [] { return std::string("no more faults"); });
  for (std::size_t i = 0; i < 2; ++i) {
    auto& host = world.hosts[i];
    world.cut_sync(i, false);
    world.vrrp.set_cut(i, false);
    world.vrrp.set_fault(i, false);
    world.thaw(i);
    host.disk.full = host.disk.sync_fails = false;
    host.ovs.refusing = false;
    host.ovs.slowness = Duration(0);
    host.wants_daemon = true;
    if (host.disk.rotten) {  // an operator reads the message and wipes it
      host.disk.replace({});
      judge.disk_lost(i);
    }
    if (world.up(i) && world.status(i).phase == replica::Phase::failed) world.kill_daemon(i);
    if (!host.ovs.up) world.start_ovs(i);
    world.start_gatekeeper(i);
    world.vrrp.start(i);
    world.start_daemon(i);
  }
  // Who stood still until now does not know yet what it missed: it would look settled.
  world.timeline.run_until(world.timeline.now() + seconds(1), [] { return false; });
}

bool Story::quiet() const {
  if (!world.settled()) return false;
  for (std::size_t i = 0; i < 2; ++i) {
    if (world.status(i).waiting_requests != 0) return false;
  }
  return true;
}

void Story::require_settled(const char* when, Duration bound) {
  const auto begun = world.timeline.now();
  const bool reached = world.timeline.run_until(begun + bound, [this] { return !judge.violations().empty() || quiet(); });
  if (!judge.violations().empty()) return;
  if (!reached) {
    broken_.push_back(std::string("not settled ") + when + " within " + std::to_string(std::chrono::duration_cast<seconds>(bound).count()) + " s: " + world.why_unsettled());
    return;
  }
  converged_after_ = std::max(converged_after_, world.timeline.now() - begun);
  judge.settled();
}

// A client at the management address gets its change onto both disks.
void Story::require_write() {
  const auto host = clients.address_holder();
  if (!host) return broken_.push_back("settled, and nobody holds the management address");
  const auto end = world.timeline.now() + kWriteMax;
  replica::RequestHandle handle = 0;
  const auto ask = [&](std::size_t at, const Command& command) {
    handle = clients.call(at, command);
    world.timeline.run_until(end, [this, handle] { return !judge.violations().empty() || judge.attempts().at(handle).answered; });
  };
  // A node that has just come to own may still answer that the other one leads: as every client, it asks again.
  const auto moved = [&] {
    const auto* refused = std::get_if<replica::ChangeRefused>(&judge.attempts().at(handle).result);
    return judge.attempts().at(handle).answered && refused != nullptr &&
           (refused->code == replica::RefusalCode::moved || refused->code == replica::RefusalCode::not_leader);
  };
  auto at = host;
  do {
    ask(*at, plug_of(99));
    if (!moved()) ask(*at, register_of(99, 9'999'999));
    if (!moved()) break;
    world.timeline.run_until(world.timeline.now() + milliseconds(200), [] { return false; });
    at = clients.address_holder();
  } while (at && judge.violations().empty() && world.timeline.now() < end);
  const auto& attempt = judge.attempts().at(handle);
  if (!judge.violations().empty()) return;
  if (!attempt.answered) return broken_.push_back("settled, and a new change is not answered");
  const auto* accepted = std::get_if<replica::ChangeAccepted>(&attempt.result);
  if (accepted == nullptr) return broken_.push_back("settled, and a new change is refused: " + std::get<replica::ChangeRefused>(attempt.result).message);
  if (accepted->durability != replica::Durability::pair) return broken_.push_back("settled, and a new change is answered `local`");
  require_settled("after a change", kConvergeMax);
}

// The follower comes back with a load balancer that is not what its history makes: the digests must tell, and a snapshot mend it.
void Story::corrupt_silently() {
  // keepalived may be about to move: then the silently changed node would lead, and nobody could tell which of the two is right.
  world.timeline.run_until(world.timeline.now() + seconds(1), [] { return false; });
  require_settled("before silent corruption", kConvergeMax);
  if (!judge.violations().empty() || !broken_.empty()) return;
  const std::size_t follower = world.status(0).leads ? 1 : 0;
  auto& disk = world.hosts[follower].disk;
  if (disk.platter.base.empty()) return;
  world.kill_daemon(follower);
  disk.platter.base.front().hash_seed ^= 1U;
  judge.disk_corrupted(follower);
  world.timeline.trace(world.name(follower), "corrupted", 0, 0, [] { return std::string("one hash seed, silently"); });
  world.start_daemon(follower);
  require_settled("after silent corruption", kConvergeMax);
  if (!judge.corruption_healed(follower)) broken_.push_back("a silently corrupted state was not noticed");
}

}  // namespace distributor::simulation
