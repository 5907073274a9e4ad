// Octavia-like clients at the management address: plug, register, replace, unregister, unplug; retries after a time-out, replays of a
// call that was answered, re-push of the positions that Octavia's records hold.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/judge.hpp"
#include "tests/simulation/world.hpp"

namespace distributor::simulation {

LoadBalancerId lb_number(std::uint32_t number);
Command plug_of(std::uint32_t lb, std::optional<std::uint64_t> hash_seed = {});
MacAddress amphora(std::uint32_t number);
Command register_of(std::uint32_t lb, std::uint32_t number, std::optional<Position> position = {}, std::optional<AmphoraRole> role = {});

class Clients {
 public:
  Clients(World& world, Judge& judge);

  void start(std::uint32_t count);
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }
  // One call outside of the stream, at a given node. Its outcome is in Judge::attempts().
  replica::RequestHandle call(std::size_t host, const Command& command, const std::string& request_id = "");
  std::optional<std::size_t> address_holder();  // who answers at the management address

  std::uint64_t calls() const { return next_handle_ - 1; }
  std::size_t accepted() const { return accepted_; }
  // What Octavia's records hold of a load balancer: the list in the newest answer.
  const std::map<LoadBalancerId, LoadBalancer>& records() const { return records_; }
  std::vector<Command> repush(std::uint32_t lb) const;

 private:
  struct Client {
    Command command;
    std::string request_id;
    int tries_left = 0;
    std::optional<replica::RequestHandle> open;
    std::uint64_t turn = 0;  // a time-out of an earlier call is void
    std::vector<Command> next;
  };
  void work(std::size_t client);
  void send(std::size_t client);
  void outcome(replica::RequestHandle handle, const replica::Reply& reply);
  void finished(std::size_t client, bool known);
  Command choose();
  Command choose_for(std::uint32_t lb, const LoadBalancer& known);
  void pause_then_work(std::size_t client);

  World& world_;
  Judge& judge_;
  Prng random_;
  std::vector<Client> clients_;
  std::map<replica::RequestHandle, std::size_t> owner_;
  std::map<LoadBalancerId, LoadBalancer> records_;
  replica::RequestHandle next_handle_ = 1;
  std::uint32_t amphorae_ = 0;
  std::uint64_t ids_ = 0;
  std::size_t accepted_ = 0;
  bool paused_ = false;
};

}  // namespace distributor::simulation
