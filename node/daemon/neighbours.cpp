#include "node/daemon/neighbours.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

#include "node/daemon/monotonic.hpp"
#include "openflow/neighbour/frames.hpp"

namespace distributor::node {
namespace {

// The rule that sent the frame matched port and VLAN; the port may have changed hands since.
bool came_by(const pipeline::PortBinding& binding, const wire::PacketIn& packet, const std::optional<std::uint16_t>& vlan) {
  return packet.in_port == binding.ofport && vlan == binding.vlan;
}

bool is_answered_for(const LoadBalancer& lb, const IpAddress& target) {
  return std::any_of(lb.vips.begin(), lb.vips.end(),
                     [&](const Vip& vip) { return vip.address == target || vip.hairpin_address == target; });
}

}  // namespace

Neighbours::Neighbours(boost::asio::io_context& loop, Hooks hooks) : hooks_(std::move(hooks)), timer_(loop) {}

void Neighbours::follow(const LoadBalancer& lb) {
  std::set<IpAddress> wanted;
  for (const auto& vip : lb.vips) {
    if (vip.hairpin_address && vip.gateway) wanted.insert(*vip.gateway);
  }
  gateways_.want(lb.id, wanted, monotonic_now());
  run();
}

void Neighbours::forget(const LoadBalancerId& lb) { gateways_.want(lb, {}, monotonic_now()); }

void Neighbours::on_frame(const wire::PacketIn& packet) {
  const auto ordinal = pipeline::ordinal_of_cookie(packet.cookie);
  const auto place = ordinal ? hooks_.place_of(*ordinal) : std::nullopt;
  if (!place) return;
  if (packet.table == pipeline::kTableForward) {
    learn(*place, packet);
  } else {
    answer(*place, packet);
  }
}

void Neighbours::answer(const Place& place, const wire::PacketIn& packet) {
  const auto asked = neighbour::parse_solicitation(packet.frame);
  if (!asked || !came_by(place.binding, packet, asked->vlan) || !is_answered_for(*place.lb, asked->target)) return;
  ++solicitations_answered_;
  hooks_.send(place.binding.ofport, {neighbour::advertisement(*asked, place.binding.mac)});
}

void Neighbours::learn(const Place& place, const wire::PacketIn& packet) {
  const auto claim = neighbour::parse_claim(packet.frame);
  if (!claim || packet.in_port != place.binding.ofport) return;
  if (!gateways_.heard(place.lb->id, claim->address, claim->mac, monotonic_now())) return;
  spdlog::info("load balancer {}: gateway {} is at {}; replies of the amphorae go there", place.lb->id.text(), claim->address.text(),
               claim->mac.text());
  hooks_.gateway_changed(place.lb->id);
  run();
}

void Neighbours::run() {
  for (const auto& due : gateways_.take_due(monotonic_now())) {
    if (const auto place = hooks_.place(due.lb)) {
      hooks_.send(place->binding.ofport, {neighbour::probe(due.gateway, place->binding.mac, place->binding.vlan)});
    }
  }
  const auto next = gateways_.next_deadline();
  if (!next) return timer_.cancel(), void();
  timer_.expires_at(time_point_of(*next));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) run();
  });
}

}  // namespace distributor::node
