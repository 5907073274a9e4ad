// The programmer's inside: one session, one ledger, at most one bulk and one urgent transaction, and who waits for
// them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

#include "openflow/programmer/detail/discovery.hpp"
#include "openflow/programmer/detail/session.hpp"
#include "openflow/programmer/detail/transaction.hpp"
#include "openflow/programmer/ledger.hpp"
#include "openflow/programmer/programmer.hpp"
#include "openflow/wire/multipart.hpp"
#include "openflow/wire/watch.hpp"

namespace distributor::programmer {

struct Programmer::Impl : std::enable_shared_from_this<Programmer::Impl> {
  using Clock = std::chrono::steady_clock;
  using Lane = detail::Session::Lane;
  using CommitResult = tl::expected<ProgramReport, ProgramError>;
  using ReplyBody = tl::expected<std::string, ProgramError>;
  using ReplyCallback = std::function<void(ReplyBody)>;

  // A caller of commit(), commit_urgent() or reconcile(). Answered once; then `done` is empty.
  struct Waiter {
    CommitCallback done;
    std::set<Key> keys;  // fails if one of these is refused
  };
  using WaiterPointer = std::shared_ptr<Waiter>;

  struct Flight {
    detail::Transaction transaction;
    Clock::time_point begin;
    std::vector<WaiterPointer> waiters;
  };

  struct Reading {
    std::optional<std::string> flows;
    std::optional<std::string> groups;
    std::optional<std::string> meters;  // asked for only where the datapath has enough of them
    bool spoiled = false;  // something was programmed meanwhile: what was read may be older than that
  };

  struct PendingReply {
    wire::MultipartReply reply;
    ReplyCallback done;
  };

  Impl(boost::asio::io_context& io_context, Options its_options, Events its_events);

  // --- connection (impl_connection.cpp)
  void connect();
  void on_ready();
  void on_closed(const std::string& why);
  void on_message(const wire::Message& message);
  void shut_down();
  void ask(wire::MultipartType type, ReplyCallback done);
  bool on_reply(const wire::Message& message);
  std::uint32_t take_xids(std::uint32_t count);

  // --- what others do, and what the datapath can (impl_watch.cpp)
  void discover();
  bool on_discovery(const wire::Message& message);
  bool on_watch(const wire::Message& message);
  void on_foreign_changes(const wire::Decoded<wire::ForeignChanges>& changes);
  bool start_repair();
  void read_back_in(Clock::duration wait);
  bool use_meters() const { return !options.meters.empty() && capabilities.meters_max >= options.meters.size(); }
  void program_meters(const std::vector<wire::MeterDescription>& standing);

  // --- programming (impl_program.cpp)
  void pump();
  void start_urgent();
  void start_reading();
  void on_read();
  void start_bulk(Plan plan);
  std::optional<Flight> launch(Plan plan, std::vector<WaiterPointer> waiters);
  void advance(std::optional<Flight>& flight, Lane lane);
  void finish(Flight flight);
  void on_refusal(const Flight& flight);
  void retry_later();
  void complain(const ProgramError& error);

  // --- waiters (programmer.cpp)
  WaiterPointer make_waiter(CommitCallback done, std::set<Key> keys, std::uint32_t timeout_ms);
  void answer(Waiter& waiter, CommitResult result);
  void forget_answered();
  void arm_deadline();
  std::set<Key> keys_under_way() const;
  std::vector<WaiterPointer> take_waiters(std::vector<WaiterPointer>& from);

  // Runs `call` later, unless the programmer is gone by then.
  template <typename Call>
  void later(Call call) {
    boost::asio::post(io, [weak = weak_from_this(), call = std::move(call)]() mutable {
      if (const auto self = weak.lock(); self && !self->shut) call();
    });
  }

  boost::asio::io_context& io;
  Options options;
  Events events;
  Ledger ledger;
  Statistics statistics;

  std::shared_ptr<detail::Session> session;
  boost::asio::steady_timer reconnect_timer;
  std::uint32_t backoff_ms;
  std::string last_why;
  std::unordered_map<std::uint32_t, PendingReply> replies;  // by xid
  std::uint32_t next_xid;
  std::uint32_t next_bundle_id = 1;

  std::optional<detail::Discovery> discovery;
  Capabilities capabilities;
  boost::asio::steady_timer read_back_timer;
  Clock::time_point last_read_back;
  bool read_back_armed = false;
  bool read_back_whole = false;  // what was seen is not all: `sightings` is not to be used
  Sightings sightings;
  Clock::time_point next_repair;

  bool shut = false;
  bool discovered = false;   // what the datapath can do is known, and the owner was told
  bool programming = false;  // start_programming() was called
  bool known = false;        // what stands in OVS is known
  bool announced = false;    // on_synchronised was called for this connection
  bool ever_synchronised = false;
  bool unsettled = false;    // a commit failed or a connection was lost, and on_settled was not called since
  bool bulk_wanted = false;  // committed, and not yet planned
  bool held = false;         // after a refusal that names no rule, until retry_timer
  std::shared_ptr<Reading> reading;
  std::optional<Flight> bulk;
  std::optional<Flight> urgent;

  std::vector<WaiterPointer> committing;              // for the next bulk
  std::vector<WaiterPointer> reconciling;             // for the next read-back
  std::deque<std::pair<Key, WaiterPointer>> urgents;  // in order
  std::multimap<Clock::time_point, std::weak_ptr<Waiter>> deadlines;
  boost::asio::steady_timer deadline_timer;
  std::map<Key, ProgramError> refusals;
  boost::asio::steady_timer retry_timer;
  std::uint32_t retry_ms;
  bool retry_armed = false;
};

}  // namespace distributor::programmer
