#include "tests/simulation/clients.hpp"

#include <cstdio>

namespace distributor::simulation {

LoadBalancerId lb_number(std::uint32_t number) {
  char text[40];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012u", number);
  return LoadBalancerId::parse(text).value();
}

MacAddress amphora(std::uint32_t number) {
  return MacAddress({2, 1, static_cast<std::uint8_t>(number >> 24U), static_cast<std::uint8_t>(number >> 16U), static_cast<std::uint8_t>(number >> 8U),
                     static_cast<std::uint8_t>(number)});
}

Command plug_of(std::uint32_t lb, std::optional<std::uint64_t> hash_seed) {
  PlugCommand command;
  command.lb = lb_number(lb);
  Vip vip;
  vip.address = IpAddress::parse("203.0.113.10").value();
  vip.subnet = IpPrefix::parse("203.0.113.0/24").value();
  command.vips = {vip};
  const auto low = static_cast<std::uint8_t>(lb);
  command.nodes = {NodeInterface{NodeId::parse("node-a").value(), MacAddress({2, 0, 0, 0xa, 0, low}), {}, {}},
                   NodeInterface{NodeId::parse("node-b").value(), MacAddress({2, 0, 0, 0xb, 0, low}), {}, {}}};
  command.hash_seed = hash_seed;
  command.fresh_hash_seed = 1000 + lb;
  return command;
}

Command register_of(std::uint32_t lb, std::uint32_t number, std::optional<Position> position, std::optional<AmphoraRole> role) {
  RegisterCommand command;
  command.lb = lb_number(lb);
  RegisterCommand::Item item;
  item.amphora.mac = amphora(number);
  item.position = position;
  item.role = role;
  command.items = {item};
  return command;
}

Clients::Clients(World& world, Judge& judge) : world_(world), judge_(judge), random_(world.random.fork()) {
  judge.to_clients = [this](replica::RequestHandle handle, const replica::Reply& reply) { outcome(handle, reply); };
}

void Clients::start(std::uint32_t count) {
  clients_.resize(count);
  for (std::size_t i = 0; i < clients_.size(); ++i) pause_then_work(i);
}

// Whoever holds the management address; of two, either one.
std::optional<std::size_t> Clients::address_holder() {
  const bool a = world_.vrrp.holds_address(0);
  const bool b = world_.vrrp.holds_address(1);
  if (a && b) return random_.below(2);
  if (!a && !b) return std::nullopt;
  return a ? 0 : 1;
}

replica::RequestHandle Clients::call(std::size_t host, const Command& command, const std::string& request_id) {
  const auto handle = next_handle_++;
  judge_.called(handle, host, command, request_id);
  world_.timeline.trace(world_.name(host), "call", handle, command.index(), [&] {
    static constexpr const char* kNames[] = {"PLUG", "UNPLUG", "REGISTER", "UNREGISTER", "REPLACE"};
    return "#" + std::to_string(handle) + " " + kNames[command.index()] + " " + load_balancer_of(command).text().substr(33);
  });
  world_.submit(host, handle, command, request_id);
  return handle;
}

void Clients::pause_then_work(std::size_t client) {
  const auto mean = static_cast<std::uint64_t>(world_.plan.client_pause.count());
  world_.after(Duration(static_cast<std::int64_t>(random_.below(2 * mean + 1))), [this, client] { work(client); });
}

void Clients::work(std::size_t index) {
  if (paused_) {
    world_.after(milliseconds(200), [this, index] { work(index); });
    return;
  }
  auto& client = clients_[index];
  if (!client.next.empty()) {
    client.command = client.next.front();
    client.next.erase(client.next.begin());
  } else {
    client.command = choose();
    // Now and then everything that Octavia's records say is pushed again, as after the loss of both nodes.
    if (random_.below(25) == 0) {
      client.next = repush(1 + static_cast<std::uint32_t>(random_.below(world_.plan.load_balancers)));
    }
  }
  client.request_id = random_.below(3) == 0 ? "id-" + std::to_string(++ids_) : "";
  client.tries_left = static_cast<int>(random_.between(1, 4));
  send(index);
}

void Clients::send(std::size_t index) {
  auto& client = clients_[index];
  ++client.turn;
  --client.tries_left;
  client.open.reset();
  const auto turn = client.turn;
  const auto host = address_holder();
  const auto give_up = milliseconds(random_.between(500, 9000));
  world_.after(host ? give_up : milliseconds(200), [this, index, turn] {
    if (clients_[index].turn == turn) finished(index, false);
  });
  if (!host) return;
  world_.after(microseconds(300 + random_.below(2000)), [this, index, turn, to = *host] {
    auto& self = clients_[index];
    if (self.turn != turn || !world_.up(to)) return;
    const int times = random_.chance(world_.plan.request_doubled) ? 2 : 1;  // a proxy or the client's own library sends it again
    for (int i = 0; i < times; ++i) {
      world_.post(to, Part::daemon, milliseconds(i), [this, index, turn, to] {
        auto& one = clients_[index];
        if (one.turn != turn) return;
        const auto handle = next_handle_;
        owner_.emplace(handle, index);
        one.open = handle;
        call(to, one.command, one.request_id);
      });
    }
  });
}

void Clients::outcome(replica::RequestHandle handle, const replica::Reply& reply) {
  const auto* accepted = std::get_if<replica::ChangeAccepted>(&reply.result);
  if (accepted != nullptr) {
    ++accepted_;
    const auto& id = load_balancer_of(judge_.attempts().at(handle).command);
    if (accepted->after) {
      records_.insert_or_assign(id, *accepted->after);
    } else {
      records_.erase(id);
    }
  }
  const auto found = owner_.find(handle);
  if (found == owner_.end()) return;
  const auto index = found->second;
  owner_.erase(found);
  if (random_.chance(world_.plan.reply_lost)) return;
  const auto turn = clients_[index].turn;
  const auto code = accepted != nullptr ? std::nullopt : std::optional(std::get<replica::ChangeRefused>(reply.result).code);
  world_.after(microseconds(200 + random_.below(1000)), [this, index, turn, code] {
    if (clients_[index].turn == turn) finished(index, !code || *code == replica::RefusalCode::registry);
  });
}

void Clients::finished(std::size_t index, bool known) {
  auto& client = clients_[index];
  ++client.turn;
  const bool again = known ? random_.below(10) == 0 : true;  // a replay of what was answered, or a retry
  if (again && client.tries_left > 0) {
    const auto turn = client.turn;
    world_.after(milliseconds(random_.below(known ? 20 : 1000)), [this, index, turn] {
      if (clients_[index].turn == turn) send(index);
    });
    return;
  }
  pause_then_work(index);
}

Command Clients::choose() {
  const auto lb = 1 + static_cast<std::uint32_t>(random_.below(world_.plan.load_balancers));
  const auto found = records_.find(lb_number(lb));
  if (found == records_.end()) return plug_of(lb);
  return choose_for(lb, found->second);
}

Command Clients::choose_for(std::uint32_t lb, const LoadBalancer& known) {
  std::vector<MacAddress> macs;
  for (const auto& slot : known.slots) {
    if (slot.occupant) macs.push_back(slot.occupant->mac);
  }
  for (const auto& spare : known.spares) macs.push_back(spare.mac);
  const auto some = [&] { return macs.empty() ? amphora(1) : macs[random_.below(macs.size())]; };
  switch (random_.below(12)) {
    case 0:
      return plug_of(lb, known.hash_seed);
    case 1:
      return random_.below(4) == 0 ? Command(UnplugCommand{known.id}) : plug_of(lb);
    case 2:
    case 3:
      return UnregisterCommand{known.id, {some()}};
    case 4:
    case 5:
      return ReplaceCommand{known.id, some(), known.spares.empty() || random_.below(2) == 0 ? std::nullopt : std::optional(known.spares.front().mac)};
    case 6:
    case 7:
      return register_of(lb, ++amphorae_, {}, AmphoraRole::standby);
    case 8:
      return register_of(lb, ++amphorae_, Position{static_cast<std::uint32_t>(random_.below(8))});
    case 9:
      return register_of(lb, 1 + static_cast<std::uint32_t>(random_.below(amphorae_ + 1)));  // an old one comes back
    default:
      return register_of(lb, ++amphorae_);
  }
}

std::vector<Command> Clients::repush(std::uint32_t lb) const {
  const auto found = records_.find(lb_number(lb));
  if (found == records_.end()) return {};
  const auto& known = found->second;
  std::vector<Command> commands{plug_of(lb, known.hash_seed)};
  RegisterCommand all;
  all.lb = known.id;
  for (std::uint32_t i = 0; i < known.slots.size(); ++i) {
    if (known.slots[i].occupant) all.items.push_back({*known.slots[i].occupant, Position{i}, AmphoraRole::active});
  }
  for (const auto& spare : known.spares) all.items.push_back({spare, {}, AmphoraRole::standby});
  if (!all.items.empty()) commands.emplace_back(std::move(all));
  return commands;
}

}  // namespace distributor::simulation
