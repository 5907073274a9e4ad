#include "node/daemon/observers.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "sync/registry/codec.hpp"

namespace distributor::node {
namespace json = boost::json;

namespace {
constexpr std::size_t kDifferencesListedMax = 256;
}

bool Observers::answers(const std::string& command) { return command == "overview" || command == "diff" || command == "resync"; }

void Observers::handle(const std::string& command, const json::object& request, const AdminServer::Answer& answer) {
  if (command == "overview") return overview(request, answer);
  command == "diff" ? diff(answer) : resync(answer);
}

void Observers::overview(const json::object& request, const AdminServer::Answer& answer) {
  const auto* wanted = request.if_contains("load_balancers_max");
  const auto limit = wanted != nullptr && wanted->is_int64() && wanted->get_int64() >= 0 ? static_cast<std::size_t>(wanted->get_int64()) : kBalancersShownMax;
  survey_.take([answer, limit](const Overview& seen) {
    auto body = json::parse(overview_json(seen, std::min(limit, kBalancersShownMax))).get_object();
    body["ok"] = true;
    body["message"] = seen.pair.phase;
    answer(std::move(body));
  });
}

DigestMap digests_of(const Registry& registry) {
  DigestMap digests;
  for (const auto& [id, lb] : registry.all()) digests.emplace(id, sha256(encode(*lb)));
  return digests;
}

json::array differences(const DigestMap& here, const DigestMap& peer) {
  json::array found;
  const auto note = [&found](const LoadBalancerId& id, const char* where) { found.push_back(json::object{{"lb_id", id.text()}, {"where", where}}); };
  for (const auto& [id, digest] : here) {
    const auto other = peer.find(id);
    if (other == peer.end()) note(id, "here only");
    else if (other->second != digest) note(id, "both, unequal");
  }
  for (const auto& [id, digest] : peer) {
    if (!here.contains(id)) note(id, "peer only");
  }
  return found;
}

void Observers::diff(const AdminServer::Answer& answer) {
  if (peers_ == nullptr) return answer({{"ok", false}, {"message", "this node is standalone: there is nothing to compare with"}});
  peers_->ask_digests([this, answer](const std::optional<PeerChannel::PeerDigests>& peer) {
    if (!peer) return answer({{"ok", false}, {"message", "the peer did not answer: is its distributord running, and of a version that knows this question?"}});
    const auto& core = replica_.core();
    const auto here = digests_of(core.applied());
    auto found = differences(here, peer->digests);
    const auto committed = core.status().committed;
    const bool comparable = committed == peer->committed;
    const auto count = found.size();
    if (count > kDifferencesListedMax) found.resize(kDifferencesListedMax);
    const std::string message =
        count == 0     ? "both nodes hold the same " + std::to_string(here.size()) + " load balancers"
        : comparable ? std::to_string(count) + " load balancers differ; distributorctl resync on the follower takes the leader's state over"
                     : std::to_string(count) + " load balancers differ, but the nodes are at different changes: ask again when they have caught up";
    answer({{"ok", true}, {"message", message}, {"equal", count == 0}, {"comparable", comparable}, {"here", core.status().state_digest.hex()},
            {"peer", peer->state.hex()}, {"here_committed", committed.value}, {"peer_committed", peer->committed.value}, {"differences", std::move(found)}, {"differences_total", count}});
  });
}

void Observers::resync(const AdminServer::Answer& answer) {
  const auto before = replica_.core().status();
  if (before.phase != replica::Phase::following) {
    const std::string why = before.leads ? "this node leads: run it on the follower" : "this node does not follow a leader now: " + before.why_not;
    return answer({{"ok", false}, {"message", "nothing was changed: " + why}});
  }
  replica_.post(replica::Resync{});
  answer({{"ok", true}, {"message", "the leader was asked for its whole state; distributorctl diff tells when both are equal"}});
}

}  // namespace distributor::node
