#include "openflow/placement/granularity.hpp"

#include <array>
#include <bit>
#include <span>

namespace distributor::placement {
namespace {

struct Bit {
  std::uint8_t byte;  // of the field, network order
  std::uint8_t bit;   // 0 = lowest
};

// In the order in which bits are taken. The low bits of every byte vary most, whoever the clients are: hosts of one
// subnet differ in the last byte, subnets of one provider in the third, providers in the second and the first.
constexpr std::array kIpv4Order = {Bit{3, 0}, Bit{2, 0}, Bit{3, 1}, Bit{2, 1}, Bit{3, 2}, Bit{1, 0},
                                   Bit{2, 2}, Bit{3, 3}, Bit{1, 1}, Bit{2, 3}, Bit{3, 4}, Bit{0, 0},
                                   Bit{1, 2}, Bit{2, 4}, Bit{3, 5}, Bit{0, 1}};

// A customer holds a /64 or more, and his hosts change their lower half as they like: three bits of the prefix for one
// of the host, which spreads clients that share one /64.
constexpr std::array kIpv6Order = {Bit{7, 0}, Bit{15, 0}, Bit{7, 1}, Bit{6, 0}, Bit{15, 1}, Bit{7, 2},
                                   Bit{6, 1}, Bit{5, 0}, Bit{14, 0}, Bit{7, 3}, Bit{6, 2}, Bit{5, 1},
                                   Bit{15, 2}, Bit{4, 0}, Bit{7, 4}, Bit{6, 3}};

// Systems draw source ports at random, some only even or only odd ones first: not from the lowest bit alone.
constexpr std::array kPortOrder = {Bit{1, 0}, Bit{1, 1}, Bit{1, 2}, Bit{1, 3}, Bit{1, 4}};

HashInput masked(HashField field, std::span<const Bit> order, unsigned bits) {
  HashInput input{field, {}};
  for (const Bit& bit : order.first(bits)) input.mask[bit.byte] |= static_cast<std::uint8_t>(1U << bit.bit);
  return input;
}

constexpr std::array kPortFields = {HashField::tcp_src, HashField::udp_src, HashField::sctp_src};

}  // namespace

std::vector<HashInput> whole_fields(bool ports) {
  std::vector<HashInput> fields{HashInput::whole(HashField::ip_src), HashInput::whole(HashField::ipv6_src)};
  if (!ports) return fields;
  for (const HashField field : kPortFields) fields.push_back(HashInput::whole(field));
  return fields;
}

std::vector<HashInput> bounded_fields(std::uint32_t classes_max, bool ports) {
  const auto bits = static_cast<unsigned>(std::bit_width(classes_max)) - 1;
  const unsigned port_bits = ports ? bits / 3 : 0;
  const unsigned address_bits = bits - port_bits;
  std::vector<HashInput> fields{masked(HashField::ip_src, kIpv4Order, address_bits),
                                masked(HashField::ipv6_src, kIpv6Order, address_bits)};
  if (!ports) return fields;
  for (const HashField field : kPortFields) fields.push_back(masked(field, kPortOrder, port_bits));
  return fields;
}

}  // namespace distributor::placement
