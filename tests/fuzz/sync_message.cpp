// What the peer sends: replication messages, with commands, log entries and snapshots in them (X3).
#include "sync/registry/codec.hpp"
#include "sync/registry/registry.hpp"
#include "sync/replica/message_codec.hpp"
#include "tests/fuzz/target.hpp"

void distributor::fuzz::one_input(std::string_view bytes) {
  if (const auto message = replica::decode(bytes)) {
    if (replica::decode(replica::encode(*message)) != *message) __builtin_trap();  // what was read is what was meant
  }
  if (const auto command = decode_command(bytes)) {
    Registry registry;
    (void)registry.apply(*command);
  }
  (void)decode_load_balancer(bytes);
}
