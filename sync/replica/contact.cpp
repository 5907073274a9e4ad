// Who leads: comparison of histories at contact, deposition, promotion (H13: history decides, VRRP follows).
#include <algorithm>
#include <utility>

#include "sync/replica/detail/core.hpp"

namespace distributor::replica {

void Replica::Impl::start_comparison(const char* why, std::optional<Hello> other) {
  if (standalone() || !peer.connected || mode == Mode::failed) return;
  follower.streaming = false;
  follower_locator.reset();  // maybe of a process that ended
  snapshot_out.running = false;
  snapshot_in.running = false;
  comparison.running = true;
  hear(std::move(other));
  comparison.decided = false;
  comparison.started = now;
  comparison.resend = now + std::chrono::milliseconds(500);
  auto& own = comparison.own;
  own = Hello{};
  own.number = ++comparison.number;
  own.pair_id = config.pair_id;
  own.node_id = config.node_id;
  own.term = meta.term;
  own.ever_synced = meta.ever_synced;
  own.leads = mode == Mode::leading;
  own.vrrp_master = ownership == Ownership::master;
  own.last = history.last();
  own.base = history.base();
  own.pair_floor = meta.pair_floor;
  own.pairing = meta.pairing;
  own.locator = history.locator();
  own.facts = facts;
  log(Severity::info, std::string("comparing histories with the peer: ") + why);
  send_hello();
}

void Replica::Impl::send_hello() { send_hello(peer.boot); }

void Replica::Impl::send_hello(std::uint64_t to_boot) {
  auto hello = comparison.own;
  if (comparison.other) hello.answer = comparison.answer;
  send(std::move(hello), to_boot);
}

// One answer to each Hello: the base moves on, and nodes that decide from two different answers may both decide to follow.
void Replica::Impl::hear(std::optional<Hello> hello) {
  comparison.other = std::move(hello);
  if (comparison.other) comparison.answer = answer_to(*comparison.other);
}

HelloAnswer Replica::Impl::answer_to(const Hello& hello) const {
  // Whatever this very process acknowledged, it still has: what the peer sent it beyond never arrived. So had the one that led on.
  const bool by_survivor = hello.pairing.peer_boot == meta.survivor.boot && hello.pairing.term < meta.survivor.term;
  const bool by_me = hello.pairing.peer_boot == config.boot_id || by_survivor;
  return {hello.number, contains(hello.pair_floor, hello), by_me || contains(hello.pairing.ceiling, hello)};
}

// Below its base a log cannot be looked up any more. What is not above the own floor, or of the same pairing not above the own ceiling, is
// of the history that both share.
bool Replica::Impl::contains(const LogPoint& point, const Hello& hello) const {
  if (history.holds(point)) return true;
  if (point.seq > history.base().seq) return false;
  return point.seq <= meta.pair_floor.seq || (hello.pairing.term == meta.pairing.term && point.seq <= meta.pairing.ceiling.seq);
}

void Replica::Impl::on_hello(const Header& header, const Hello& hello) {
  if (hello.pair_id != config.pair_id || hello.node_id != *config.peer_id || hello.protocol_min > kProtocolMax || hello.protocol_max < kProtocolMin) {
    if (refused_hellos++ % 256 == 0) {
      log(Severity::error, "the peer is refused: it says pair " + hello.pair_id + ", node " + hello.node_id.text() + ", protocol " +
                               std::to_string(hello.protocol_min) + ".." + std::to_string(hello.protocol_max) + "; wanted pair " + config.pair_id +
                               ", node " + config.peer_id->text() + ", protocol " + std::to_string(kProtocolMin) + ".." + std::to_string(kProtocolMax));
    }
    return;
  }
  if (is_late(header, hello)) return;
  if (header.receiver_boot != 0 && header.receiver_boot != config.boot_id) return not_my_boot();
  const bool new_boot = header.sender_boot != peer.boot;
  const bool another = new_boot && peer.boot != 0;  // one of the two is of a process that ended
  if (another) comparison.superseded.push_back(peer.boot);
  comparison.newest = hello.number;
  peer.boot = header.sender_boot;
  if (new_boot) {
    refused_entry.reset();  // maybe it was upgraded
    peer.snapshot_begun = peer.snapshot_installed = peer.snapshot_given = 0;
    peer.programmed = Seq{};
  }
  peer.told_term = new_boot ? header.term : std::max(peer.told_term, header.term);
  peer.hear(now);
  peer.ever_heard = true;
  peer.term = std::max(peer.term, header.term);
  peer.last = hello.last;
  peer.leads = hello.leads;
  peer.facts = hello.facts;
  if (!peer.connected) {  // nothing can be answered yet
    comparison.other = hello;
    return;
  }

  if (is_repeat(hello, new_boot)) return;
  // A number of its own for every process that was heard: whoever answers it was alive after all those before had been heard.
  if (!comparison.running || another) return start_comparison("the peer asks", hello);
  const bool known = comparison.other && comparison.other->number == hello.number && !new_boot;
  if (!known) hear(hello);
  const bool answered = header.receiver_boot == config.boot_id && hello.answer && hello.answer->number == comparison.own.number;
  // Answer what is new; an answer to an answer would go on for ever.
  if (!known || !answered) send_hello();
  if (!answered) return;
  bury_superseded();
  decide(hello);
}

// Of a process of the peer that is known to have ended, or told before something that the present one told since.
bool Replica::Impl::is_late(const Header& header, const Hello& hello) const {
  if (header.sender_boot == peer.boot) return hello.number < comparison.newest;
  return std::find(dead_boots.begin(), dead_boots.end(), header.sender_boot) != dead_boots.end();
}

// The present process has answered a question that was put after the others had been heard. Processes of one node follow each other, so
// those others have ended: their late frames say nothing any more.
void Replica::Impl::bury_superseded() {
  constexpr std::size_t kDeadBootsMax = 64;  // the oldest is forgotten: its frames are long gone
  for (const auto boot : std::exchange(comparison.superseded, {})) {
    if (boot != peer.boot && std::find(dead_boots.begin(), dead_boots.end(), boot) == dead_boots.end()) dead_boots.push_back(boot);
  }
  while (dead_boots.size() > kDeadBootsMax) dead_boots.pop_front();
}

// Meant for an earlier life of this node. If the peer of today says that, it was misled by a late frame and would talk past this node
// for ever: a new Hello tells it better. Seldom enough that late frames of two dead processes do no harm.
void Replica::Impl::not_my_boot() {
  if (!peer.connected || now < next_correction) return;
  next_correction = now + std::chrono::milliseconds(500);
  start_comparison("the peer takes this process for an earlier one");
  send_hello(0);  // this node may be wrong about the peer's process as well: then both would drop each other's corrections for ever
}

// A Hello that the last decision already rests on: it asks for no new comparison. A peer that goes on repeating it lacks our answer.
bool Replica::Impl::is_repeat(const Hello& hello, bool new_boot) {
  constexpr Duration kStillUndecided = std::chrono::milliseconds(400);  // below the interval of repeats
  if (comparison.running || !comparison.decided || new_boot || !comparison.other || comparison.other->number != hello.number) return false;
  const bool answered = hello.answer && hello.answer->number == comparison.own.number;
  if (answered && now - comparison.decided_at <= kStillUndecided) return true;
  comparison.decided_at = now;  // two decided nodes must not answer each other's answers for ever
  send_hello();
  return true;
}

void Replica::Impl::decide(const Hello& theirs) {
  const Candidate own{comparison.own, comparison.answer};
  const Candidate other{theirs, *theirs.answer};
  const auto decision = decide_leader(own, other);
  comparison.running = false;
  comparison.decided = true;
  comparison.decided_at = now;
  comparison.resend = now + config.solo_after;  // of the next attempt, if nobody may lead
  allow_below_floor = decision.below_floor;
  leader_has_floor = theirs.answer->contains_floor;
  if (decision.double_fault) {
    diverged = true;
    log(Severity::error, "both nodes lost something that was acknowledged as pair: " + decision.reason);
  }
  if (!decision.leader) {
    verdict = decision.reason;
    log(Severity::error, decision.reason);
    if (mode == Mode::leading) step_down(decision.reason);
    mode = Mode::idle;
    return;
  }
  log(Severity::info, decision.leader->text() + " leads: " + decision.reason);
  if (*decision.leader != config.node_id) {
    verdict = "the peer leads: " + decision.reason;
    // An edge of a time when this node lacked what the pair had counts no more: it gives way until keepalived names it anew (H13).
    const bool entitled = decision.init_together || (comparison.own.ever_synced && own.answer.contains_floor && own.answer.contains_ceiling);
    edge = edge && entitled;
    return follow(verdict.c_str());
  }
  verdict.clear();
  fenced = false;
  peer.programmed = Seq{};  // it says it again
  peer.snapshot_given = 0;  // the peer may have lost count of them: a late Hello of a process of this node that ended
  if (decision.init_together) meta.ever_synced = true;  // persisted with the term
  // Both have it, and it is known of here: the base may pass it, and other pairings may follow, before the peer says so again.
  if (comparison.answer.contains_floor && theirs.ever_synced && theirs.pair_floor.seq > meta.pair_floor.seq) {
    meta.pair_floor = theirs.pair_floor;
    floor_dirty = true;
  }
  // A leader that already holds the highest term goes on in it.
  if (mode != Mode::leading || meta.term < theirs.term) promote(decision.reason, theirs.term);
  lead_follower(theirs.locator);
}

void Replica::Impl::follow(const char* why) {
  if (mode == Mode::leading) step_down(why);
  mode = Mode::following;
  reconciled = false;
  agreement_durable = false;
  led_at = now;
  // An owner that hands over has all that the new one has: it need not lose its readiness for the moment until it is told so.
  in_sync_at.reset();
  if (meta.ever_synced && comparison.other && comparison.other->last == history.last() && durable.seq == history.last().seq) in_sync_at = now;
  snapshot_in.running = false;
  fenced = ownership == Ownership::master && !edge;
}

// A leader becomes none: whoever still waits cannot be told the outcome.
void Replica::Impl::step_down(const std::string& why) {
  if (mode != Mode::leading) return;
  log(Severity::warning, "no longer the leader: " + why);
  mode = Mode::idle;
  term_ready = false;
  follower = Follower{};
  snapshot_out.running = false;
  writes = Writes::open;
  refuse_all(RefusalCode::moved, "the peer leads now and the outcome of this change is unknown: ask again there");
}

// A fresh MASTER edge in sync, or MASTER while nobody else is there. Never again in the same edge: no endless terms.
bool Replica::Impl::may_promote() const {
  if (!meta.ever_synced || mode == Mode::failed || mode == Mode::leading || ownership != Ownership::master || standalone()) return false;
  if (peer_silent()) return true;
  return edge && !fenced && !comparison.running && in_sync();
}

}  // namespace distributor::replica
