#include "sync/replica/detail/decision.hpp"

#include <tuple>

namespace distributor::replica {
namespace {

bool empty(const Hello& hello) { return hello.last.seq == Seq{0}; }

Decision choose(const Hello& winner, std::string reason) { return Decision{winner.node_id, false, false, false, std::move(reason)}; }

// The later key wins; keys differ at the latest in the node id.
template <typename Key>
const Hello& larger(const Hello& one, const Hello& other, Key key) {
  return key(one) < key(other) ? other : one;
}

bool entitled(const Candidate& one, const Hello& other) {
  return one.hello.ever_synced && ((one.answer.contains_floor && one.answer.contains_ceiling) || !other.ever_synced);
}

const Hello* only_master(const Hello& one, const Hello& other) {
  if (one.vrrp_master == other.vrrp_master) return nullptr;
  return one.vrrp_master ? &one : &other;
}

Decision decide_never_synced(const Hello& one, const Hello& other) {
  if (!empty(one) || !empty(other)) {
    return Decision{std::nullopt, false, false, false,
                    "neither node was ever in sync and not both are empty: run `distributorctl init --alone` on the one whose data counts"};
  }
  const auto* master = only_master(one, other);
  const Hello& winner = master != nullptr ? *master : larger(one, other, [](const Hello& h) { return h.node_id; });
  auto decision = choose(winner, "two empty nodes begin together");
  decision.init_together = true;
  return decision;
}

}  // namespace

Decision decide_leader(const Candidate& one, const Candidate& other) {
  const Hello& a = one.hello;
  const Hello& b = other.hello;
  if (!a.ever_synced && !b.ever_synced) return decide_never_synced(a, b);

  const bool a_entitled = entitled(one, b);
  const bool b_entitled = entitled(other, a);
  if (a_entitled != b_entitled) {
    return choose(a_entitled ? a : b, "only its history holds everything that the pair may have acknowledged");
  }
  // Each began alone: the one with something to keep.
  const bool both_alone = a.pairing.term == Term{} && b.pairing.term == Term{};
  if (both_alone && empty(a) != empty(b)) return choose(empty(a) ? b : a, "neither was ever paired, and the other one is empty");
  if (a_entitled) {
    if (const auto* master = only_master(a, b)) return choose(*master, "equally entitled, and it is VRRP master");
    return choose(larger(a, b,
                         [](const Hello& h) {
                           return std::tuple(h.leads ? h.term : Term{}, h.last.seq, h.node_id);
                         }),
                  "equally entitled: the later leader, the longer log or the higher node id");
  }
  const Hello& winner = larger(a, b, [](const Hello& h) {
    return std::tuple(h.pairing.term, h.pairing.ceiling.seq, h.pair_floor.seq, h.last.term, h.last.seq, h.vrrp_master, h.node_id);
  });
  auto decision = choose(winner, "each node lacks entries that the other may have acknowledged as pair: the one that was paired later leads, "
                                 "what the other had beyond is listed");
  decision.below_floor = true;
  decision.double_fault = !(&winner == &a ? one : other).answer.contains_floor;
  return decision;
}

}  // namespace distributor::replica
