#include "node/daemon/administration.hpp"

#include <spdlog/spdlog.h>

namespace distributor::node {
namespace {

// A consistent copy of the store, made by SQLite while the daemon works (docs/replication.md, "Backup and restore").
boost::json::object back_up(const store::Store& store, const boost::json::object& request) {
  const auto* file = request.if_contains("file");
  if (file == nullptr || !file->is_string() || !file->get_string().starts_with('/')) {
    return {{"ok", false}, {"message", "wanted {\"command\":\"backup\",\"file\":\"/absolute/path\"}"}};
  }
  const std::string path(file->get_string());
  if (const auto done = store.backup(path); !done) return {{"ok", false}, {"message", done.error().message + "; " + done.error().fix}};
  spdlog::info("store: backed up to {}", path);
  return {{"ok", true}, {"message", "the store is backed up to " + path}, {"file", path}};
}

boost::json::object begin_alone(ReplicaShell& replica) {
  if (const auto before = replica.core().status(); before.ever_synced) {
    return {{"ok", false}, {"message", "this node has a history already; nothing was changed" + (before.entitled ? "" : "; it may not own the VIPs: " + before.why_not)}};
  }
  replica.post(replica::InitAlone{});
  const auto after = replica.core().status();
  if (after.phase == replica::Phase::failed) return {{"ok", false}, {"message", after.why_not}};
  if (!after.ever_synced) {
    return {{"ok", false}, {"message", "the peer is here with a history, and this node takes that over; nothing was changed: stop the peer's daemon first if this node's data counts"}};
  }
  return {{"ok", true}, {"message", after.entitled ? "this node is the pair now; the other one takes over its state when it comes"
                                                   : "this node's data is the pair's now; it owns once it knows that it is alone: " + after.why_not}};
}

// Only what was looked at: nobody has seen what came onto the list since (H8).
boost::json::object acknowledge(ReplicaShell& replica, const boost::json::object& request) {
  const auto* mark = request.if_contains("mark");
  const auto seen = mark != nullptr && mark->is_string() ? std::string(mark->as_string()) : std::string();
  const auto& dropped = replica.core().dropped();
  const auto count = dropped.size();
  if (count == 0) return {{"ok", true}, {"message", "no change was lost: there is nothing to acknowledge"}};
  if (replica::marked_by(seen, dropped) == 0) {
    return {{"ok", false}, {"message", "mark: wanted the one that `distributorctl losses` shows below its list, found " + (seen.empty() ? "none" : seen) +
                                           "; nothing was acknowledged; look again: the list may have changed"}};
  }
  replica.post(replica::AcknowledgeDropped{seen});
  const auto kept = replica.core().dropped().size();
  auto text = std::to_string(count - std::min(kept, count)) + " lost changes acknowledged";
  if (kept > 0) text += "; " + std::to_string(kept) + " are on the list still, or are being offered to the leader: look again";
  return {{"ok", true}, {"message", text}};
}

boost::json::object status_of(const ApiBackend& backend) {
  const auto pair = backend.pair();
  return {{"ok", true}, {"message", pair.phase}, {"role", pair.self.role}, {"ready", pair.self.ready}, {"maintenance", pair.maintenance}, {"entitled", pair.entitled},
          {"why_not", pair.why_not}, {"term", pair.self.term.value}, {"committed", pair.self.committed.value}, {"state_digest", pair.self.state_digest.hex()}};
}

}  // namespace

boost::json::object administer(const std::string& command, const boost::json::object& request, ReplicaShell& replica, const ApiBackend& backend) {
  if (command == "init-alone") return begin_alone(replica);
  if (command == "backup") return back_up(replica.store(), request);
  if (command == "status") return status_of(backend);
  if (command == "acknowledge-losses") return acknowledge(replica, request);
  return {{"ok", false}, {"message", "unknown command '" + command + "'; known: init-alone, acknowledge-losses, backup, switchover, switchover-and-wait, maintenance-on, maintenance-off, status"}};
}

}  // namespace distributor::node
