// Drives the role machine: keepalived's FIFO and state, the readiness file, the gatekeeper's beats. Holds no decision of its own.
// Without a [keepalived] section the machine runs standalone and this shell touches no file (H9). One thread (the event loop).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "ha/gatekeeper/client.hpp"
#include "ha/keepalived/fifo_reader.hpp"
#include "ha/keepalived/state_query.hpp"
#include "ha/role/role.hpp"
#include "node/config/config.hpp"

namespace distributor::node {

class RoleShell {
 public:
  struct Hooks {
    std::function<void()> master_line;  // keepalived's line was read; what becomes of it comes by the hooks below
    std::function<void(bool open)> set_gate;
    std::function<void()> gate_may_differ;  // the gatekeeper was in charge: Open vSwitch may not be as this daemon left it
    std::function<void(role::AnnounceReason reason)> announce;
    std::function<void(role::Ownership ownership, bool fresh_edge)> ownership_changed;
  };

  RoleShell(boost::asio::io_context& loop, const Config& config, Hooks hooks);

  tl::expected<void, std::string> start();  // error: what to do
  void post(role::Event event);
  void set_sync(const role::SyncFacts& facts);      // equal facts cost nothing
  void set_health(const role::HealthFacts& facts);  // likewise

  role::Status status() const { return machine_.status(); }
  bool gatekeeper_connected() const { return gatekeeper_ && gatekeeper_->connected(); }

 private:
  tl::expected<void, std::string> follow_keepalived();
  void drain();
  void perform(const role::Effect& effect);
  void query_keepalived();
  void arm_timer();

  boost::asio::io_context& loop_;
  boost::asio::steady_timer timer_;
  const Config& config_;
  Hooks hooks_;
  role::RoleMachine machine_;
  std::unique_ptr<keepalived::FifoReader> fifo_;
  std::unique_ptr<keepalived::StateQuery> query_;
  std::unique_ptr<gatekeeper::GatekeeperClient> gatekeeper_;
  std::deque<role::Event> queue_;
  std::optional<role::SyncFacts> sync_;
  std::optional<role::HealthFacts> health_;
  bool draining_ = false;
};

}  // namespace distributor::node
