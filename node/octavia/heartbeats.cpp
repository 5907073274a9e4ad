#include "node/octavia/heartbeats.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <map>
#include <tuple>

namespace distributor::node {
namespace {

using boost::asio::ip::udp;

udp::endpoint endpoint_of(const api::Controller& controller) {
  namespace ip = boost::asio::ip;
  if (controller.address.is_v4()) return {ip::address_v4(controller.address.v4_bytes()), controller.port};
  return {ip::address_v6(controller.address.bytes()), controller.port};
}

}  // namespace

// One heartbeat that is being put together.
struct Heartbeats::Turn {
  std::vector<LoadBalancerId> window;
  std::map<LoadBalancerId, PacketsAndBytes> counters;
  bool sent = false;
};

Heartbeats::Heartbeats(boost::asio::io_context& loop, Hooks hooks) : loop_(loop), hooks_(std::move(hooks)), timer_(loop), patience_(loop) {}
Heartbeats::~Heartbeats() = default;

void Heartbeats::configure(api::BeatSettings settings) {
  if (settings == settings_) return;
  settings_ = std::move(settings);
  next_controller_ = 0;
  if (started_) start();
}

void Heartbeats::start() {
  started_ = true;
  timer_.cancel();
  if (!settings_.may_beat()) return;
  spdlog::info("heartbeats: every {} s, to {} receivers in turn, the first is {}{}{}", settings_.interval.count(), settings_.controllers.size(),
               settings_.controllers.front().text(), settings_.note.empty() ? "" : "; ", settings_.note);
  arm(std::chrono::milliseconds(0));
}

void Heartbeats::arm(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    arm(settings_.interval);
    beat();
  });
}

void Heartbeats::beat() {
  if (!hooks_.keepalived_runs()) {
    ++stats_.suppressed;
    if (!std::exchange(told_suppressed_, true)) spdlog::warn("heartbeats: none while keepalived does not run; start it");
    return;
  }
  if (std::exchange(told_suppressed_, false)) spdlog::info("heartbeats: keepalived runs again");
  auto turn = std::make_shared<Turn>();
  turn_ = turn;
  turn->window = window_.next(hooks_.registry());
  if (turn->window.empty()) return send(*turn);
  patience_.expires_after(kCountersTime);
  patience_.async_wait([this, turn](boost::system::error_code error) {
    if (!error) send(*turn);
  });
  for (const auto& id : turn->window) {
    const auto lb = hooks_.registry().find(id);
    const std::weak_ptr<Turn> waiting = turn;
    if (!lb) continue;
    hooks_.counters(*lb, [this, waiting, id](PacketsAndBytes counted) {
      const auto held = waiting.lock();  // gone: the next turn began, or this object ended
      if (!held || held->sent) return;
      held->counters[id] = counted;
      if (held->counters.size() < held->window.size()) return;
      patience_.cancel();
      send(*held);
    });
  }
}

void Heartbeats::send(Turn& turn) {
  if (turn.sent || !settings_.may_beat()) return;
  turn.sent = true;
  auto node = hooks_.node();
  node.seq = ++seq_;
  api::count_all(hooks_.registry(), node);
  std::vector<api::BeatLoadBalancer> described;
  std::vector<LoadBalancerId> ids;
  for (const auto& id : turn.window) {
    const auto lb = hooks_.registry().find(id);
    if (!lb) continue;
    ids.push_back(id);
    auto& one = described.emplace_back(api::describe_for_beat(*lb));
    if (const auto& counted = turn.counters[id]) std::tie(one.packets, one.bytes) = *counted;
  }
  const auto beat = api::encode_beat(node, described, settings_.key);
  window_.told(ids, beat.listed);
  send_to(settings_.controllers[next_controller_ % settings_.controllers.size()], beat.datagram);
  next_controller_ = (next_controller_ + 1) % settings_.controllers.size();
}

void Heartbeats::send_to(const api::Controller& controller, const std::string& datagram) {
  const auto target = endpoint_of(controller);
  auto& socket = controller.address.is_v4() ? v4_ : v6_;
  boost::system::error_code error;
  if (!socket) {
    socket.emplace(loop_);
    socket->open(target.protocol(), error);
    if (!error) socket->non_blocking(true, error);
  }
  if (!error) socket->send_to(boost::asio::buffer(datagram), target, 0, error);
  if (!error) {
    ++stats_.sent;
    told_failed_ = false;
    return;
  }
  ++stats_.failed;
  if (!std::exchange(told_failed_, true)) spdlog::warn("heartbeats: to {}: {}; going on", controller.text(), error.message());
  if (!socket->is_open()) socket.reset();
}

}  // namespace distributor::node
