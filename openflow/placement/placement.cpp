#include "openflow/placement/placement.hpp"

#include <array>
#include <span>
#include <utility>

namespace distributor::placement {
namespace {

// A field whose prerequisites the packet does not meet is skipped, as Open vSwitch does.
std::uint32_t add_field(HashVariant variant, HashField field, const Client& client, std::uint32_t basis) {
  const auto port_of = [&](Protocol protocol) {
    if (client.protocol != protocol) return basis;
    const std::array<std::uint8_t, 2> port{static_cast<std::uint8_t>(client.port >> 8U),
                                           static_cast<std::uint8_t>(client.port & 0xffU)};
    return hash_bytes(variant, port, basis);
  };
  const auto address_of = [&](IpFamily family) {
    if (client.address.family() != family) return basis;
    return hash_bytes(variant, std::span(client.address.bytes()).first(client.address.size()), basis);
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
  return basis;
}

std::uint32_t basis_of(HashVariant variant, const Selection& selection, const Client& client) {
  std::uint32_t basis = hash_uint64(variant, selection.param);
  for (const HashField field : selection.fields) basis = add_field(variant, field, client, basis);
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

Selection RendezvousHash::selection(const LoadBalancer& lb) const {
  Selection selection{lb.hash_seed, {HashField::ip_src, HashField::ipv6_src}};
  if (lb.affinity == Affinity::source_ip_and_port) {
    selection.fields.insert(selection.fields.end(), {HashField::tcp_src, HashField::udp_src, HashField::sctp_src});
  }
  return selection;
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
