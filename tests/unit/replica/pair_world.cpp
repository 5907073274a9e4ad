#include "tests/unit/replica/pair_world.hpp"

#include <algorithm>

namespace distributor::replica::testing {

void apply_batch(DurableState& disk, const PersistBatch& batch) {
  if (batch.meta) disk.meta = *batch.meta;
  if (batch.truncate_after) std::erase_if(disk.log, [&](const LogEntry& entry) { return entry.seq > *batch.truncate_after; });
  const auto upsert = [&](const LoadBalancer& lb) {
    std::erase_if(disk.base, [&](const LoadBalancer& old) { return old.id == lb.id; });
    disk.base.push_back(lb);
  };
  if (batch.install_base) {
    disk.base = *batch.install_base;
    disk.log.clear();
  }
  for (const auto& lb : batch.base_upsert) upsert(lb);
  for (const auto& id : batch.base_erase) std::erase_if(disk.base, [&](const LoadBalancer& old) { return old.id == id; });
  if (batch.prune_through) std::erase_if(disk.log, [&](const LogEntry& entry) { return entry.seq <= *batch.prune_through; });
  disk.log.insert(disk.log.end(), batch.append.begin(), batch.append.end());
  if (batch.forget_dropped) disk.dropped.clear();
  disk.dropped.insert(disk.dropped.end(), batch.dropped.begin(), batch.dropped.end());
}

LoadBalancerId lb_number(unsigned number) {
  char text[40];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012u", number);
  return LoadBalancerId::parse(text).value();
}

Command plug(const LoadBalancerId& lb) {
  PlugCommand command;
  command.lb = lb;
  Vip vip;
  vip.address = IpAddress::parse("203.0.113.10").value();
  vip.subnet = IpPrefix::parse("203.0.113.0/24").value();
  command.vips = {vip};
  const auto digit = static_cast<std::uint8_t>(lb.text().back());
  const auto tens = static_cast<std::uint8_t>(lb.text()[lb.text().size() - 2]);
  NodeInterface one{NodeId::parse("node-a").value(), MacAddress({2, 0, 0, 0xa, tens, digit}), {}, {}};
  NodeInterface two{NodeId::parse("node-b").value(), MacAddress({2, 0, 0, 0xb, tens, digit}), {}, {}};
  command.nodes = {one, two};
  command.fresh_hash_seed = 42;
  return command;
}

Command registration(const LoadBalancerId& lb, std::uint32_t number, std::optional<Position> position) {
  RegisterCommand command;
  command.lb = lb;
  RegisterCommand::Item item;
  item.amphora.mac = MacAddress({2, 1, static_cast<std::uint8_t>(number >> 24U), static_cast<std::uint8_t>(number >> 16U),
                                 static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)});
  item.position = position;
  command.items = {item};
  return command;
}

World::World(std::uint64_t seed, std::size_t count) : random(seed) {
  config.pair_id = "pair";
  for (std::size_t i = 0; i < count; ++i) {
    Node node;
    node.id = NodeId::parse(i == 0 ? "node-a" : "node-b").value();
    nodes.push_back(std::move(node));
  }
}

void World::post(Duration delay, std::function<void()> action) { events.emplace(now + delay, std::move(action)); }

void World::boot(std::size_t i) {
  auto& node = nodes[i];
  auto own = config;
  own.node_id = node.id;
  own.boot_id = node.boot_id = random() | 1U;
  if (nodes.size() == 2) own.peer_id = nodes[1 - i].id;
  node.core = std::make_unique<Replica>(own, node.disk, now);
  ++node.life;
  step(i, Tick{});
  NodeFacts facts;
  facts.ovs_programmed = node.ovs_works;
  step(i, LocalFactsChanged{facts});
  if (link_up && nodes.size() == 2 && up(1 - i)) {
    connect(i);
    connect(1 - i);
  }
}

void World::connect(std::size_t i) {
  const auto life = nodes[i].life;
  const auto link = link_life;
  const auto peer_life = nodes[1 - i].life;
  post(milliseconds(1 + random() % 30), [this, i, life, link, peer_life] {
    if (up(i) && nodes[i].life == life && link_life == link && link_up && up(1 - i) && nodes[1 - i].life == peer_life) step(i, PeerConnected{});
  });
}

void World::crash(std::size_t i) {
  nodes[i].core.reset();
  ++nodes[i].life;
  nodes[i].ownership = Ownership::unknown;
  if (nodes.size() == 2 && up(1 - i) && link_up) {
    post(milliseconds(random() % 20), [this, i, life = nodes[i].life] {
      if (up(1 - i) && nodes[i].life == life) step(1 - i, PeerDisconnected{});
    });
  }
}

void World::wipe(std::size_t i) {
  nodes[i].disk = DurableState{};
  nodes[i].term_seen = Term{};
}

void World::set_link(bool wanted) {
  if (wanted == link_up) return;
  link_up = wanted;
  ++link_life;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!up(i)) continue;
    if (wanted) {
      connect(i);
    } else {
      step(i, PeerDisconnected{});
    }
  }
}

void World::own(std::size_t i, Ownership ownership, bool fresh) {
  nodes[i].ownership = ownership;
  if (up(i)) step(i, OwnershipChanged{ownership, fresh});
}

void World::give_ownership_to(std::size_t i) {
  if (nodes.size() == 2) own(1 - i, Ownership::backup);
  own(i, Ownership::master);
}

RequestHandle World::submit(std::size_t i, Command command, const std::string& request_id) {
  const auto handle = next_handle++;
  asked.emplace(handle, std::pair(i, command));
  step(i, Submit{handle, std::move(command), request_id});
  return handle;
}

void World::step(std::size_t i, const Event& event) {
  auto effects = nodes[i].core->step(event, now);
  for (auto& effect : effects) perform(i, effect);
  if (!up(i)) return;
  const auto term = nodes[i].disk.meta.term;
  if (term < nodes[i].term_seen) violations.push_back("the persisted term of node " + std::to_string(i) + " went back");
  nodes[i].term_seen = term;
}

void World::perform(std::size_t i, Effect& effect) {
  auto& node = nodes[i];
  const auto life = node.life;
  if (auto* send = std::get_if<SendMessage>(&effect)) {
    if (!link_up || nodes.size() != 2) return;
    if (std::uniform_real_distribution<>(0, 1)(random) < loss) return;
    const auto bytes = encode(send->message);
    // In order within a connection.
    auto at = std::max(now + fixed_delay.value_or(std::chrono::microseconds(100 + random() % 3000)), last_delivery[i]);
    last_delivery[i] = at;
    events.emplace(at, [this, i, bytes, link = link_life, peer_life = nodes[1 - i].life] {
      if (!up(1 - i) || link != link_life || nodes[1 - i].life != peer_life) return;
      auto message = decode(bytes);
      if (!message) {
        violations.push_back("a message of our own cannot be read: " + message.error().message);
        return;
      }
      if (on_delivery) on_delivery(1 - i, *message);
      step(1 - i, PeerMessage{std::move(*message)});
    });
  } else if (auto* persist = std::get_if<Persist>(&effect)) {
    // The batch is on the disk some time before its answer is seen; a crash in between leaves it there, one before does not.
    const auto begin = std::max(now, node.disk_free);
    const std::chrono::microseconds work = node.disk_work.value_or(std::chrono::microseconds(200 + random() % 3000));
    node.disk_free = begin + work;
    const auto delay = node.disk_free - now;
    post(delay - work / 2, [this, i, life, batch = std::make_shared<PersistBatch>(std::move(persist->batch))] {
      if (nodes[i].life == life && !nodes[i].store_broken) apply_batch(nodes[i].disk, *batch);
    });
    post(delay, [this, i, life, token = persist->token] {
      if (nodes[i].life != life || !up(i)) return;
      if (nodes[i].store_broken) {
        step(i, PersistFailed{token, "disk full"});
      } else {
        step(i, PersistDone{token});
      }
    });
  } else if (auto* reply = std::get_if<Reply>(&effect)) {
    Answer given{i, asked.at(reply->handle).second, reply->result, nodes[i].core->status().term};
    if (!answers.emplace(reply->handle, given).second) answered_twice.insert(reply->handle);
    if (on_answer) on_answer(given);
  } else if (auto* program = std::get_if<Program>(&effect)) {
    if (on_program) on_program(i, *program);
    post(std::chrono::microseconds(500 + random() % 1000), [this, i, life, seq = program->seq] {
      if (nodes[i].life == life && up(i) && nodes[i].ovs_works) step(i, Programmed{seq});
    });
  } else if (auto* line = std::get_if<LogLine>(&effect)) {
    node.log.push_back(std::to_string(std::chrono::duration_cast<milliseconds>(now).count() - 1'000'000) + " ms: " + line->text);
  }
}

bool World::step_one_event(TimePoint until) {
  auto next = until;
  std::optional<std::size_t> ticks;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!up(i)) continue;
    const auto deadline = std::max(nodes[i].core->next_deadline(), now + std::chrono::microseconds(100));
    if (deadline < next) {
      next = deadline;
      ticks = i;
    }
  }
  if (!events.empty() && events.begin()->first <= next) {
    now = std::max(now, events.begin()->first);
    const auto action = std::move(events.begin()->second);
    events.erase(events.begin());
    action();
    return true;
  }
  now = next;
  if (ticks) step(*ticks, Tick{});
  return ticks.has_value();
}

void World::hold_writes(std::size_t i, Writes writes, milliseconds limit) {
  if (up(i)) step(i, HoldWrites{writes, limit});
}

void World::run(milliseconds time) {
  const auto until = now + time;
  while (now < until) step_one_event(until);
}

bool World::run_until(const std::function<bool()>& condition, milliseconds limit) {
  const auto until = now + limit;
  while (!condition()) {
    if (now >= until) return false;
    step_one_event(until);
  }
  return true;
}

bool World::converged() const {
  if (!up(0) || !up(1)) return false;
  const auto a = status(0);
  const auto b = status(1);
  return a.leads != b.leads && a.state_digest == b.state_digest && a.last == b.last && a.committed == a.last && b.committed == b.last &&
         (a.leads ? a.phase : b.phase) == Phase::leading && (a.leads ? b.phase : a.phase) == Phase::following;
}

std::optional<Answer> World::answer(RequestHandle handle) const {
  const auto found = answers.find(handle);
  if (found == answers.end()) return std::nullopt;
  return found->second;
}

std::string World::story() const {
  std::string text;
  static constexpr const char* kPhases[] = {"waiting", "negotiating", "catching up", "following", "leading", "solo", "holding", "fenced", "failed"};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    text += "node " + std::to_string(i) + ":\n";
    for (const auto& line : nodes[i].log) text += "  " + line + "\n";
    if (!up(i)) continue;
    const auto now_is = status(i);
    text += std::string("  = ") + kPhases[static_cast<std::size_t>(now_is.phase)] + " term " + std::to_string(now_is.term.value) + " last " +
            std::to_string(now_is.last.value) + " committed " + std::to_string(now_is.committed.value) + " programmed " +
            std::to_string(now_is.programmed.value) + " floor " + std::to_string(now_is.pair_floor.value) + "\n";
  }
  return text;
}

}  // namespace distributor::replica::testing
