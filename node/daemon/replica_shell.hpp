// Drives the replication core: carries its effects out in their order, feeds the results back, keeps its timer.
// Holds no decision of its own. One thread (the event loop); a persist blocks it for one fsync.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "sync/replica/replica.hpp"
#include "sync/store/store.hpp"

namespace distributor::node {

class ReplicaShell {
 public:
  using ChangeDone = std::function<void(std::variant<replica::ChangeAccepted, replica::ChangeRefused>)>;

  struct Hooks {
    std::function<bool(std::string_view message)> send;  // to the peer; false: not connected
    std::function<void()> reset_link;
    std::function<void(const replica::Program&)> program;  // answer with post(Programmed)
    std::function<void()> stepped;                         // the status may have changed
    std::function<void()> begun_again;  // a new core: tell it what the old one was told (connection, ownership, facts)
  };

  struct Stats {
    std::uint64_t persists = 0;
    std::uint64_t persist_failures = 0;
    double persist_last_ms = 0;
    std::uint64_t changes_pair = 0;   // answered as durable on both nodes
    std::uint64_t changes_local = 0;  // on this one only
    std::uint64_t changes_refused = 0;
    bool last_change_pair = true;  // the newest change answered; true before the first
    std::uint64_t messages_sent = 0;
    std::uint64_t messages_unsent = 0;  // no peer
    std::uint64_t messages_refused = 0;  // from the peer, could not be read
  };

  ReplicaShell(boost::asio::io_context& loop, store::Store store, replica::Config config, replica::DurableState durable, Hooks hooks);

  void start();
  void post(replica::Event event);
  void on_frame(std::string_view bytes);  // a message of the peer
  void submit(Command command, std::string request_id, ChangeDone done);

  const replica::Replica& core() const { return core_; }
  const Stats& stats() const { return stats_; }
  store::Store& store() { return store_; }

 private:
  void drain();
  void perform(replica::Effect& effect);
  void persist(const replica::Persist& effect);
  void count(const replica::Reply& reply);
  void arm_timer();
  void await_room();
  void begin_again();

  boost::asio::io_context& loop_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer room_timer_;
  store::Store store_;
  replica::Config config_;
  replica::Replica core_;
  Hooks hooks_;
  Stats stats_;
  std::deque<replica::Event> queue_;
  std::map<replica::RequestHandle, ChangeDone> waiting_;
  replica::RequestHandle next_handle_ = 1;
  bool draining_ = false;
  bool write_failed_ = false;  // of this core
};

}  // namespace distributor::node
