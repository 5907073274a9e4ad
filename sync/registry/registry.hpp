// All load balancers, and the rules by which commands change them. Pure: no clock, no randomness, no I/O, so that two
// nodes that apply the same commands in the same order hold the same state (A4, H1). Copies share load balancers and
// are cheap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sync/registry/command.hpp"

namespace distributor {

enum class RegistryErrorCode : std::uint8_t {
  invalid,    // the request contradicts itself or the rules: 400
  not_found,  // no such load balancer, or amphora: 404
  conflict,   // contradicts what stands: 409
  limit,  // no room: an upper bound of limits.hpp on what is held (not on what one request may say: that is invalid):
          // 409
};

struct RegistryError {
  RegistryErrorCode code = RegistryErrorCode::invalid;
  std::string field;    // as in the request body, e.g. "amphorae[2].position"
  std::string message;  // what was wanted, what was found
  std::string fix;      // what to do
  friend bool operator==(const RegistryError&, const RegistryError&) = default;
};

struct Applied {
  bool changed = false;                 // false: it already stood so; nothing needs a log entry
  std::vector<LoadBalancerId> touched;  // those whose rules may differ now
};

class Registry {
 public:
  using Pointer = std::shared_ptr<const LoadBalancer>;
  using Map = std::map<LoadBalancerId, Pointer>;

  Registry();

  // What would happen; changes nothing.
  tl::expected<Applied, RegistryError> check(const Command& command) const;
  // The same command with what this state decides for the caller: positions and roles, the spare, the hash seed. Here it does the same; on
  // another state it ends with these, or is refused (O2): but REPLACE takes the place that the failed amphora has there. One that is
  // refused, or changes nothing, comes back as it is.
  Command settled(const Command& command) const;
  // Applies the whole command, or returns the error and changes nothing.
  tl::expected<Applied, RegistryError> apply(const Command& command);

  Pointer find(const LoadBalancerId& id) const;  // null if absent
  const Map& all() const { return all_; }
  std::size_t size() const { return all_.size(); }

  // Puts a load balancer in as it is (snapshot, store), in place of one of the same id. Ordinals must be unique;
  // returns false and changes nothing if they would not be, or if there is no room.
  bool restore(LoadBalancer lb);
  void erase(const LoadBalancerId& id);

  // Digest of the whole state, independent of the order of history; kept up to date at a cost that does not grow with
  // size().
  Digest digest() const;

 private:
  struct Outcome;
  tl::expected<Outcome, RegistryError> evaluate(const Command& command) const;
  void put(LoadBalancer lb);

  Map all_;
  std::set<std::uint32_t> ordinals_;
  Digest folded_;  // XOR of the digests of all load balancers
};

}  // namespace distributor
