// A follower under a leader that says anything: snapshots, entries, commits, heartbeats, in any order (X3). Input: messages, each behind its length
// (2 bytes, big-endian). Whatever comes, the core stays whole and its disk can be loaded again.
#include "sync/replica/message_codec.hpp"
#include "sync/replica/replica.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/unit/replica/pair_world.hpp"

namespace distributor::fuzz {
namespace {

using namespace replica;

struct Follower {
  Config config;
  DurableState disk;
  std::unique_ptr<Replica> core;
  TimePoint now{std::chrono::seconds(1000)};

  Follower() {
    config.node_id = *NodeId::parse("node-b");
    config.peer_id = *NodeId::parse("node-a");
    config.pair_id = "pair";
    config.boot_id = 2;
    disk.meta.pair_id = config.pair_id;
    disk.meta.node_id = config.node_id;
    core = std::make_unique<Replica>(config, disk, now);
    step(PeerConnected{});
    Hello hello;
    hello.number = 1;
    hello.pair_id = config.pair_id;
    hello.node_id = *config.peer_id;
    hello.ever_synced = true;
    hello.leads = true;
    hello.term = Term{4};
    hello.answer = HelloAnswer{1, true};
    step(PeerMessage{{header(Term{4}), hello}});
  }

  Header header(Term term) const { return {*config.peer_id, 1, config.boot_id, term}; }

  void step(const Event& event) {
    for (auto& effect : core->step(event, now)) {
      auto* persist = std::get_if<Persist>(&effect);
      if (persist == nullptr) continue;
      replica::testing::apply_batch(disk, persist->batch);
      step(PersistDone{persist->token});
    }
  }
};

}  // namespace

void one_input(std::string_view bytes) {
  Follower follower;
  while (bytes.size() >= 2) {
    const std::size_t length = static_cast<std::uint8_t>(bytes[0]) * 256U + static_cast<std::uint8_t>(bytes[1]);
    const auto message = decode(bytes.substr(2, length));
    bytes.remove_prefix(std::min(bytes.size(), length + 2));
    if (!message) continue;
    follower.now += std::chrono::milliseconds(150);
    follower.step(PeerMessage{{follower.header(std::max(message->header.term, Term{4})), message->body}});
  }
  const auto status = follower.core->status();
  Registry again;
  for (const auto& [id, lb] : follower.core->applied().all()) {
    if (!again.restore(*lb)) __builtin_trap();
  }
  if (again.digest() != status.state_digest) __builtin_trap();
  // What it persisted is a history that it can start from.
  Replica restarted(follower.config, follower.disk, follower.now);
  (void)restarted.step(Tick{}, follower.now);
  if (restarted.status().phase == Phase::failed || restarted.status().last != status.last) __builtin_trap();
}

}  // namespace distributor::fuzz
