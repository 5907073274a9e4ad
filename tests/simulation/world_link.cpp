// The sync link: frames are lost, doubled, late, out of order; a connection ends when its frames stop or its process dies.
#include <algorithm>

#include "sync/replica/message_codec.hpp"
#include "tests/simulation/world.hpp"

namespace distributor::simulation {
namespace {

constexpr Duration kPulse = milliseconds(50);
constexpr Duration kHeartbeatTimeout = milliseconds(1000);  // sync/link's own

}  // namespace

void World::cut_sync(std::size_t from, bool cut) {
  if (sync_cut[from] == cut) return;
  sync_cut[from] = cut;
  timeline.trace(name(from), cut ? "cut" : "joined", 0, 0, [] { return std::string("frames to the peer"); });
}

void World::send(std::size_t from, const replica::Message& message) {
  const auto to = 1 - from;
  const auto bytes = std::make_shared<std::string>(replica::encode(message));
  timeline.trace(name(from), "send", message.body.index(), bytes->size(), [&] {
    static constexpr const char* kNames[] = {"Hello", "Append", "Commit", "Ack", "Nack", "ProgrammedAck", "Heartbeat", "Stale", "SnapshotBegin", "SnapshotChunk",
                                             "SnapshotCredit", "Orphans", "OrphansTaken"};
    const auto index = message.body.index();
    std::string text = index < std::size(kNames) ? kNames[index] : "?";
    text += " term " + std::to_string(message.header.term.value);
    if (const auto* append = std::get_if<replica::Append>(&message.body)) {
      text += " after " + std::to_string(append->previous.seq.value) + ", " + std::to_string(append->entries.size()) + " entries, last " + std::to_string(append->last.seq.value);
    } else if (const auto* ack = std::get_if<replica::Ack>(&message.body)) {
      text += " durable " + std::to_string(ack->durable.seq.value) + (ack->synced ? " synced" : "");
    } else if (const auto* beat = std::get_if<replica::Heartbeat>(&message.body)) {
      text += " last " + std::to_string(beat->last.seq.value) + " committed " + std::to_string(beat->committed.value) + (beat->leads ? " leads" : "");
    } else if (const auto* hello = std::get_if<replica::Hello>(&message.body)) {
      text += " last " + std::to_string(hello->last.seq.value) + " floor " + std::to_string(hello->pair_floor.seq.value) + (hello->leads ? " leads" : "") +
              (hello->vrrp_master ? " MASTER" : "") + (hello->ever_synced ? "" : " never synced");
    }
    return text;
  });
  const bool connected = hosts[from].daemon->connected;
  if (!connected || sync_cut[from] || random.chance(plan.loss)) return;
  auto when = timeline.now() + microseconds(80 + random.below(800));
  if (random.chance(plan.spike)) when += milliseconds(random.between(5, 400));
  if (!random.chance(plan.reorder)) {
    when = std::max(when, last_delivery_[from]);
    last_delivery_[from] = when;
  } else {
    when += milliseconds(random.below(30));
  }
  timeline.at(when, [this, to, bytes] { deliver(to, *bytes); });
  if (random.chance(plan.duplicate)) {
    const auto late = random.below(3) == 0 ? milliseconds(random.below(30'000)) : milliseconds(random.below(50));
    timeline.at(when + late, [this, to, bytes] { deliver(to, *bytes); });
  }
}

// A frame may meet a later process than the one that it was meant for.
void World::deliver(std::size_t to, const std::string& bytes) {
  if (!up(to)) return;
  post(to, Part::daemon, Duration(0), [this, to, bytes] {
    auto message = replica::decode(bytes);
    if (!message) {
      if (observer != nullptr) observer->unreadable(to, message.error().message);
      return;
    }
    post_core(to, replica::PeerMessage{std::move(*message)});
  });
}

void World::reset_link() {
  timeline.trace("-", "link", 0, 0, [] { return std::string("begins anew"); });
  for (std::size_t i = 0; i < 2; ++i) hosts[i].peer_life_connected = ~std::uint64_t{0};
}

void World::link_pulse() {
  for (std::size_t i = 0; i < 2; ++i) judge_link(i);
  timeline.at(timeline.now() + kPulse, [this] { link_pulse(); });
}

void World::judge_link(std::size_t host) {
  auto& self = hosts[host];
  if (!self.daemon) {
    self.link_dead_since.reset();
    return;
  }
  auto& daemon = *self.daemon;
  const auto& peer = hosts[1 - host];
  const auto index = static_cast<std::size_t>(Part::daemon);
  const bool wire = !sync_cut[0] && !sync_cut[1];
  const bool talks = wire && peer.daemon && !frozen(1 - host, Part::daemon) && !frozen(host, Part::daemon);
  if (daemon.connected) {
    if (talks && self.peer_life_connected == peer.life[index]) {
      self.link_dead_since.reset();
      return;
    }
    if (!self.link_dead_since) self.link_dead_since = timeline.now();
    const bool told = wire && self.peer_life_connected != peer.life[index];  // a reset came
    if (!told && timeline.now() - *self.link_dead_since < kHeartbeatTimeout) return;
    self.link_dead_since.reset();
    post(host, Part::daemon, Duration(0), [this, host] {
      auto& one = *hosts[host].daemon;
      if (!one.connected) return;
      one.connected = false;
      timeline.trace(name(host), "link", 1, 0, [] { return std::string("lost"); });
      post_core(host, replica::PeerDisconnected{});
    });
    return;
  }
  if (!talks || self.link_coming) return;
  self.link_coming = true;
  const auto life = peer.life[index];
  const auto own_life = self.life[index];
  after(milliseconds(1 + random.below(100)), [this, host, life, own_life, index] {
    auto& one = hosts[host];
    one.link_coming = false;
    const bool still = one.daemon && one.life[index] == own_life && !one.daemon->connected && hosts[1 - host].daemon && hosts[1 - host].life[index] == life &&
                       !sync_cut[0] && !sync_cut[1];
    if (!still) return;
    post(host, Part::daemon, Duration(0), [this, host, life] {
      auto& this_one = hosts[host];
      if (this_one.daemon->connected) return;
      this_one.daemon->connected = true;
      this_one.peer_life_connected = life;
      timeline.trace(name(host), "link", 2, 0, [] { return std::string("stands"); });
      post_core(host, replica::PeerConnected{});
      if (on_connected) on_connected(host);
    });
  });
}

}  // namespace distributor::simulation
