// Lines of keepalived's FIFO, and its state dump (X3).
#include "ha/keepalived/fifo_parser.hpp"
#include "ha/keepalived/state_query.hpp"
#include "tests/fuzz/target.hpp"

void distributor::fuzz::one_input(std::string_view bytes) {
  keepalived::FifoParser parser;
  const auto half = bytes.size() / 2;
  parser.feed(bytes.substr(0, half), [](const keepalived::FifoLine&) {});
  parser.feed(bytes.substr(half), [](const keepalived::FifoLine&) {});
  (void)keepalived::parse_state_dump(bytes, "MGMT");
}
