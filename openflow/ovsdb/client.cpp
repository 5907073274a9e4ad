#include "openflow/ovsdb/client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <utility>

#include "openflow/ovsdb/detail/session.hpp"
#include "openflow/ovsdb/detail/transactions.hpp"
#include "openflow/ovsdb/detail/view.hpp"

namespace distributor::ovsdb {
namespace asio = boost::asio;
namespace json = boost::json;
using detail::Operations;

class Client::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, Config config)
      : io_(io), config_(std::move(config)), session_(std::make_shared<detail::Session>(io, config_)), timer_(io) {}

  void start();
  void stop();
  void changed();

  void ensure_bridge(const BridgeSpec& spec, Completion<BridgeRow> done);
  void attach(const PortSpec& spec, Completion<PortRow> done);
  template <typename T>
  void write(Operations operations, Completion<T> done, std::function<void(std::int64_t next_cfg)> then);
  void write_only(Operations operations, Completion<bool> done);

  // Runs `check` now (from the event loop) and after every change until it is done: it completes its caller and returns
  // true. At the time limit, or when the connection is lost, `give_up` is called instead.
  struct Wait {
    std::function<bool()> check;
    std::function<void(ErrorCode)> give_up;
    std::chrono::steady_clock::time_point deadline;
  };
  void await(std::function<bool()> check, std::function<void(ErrorCode)> give_up);

  template <typename T>
  void complete(const Completion<T>& done, Result<T> result) {
    asio::post(io_, [self = shared_from_this(), done, result = std::move(result)] {
      if (!self->stopped_) done(result);
    });
  }

  std::optional<Error> not_connected() const {
    if (synchronised_) return std::nullopt;
    return Error{ErrorCode::disconnected,
                 "no connection to ovsdb-server at " + config_.socket_path + "; is it running?"};
  }

  detail::View view_;
  bool synchronised_ = false;
  std::vector<std::function<void()>> listeners_;
  std::function<void(bool, const std::string&)> log_ = [](bool, const std::string&) {};

 private:
  void monitor();
  void disconnected();
  void notified(const std::string& method, const json::array& params);
  void apply(const json::value& updates);
  void check_waits();
  void arm();
  std::uint16_t choose_ofport(const PortSpec& spec);
  bool check_attached(const PortSpec& spec, std::int64_t next_cfg, const Completion<PortRow>& done);

  asio::io_context& io_;
  Config config_;
  std::shared_ptr<detail::Session> session_;
  asio::steady_timer timer_;
  std::list<Wait> waits_;
  std::map<std::string, std::uint16_t> promised_;  // port name -> number, until the view shows it
  bool stopped_ = false;
};

void Client::Impl::start() {
  const std::weak_ptr<Impl> weak = weak_from_this();
  session_->start({.connected =
                       [weak] {
                         if (auto self = weak.lock()) self->monitor();
                       },
                   .disconnected =
                       [weak] {
                         if (auto self = weak.lock()) self->disconnected();
                       },
                   .notification =
                       [weak](const std::string& method, const json::array& params) {
                         if (auto self = weak.lock()) self->notified(method, params);
                       },
                   .log =
                       [weak](bool is_warning, const std::string& text) {
                         if (auto self = weak.lock()) self->log_(is_warning, text);
                       }});
}

void Client::Impl::stop() {
  stopped_ = true;
  session_->stop();
  timer_.cancel();
  waits_.clear();
  listeners_.clear();
}

void Client::Impl::monitor() {
  json::array params{"Open_vSwitch", nullptr};
  params.emplace_back(detail::View::monitored());
  session_->request("monitor", std::move(params), [weak = weak_from_this()](const Result<json::value>& reply) {
    auto self = weak.lock();
    if (!self || self->stopped_) return;
    if (!reply) return self->session_->fail(reply.error().message);
    self->view_.clear();
    self->synchronised_ = true;
    self->apply(*reply);
  });
}

void Client::Impl::disconnected() {
  synchronised_ = false;
  promised_.clear();
  auto waits = std::exchange(waits_, {});
  for (const auto& wait : waits) wait.give_up(ErrorCode::disconnected);
  changed();
}

void Client::Impl::notified(const std::string& method, const json::array& params) {
  if (method != "update" || !synchronised_) return;
  if (params.size() != 2) return session_->fail("an update is malformed");
  apply(params[1]);
}

void Client::Impl::apply(const json::value& updates) {
  const auto applied = view_.apply(updates);
  if (!applied) {
    synchronised_ = false;
    return session_->fail(applied.error());
  }
  std::erase_if(promised_, [this](const auto& promise) { return view_.port(promise.first) != nullptr; });
  check_waits();
  changed();
}

void Client::Impl::changed() {
  const auto listeners = listeners_;  // one of them may add another
  for (const auto& listener : listeners) {
    if (!stopped_) listener();
  }
}

void Client::Impl::await(std::function<bool()> check, std::function<void(ErrorCode)> give_up) {
  if (check()) return;
  waits_.push_back({std::move(check), std::move(give_up), std::chrono::steady_clock::now() + config_.port_timeout});
  if (waits_.size() == 1) arm();
}

void Client::Impl::check_waits() {
  waits_.remove_if([](const Wait& wait) { return wait.check(); });
}

// All waits have the same time limit, so the first is due first.
void Client::Impl::arm() {
  if (waits_.empty()) return;
  timer_.expires_at(waits_.front().deadline);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    auto self = weak.lock();
    if (error || !self || self->stopped_) return;
    const auto now = std::chrono::steady_clock::now();
    while (!self->waits_.empty() && self->waits_.front().deadline <= now) {
      const Wait wait = std::move(self->waits_.front());
      self->waits_.pop_front();
      wait.give_up(ErrorCode::timeout);
    }
    self->arm();
  });
}

template <typename T>
void Client::Impl::write(Operations operations, Completion<T> done, std::function<void(std::int64_t)> then) {
  json::array params{"Open_vSwitch"};
  for (auto& operation : operations) params.emplace_back(std::move(operation));
  session_->request("transact", std::move(params),
                    [weak = weak_from_this(), done, then = std::move(then)](const Result<json::value>& reply) {
                      auto self = weak.lock();
                      if (!self || self->stopped_) return;
                      if (!reply) return done(tl::unexpected(reply.error()));
                      const auto next_cfg = detail::read_reply(*reply);
                      if (!next_cfg) {
                        return done(tl::unexpected(
                            Error{ErrorCode::refused, "ovsdb-server refused the change: " + next_cfg.error()}));
                      }
                      then(*next_cfg);
                    });
}

void Client::Impl::write_only(Operations operations, Completion<bool> done) {
  if (const auto error = not_connected()) return complete<bool>(done, tl::unexpected(*error));
  if (operations.empty()) return complete<bool>(done, true);
  write<bool>(std::move(operations), done, [done](std::int64_t) { done(true); });
}

void Client::Impl::ensure_bridge(const BridgeSpec& spec, Completion<BridgeRow> done) {
  if (const auto error = not_connected()) return complete<BridgeRow>(done, tl::unexpected(*error));
  const auto await_built = [this, spec, done](std::int64_t next_cfg) {
    await(
        [this, spec, done, next_cfg] {
          const auto* bridge = view_.bridge(spec.name);
          const auto* vswitch = view_.open_vswitch();
          if (bridge == nullptr || vswitch == nullptr || vswitch->row.cur_cfg < next_cfg) return false;
          if (bridge->row.datapath_id.empty()) return false;
          done(bridge->row);
          return true;
        },
        [this, spec, done](ErrorCode code) {
          done(tl::unexpected(Error{code, "ovs-vswitchd did not build bridge " + spec.name + " within " +
                                              std::to_string(config_.port_timeout.count()) +
                                              " ms; is it running, and does it know datapath type '" +
                                              spec.datapath_type + "'?"}));
        });
  };
  Operations operations = detail::ensure_bridge(view_, spec);
  if (!operations.empty()) return write<BridgeRow>(std::move(operations), done, await_built);
  asio::post(io_, [self = shared_from_this(), await_built] {
    if (!self->stopped_) await_built(0);
  });
}

std::uint16_t Client::Impl::choose_ofport(const PortSpec& spec) {
  if (spec.ofport_request) return *spec.ofport_request;
  if (const auto row = view_.row_of_port(spec.name); row && row->bridge == spec.bridge) {
    if (row->ofport_request) return static_cast<std::uint16_t>(*row->ofport_request);
    if (row->ofport && *row->ofport > 0) return static_cast<std::uint16_t>(*row->ofport);
  }
  if (const auto found = promised_.find(spec.name); found != promised_.end()) return found->second;
  return detail::free_ofport(view_, spec.bridge, promised_).value_or(0);
}

bool Client::Impl::check_attached(const PortSpec& spec, std::int64_t next_cfg, const Completion<PortRow>& done) {
  const auto row = view_.row_of_port(spec.name);
  const auto* vswitch = view_.open_vswitch();
  if (vswitch == nullptr || vswitch->row.cur_cfg < next_cfg) return false;
  if (!row || row->bridge != spec.bridge || !row->ofport) return false;
  if (*row->ofport > 0) {
    done(*row);
  } else {
    done(tl::unexpected(Error{ErrorCode::port_failed, "ovs-vswitchd could not open " + spec.name + ": " +
                                                          (row->error.empty() ? "no reason given" : row->error)}));
  }
  return true;
}

void Client::Impl::attach(const PortSpec& spec, Completion<PortRow> done) {
  if (const auto error = not_connected()) return complete<PortRow>(done, tl::unexpected(*error));
  if (view_.bridge(spec.bridge) == nullptr) {
    return complete<PortRow>(
        done, tl::unexpected(Error{ErrorCode::not_found, "no bridge " + spec.bridge + " for port " + spec.name}));
  }
  const std::uint16_t ofport_request = choose_ofport(spec);
  if (ofport_request == 0) {
    return complete<PortRow>(done, tl::unexpected(Error{ErrorCode::limit, "bridge " + spec.bridge + " is full"}));
  }
  const auto row = view_.row_of_port(spec.name);
  const bool numbered = row && row->ofport && *row->ofport > 0;
  Operations operations = detail::attach(view_, spec, ofport_request, !numbered);
  if (operations.empty()) return complete<PortRow>(done, *row);
  if (!row) promised_.insert_or_assign(spec.name, ofport_request);
  write<PortRow>(std::move(operations), done, [this, spec, done](std::int64_t next_cfg) {
    await([this, spec, done, next_cfg] { return check_attached(spec, next_cfg, done); },
          [this, spec, done](ErrorCode code) {
            done(tl::unexpected(Error{code, "ovs-vswitchd gave port " + spec.name + " no number within " +
                                                std::to_string(config_.port_timeout.count()) + " ms; is it running?"}));
          });
  });
}

Client::Client(asio::io_context& io, Config config) : impl_(std::make_shared<Impl>(io, std::move(config))) {}
Client::~Client() {
  impl_->stop();
}
void Client::start() {
  impl_->start();
}
bool Client::connected() const {
  return impl_->synchronised_;
}
void Client::add_listener(std::function<void()> listener) {
  impl_->listeners_.push_back(std::move(listener));
}
void Client::on_log(std::function<void(bool, const std::string&)> log) {
  impl_->log_ = std::move(log);
}

SwitchRow Client::open_vswitch() const {
  const auto* entry = impl_->view_.open_vswitch();
  return entry == nullptr ? SwitchRow{} : entry->row;
}

std::optional<BridgeRow> Client::bridge(const std::string& name) const {
  const auto* entry = impl_->view_.bridge(name);
  return entry == nullptr ? std::nullopt : std::optional(entry->row);
}

std::optional<PortRow> Client::port(const std::string& name) const {
  return impl_->view_.row_of_port(name);
}
std::vector<PortRow> Client::ports(const std::string& bridge) const {
  return impl_->view_.rows_of_bridge(bridge);
}

void Client::ensure_bridge(const BridgeSpec& spec, Completion<BridgeRow> done) {
  impl_->ensure_bridge(spec, std::move(done));
}

void Client::attach(const PortSpec& spec, Completion<PortRow> done) {
  impl_->attach(spec, std::move(done));
}

void Client::detach(const std::string& name, Completion<bool> done) {
  impl_->write_only(detail::detach(impl_->view_, name), std::move(done));
}

void Client::set_external_ids(const std::string& port, const StringMap& ids, Completion<bool> done) {
  impl_->write_only(detail::set_external_ids(impl_->view_, port, ids), std::move(done));
}

void Client::remove_bridge(const std::string& name, Completion<bool> done) {
  impl_->write_only(detail::remove_bridge(impl_->view_, name), std::move(done));
}

}  // namespace distributor::ovsdb
