#include "openflow/placement/placement.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "openflow/placement/granularity.hpp"

namespace distributor::placement {
namespace {

using Value = std::array<std::uint8_t, 16>;

// The field's bytes in this client's packets. A field whose prerequisites the packet does not meet has none: Open
// vSwitch skips it.
std::optional<Value> value_of(HashField field, const Client& client) {
  Value value{};
  const auto address_of = [&](IpFamily family) -> std::optional<Value> {
    if (client.address.family() != family) return std::nullopt;
    std::copy_n(client.address.bytes().begin(), client.address.size(), value.begin());
    return value;
  };
  const auto port_of = [&](Protocol protocol) -> std::optional<Value> {
    if (client.protocol != protocol) return std::nullopt;
    value[0] = static_cast<std::uint8_t>(client.port >> 8U);
    value[1] = static_cast<std::uint8_t>(client.port & 0xffU);
    return value;
  };
  switch (field) {
    case HashField::ip_src:
      return address_of(IpFamily::v4);
    case HashField::ipv6_src:
      return address_of(IpFamily::v6);
    case HashField::tcp_src:
      return port_of(Protocol::tcp);
    case HashField::udp_src:
      return port_of(Protocol::udp);
    case HashField::sctp_src:
      return port_of(Protocol::sctp);
  }
  return std::nullopt;
}

std::uint32_t basis_of(HashVariant variant, const Selection& selection, const Client& client) {
  std::uint32_t basis = hash_uint64(variant, selection.param);
  for (const HashInput& input : selection.fields) {
    auto value = value_of(input.field, client);
    if (!value) continue;
    for (std::size_t i = 0; i < value->size(); ++i) (*value)[i] &= input.mask[i];
    basis = hash_bytes(variant, std::span(*value).first(width_of(input.field)), basis);
  }
  return basis;
}

std::uint32_t score_of(HashVariant variant, std::uint32_t basis, std::uint32_t bucket_id) {
  return hash_int(variant, bucket_id, basis) & 0xffffU;  // times the weight, which is always 1
}

}  // namespace

std::uint32_t bucket_score(HashVariant variant, const Selection& selection, const Client& client,
                           std::uint32_t bucket_id) {
  return score_of(variant, basis_of(variant, selection, client), bucket_id);
}

std::size_t width_of(HashField field) {
  return field == HashField::ip_src ? 4 : field == HashField::ipv6_src ? 16 : 2;
}

HashInput HashInput::whole(HashField field) {
  HashInput input{field, {}};
  std::fill_n(input.mask.begin(), width_of(field), std::uint8_t{0xff});
  return input;
}

Selection RendezvousHash::selection(const LoadBalancer& lb) const {
  const bool ports = lb.affinity == Affinity::source_ip_and_port;
  return {lb.hash_seed, lb.hash_classes_max ? bounded_fields(*lb.hash_classes_max, ports) : whole_fields(ports)};
}

std::optional<Position> RendezvousHash::where(const LoadBalancer& lb, const Client& client) const {
  const std::uint32_t basis = basis_of(variant_, selection(lb), client);
  std::optional<Position> best;
  std::uint32_t best_score = 0;
  for (std::uint32_t position = 0; position < lb.slots.size(); ++position) {
    if (!lb.slots[position].occupant) continue;
    const std::uint32_t score = score_of(variant_, basis, position);
    if (!best || score >= best_score) {  // >=: the last one wins a tie
      best = Position{position};
      best_score = score;
    }
  }
  return best;
}

Algorithms Algorithms::standard(HashVariant variant) {
  Algorithms algorithms;
  algorithms.add(kDefaultAlgorithm, std::make_shared<RendezvousHash>(variant));
  return algorithms;
}

void Algorithms::add(std::string name, std::shared_ptr<const Placement> algorithm) {
  by_name_.insert_or_assign(std::move(name), std::move(algorithm));
}

const Placement* Algorithms::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

std::vector<std::string> Algorithms::names() const {
  std::vector<std::string> names;
  for (const auto& [name, algorithm] : by_name_) names.push_back(name);
  return names;
}

}  // namespace distributor::placement
