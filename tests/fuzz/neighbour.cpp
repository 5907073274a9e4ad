// Frames that a rule sends to the daemon: solicitations and claims (X3, D3, D13).
#include "openflow/neighbour/frames.hpp"
#include "tests/fuzz/target.hpp"

void distributor::fuzz::one_input(std::string_view bytes) {
  const MacAddress own({2, 0, 0, 0, 0, 1});
  if (const auto asked = neighbour::parse_solicitation(bytes)) (void)neighbour::advertisement(*asked, own);
  if (const auto claim = neighbour::parse_claim(bytes)) (void)neighbour::probe(claim->address, own, {});
}
