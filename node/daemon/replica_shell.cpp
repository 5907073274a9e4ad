#include "node/daemon/replica_shell.hpp"

#include <spdlog/spdlog.h>

#include <chrono>

#include "node/daemon/monotonic.hpp"
#include "node/daemon/overloaded.hpp"
#include "sync/replica/message_codec.hpp"

namespace distributor::node {
namespace {

constexpr auto kRoomEvery = std::chrono::seconds(1);  // between two looks at a full disk

}  // namespace

ReplicaShell::ReplicaShell(boost::asio::io_context& loop, store::Store store, replica::Config config, replica::DurableState durable, Hooks hooks)
    : loop_(loop),
      timer_(loop),
      room_timer_(loop),
      store_(std::move(store)),
      config_(std::move(config)),
      core_(config_, std::move(durable), monotonic_now()),
      hooks_(std::move(hooks)) {}

void ReplicaShell::start() { post(replica::Tick{}); }

void ReplicaShell::post(replica::Event event) {
  queue_.push_back(std::move(event));
  if (!draining_) drain();
}

void ReplicaShell::on_frame(std::string_view bytes) {
  auto message = replica::decode(bytes);
  if (!message) {
    if (stats_.messages_refused++ == 0) spdlog::warn("replication: a message of the peer cannot be read: {}; both nodes must run compatible versions", message.error().message);
    return;
  }
  post(replica::PeerMessage{std::move(*message)});
}

void ReplicaShell::submit(Command command, std::string request_id, ChangeDone done) {
  const auto handle = next_handle_++;
  waiting_.emplace(handle, std::move(done));
  post(replica::Submit{handle, std::move(command), std::move(request_id)});
}

void ReplicaShell::drain() {
  draining_ = true;
  while (!queue_.empty()) {
    const auto event = std::move(queue_.front());
    queue_.pop_front();
    for (auto& effect : core_.step(event, monotonic_now())) perform(effect);
  }
  draining_ = false;
  arm_timer();
  hooks_.stepped();
}

void ReplicaShell::perform(replica::Effect& effect) {
  std::visit(Overloaded{
                 [this](replica::SendMessage& send) {
                   const bool sent = hooks_.send(replica::encode(send.message));
                   ++(sent ? stats_.messages_sent : stats_.messages_unsent);
                 },
                 [this](replica::Persist& effect_persist) { persist(effect_persist); },
                 [this](replica::Reply& reply) {
                   count(reply);
                   const auto found = waiting_.find(reply.handle);
                   if (found == waiting_.end()) return;
                   auto done = std::move(found->second);
                   waiting_.erase(found);
                   done(std::move(reply.result));
                 },
                 [this](replica::Program& program) { hooks_.program(program); },
                 [this](replica::ResetLink&) { hooks_.reset_link(); },
                 [](replica::LogLine& line) {
                   const auto level = line.severity == replica::Severity::info      ? spdlog::level::info
                                      : line.severity == replica::Severity::warning ? spdlog::level::warn
                                                                                    : spdlog::level::err;
                   spdlog::log(level, "replication: {}", line.text);
                 },
             },
             effect);
}

void ReplicaShell::count(const replica::Reply& reply) {
  const auto* accepted = std::get_if<replica::ChangeAccepted>(&reply.result);
  if (accepted == nullptr) {
    ++stats_.changes_refused;
  } else if (accepted->changed) {
    stats_.last_change_pair = accepted->durability == replica::Durability::pair;
    ++(stats_.last_change_pair ? stats_.changes_pair : stats_.changes_local);
  }
}

void ReplicaShell::persist(const replica::Persist& effect) {
  // What follows a transaction that failed must not be written without it.
  if (write_failed_) return queue_.push_back(replica::PersistFailed{effect.token, "an earlier write failed"});
  const auto begin = std::chrono::steady_clock::now();
  const auto written = store_.persist(effect.batch);
  stats_.persist_last_ms = in_ms(std::chrono::steady_clock::now() - begin);
  ++stats_.persists;
  if (written) {
    queue_.emplace_back(replica::PersistDone{effect.token});
  } else {
    ++stats_.persist_failures;
    write_failed_ = true;
    spdlog::error("store: {}; {}", written.error().message, written.error().fix);
    queue_.emplace_back(replica::PersistFailed{effect.token, written.error().message + "; " + written.error().fix});
    if (written.error().code == store::StoreErrorCode::full) await_room();
  }
}

// A full disk is no broken one. The core is silent from its first refused write on, as if the daemon were dead, so the peer goes on
// alone; with room again this node comes back as after a restart: a new core, from what is on the disk.
void ReplicaShell::await_room() {
  room_timer_.expires_after(kRoomEvery);
  room_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    store_.check_room() ? begin_again() : await_room();
  });
}

void ReplicaShell::begin_again() {
  auto durable = store_.load();
  if (!durable) {
    spdlog::error("store: {}; {}", durable.error().message, durable.error().fix);
    return;
  }
  spdlog::warn("store: there is room on the disk again: this node begins again with what it had");
  ++config_.boot_id;  // another life: what the peer says to the old one is not meant for this one
  queue_.clear();
  write_failed_ = false;
  core_ = replica::Replica(config_, std::move(*durable), monotonic_now());
  start();
  hooks_.begun_again();
}

void ReplicaShell::arm_timer() {
  timer_.expires_at(time_point_of(core_.next_deadline()));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) post(replica::Tick{});
  });
}

}  // namespace distributor::node
