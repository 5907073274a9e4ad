// Drives the planned switchover and what asks for it: the API, the local socket, maintenance, and the end of the daemon (H7).
// One thread (the event loop).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "ha/switchover/switchover.hpp"

namespace distributor::node {

class SwitchoverShell {
 public:
  struct Hooks {
    std::function<void(switchover::Clients clients, switchover::Duration limit)> clients;
    std::function<void(switchover::Duration limit, std::function<void(std::optional<std::string> why_not)> answer)> ask_peer;
    std::function<void()> call_off;
    std::function<void(bool leave)> leave;  // readiness
  };
  // Error: why it was refused or called off; nothing has changed then.
  using Done = std::function<void(tl::expected<switchover::Report, std::string>)>;

  // `flag`: the file that says maintenance; it outlives the daemon, not the boot.
  SwitchoverShell(boost::asio::io_context& loop, switchover::Config config, std::filesystem::path flag, Hooks hooks);

  void start();
  void set_facts(const switchover::Facts& facts, bool ready);  // equal facts cost nothing
  void begin(bool before_the_address_moves, Done done);
  // When this node is ready again, after a switchover; at the latest after `limit`, then with an error.
  void wait_ready(std::chrono::seconds limit, std::function<void(bool ready)> done);

  // Away from ownership until told otherwise. On the owner: hands over now, or as soon as the peer is ready.
  tl::expected<void, std::string> set_maintenance(bool on);
  bool maintenance() const { return maintenance_; }

  // The daemon is about to end: hands over if that is possible at once, and calls done, after `limit` at the latest.
  void leave_for_good(std::chrono::milliseconds limit, std::function<void()> done);

  bool owner() const { return facts_.owner; }
  std::string why_not() const { return machine_.why_not(); }
  const std::optional<switchover::Report>& last() const { return last_; }
  std::uint64_t completed() const { return completed_; }
  std::uint64_t called_off() const { return called_off_; }

 private:
  struct Waiting {
    bool before_the_address_moves = false;
    Done done;
  };
  void step(const switchover::Event& event);
  void perform(const switchover::Effect& effect);
  void tell(const tl::expected<switchover::Report, std::string>& result, bool only_early);
  void apply_leave();
  void maintain();
  void arm_timer();

  boost::asio::io_context& loop_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer retry_timer_;
  boost::asio::steady_timer ready_timer_;
  boost::asio::steady_timer stop_timer_;
  std::filesystem::path flag_;
  Hooks hooks_;
  switchover::Switchover machine_;
  switchover::Facts facts_;
  std::deque<switchover::Event> queue_;
  std::vector<Waiting> waiting_;
  std::vector<std::function<void(bool)>> waiting_ready_;
  std::optional<switchover::Report> last_;
  std::uint64_t completed_ = 0;
  std::uint64_t called_off_ = 0;
  std::uint64_t question_ = 0;
  bool stepping_ = false;
  bool ready_ = false;
  bool maintenance_ = false;
  bool handing_over_ = false;  // what the machine says of readiness
  bool ending_ = false;
  bool leave_told_ = false;
  bool retry_pending_ = false;
};

}  // namespace distributor::node
