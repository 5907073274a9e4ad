// Which position a client maps to: the arithmetic of Open vSwitch's select groups, done here (A4, A5). Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "openflow/placement/hash.hpp"
#include "sync/registry/load_balancer.hpp"

namespace distributor::placement {

// IP protocol numbers that carry a source port which Open vSwitch can hash (A3). `other`: ICMP, fragments, everything
// else.
enum class Protocol : std::uint8_t { other = 0, tcp = 6, udp = 17, sctp = 132 };

struct Client {
  IpAddress address;
  std::uint16_t port = 0;  // counts only where the affinity is source_ip_and_port and the protocol has ports
  Protocol protocol = Protocol::tcp;
};

// Fields of the select group's `selection_method=hash`, in the order in which Open vSwitch hashes them (its own field
// order, not the order on the wire). A field whose prerequisites the packet does not meet is skipped.
enum class HashField : std::uint8_t { ip_src, ipv6_src, tcp_src, udp_src, sctp_src };

// A field, and which of its bits count. IPv4: 4 bytes of mask are used, IPv6: 16, ports: 2; never all zero.
struct HashInput {
  HashField field = HashField::ip_src;
  std::array<std::uint8_t, 16> mask{};
  static HashInput whole(HashField field);
  friend bool operator==(const HashInput&, const HashInput&) = default;
};
std::size_t width_of(HashField field);  // bytes

// What the group of a load balancer says about the choice: the pipeline writes it into the group, where() computes with
// it.
struct Selection {
  std::uint64_t param = 0;  // selection_method_param
  std::vector<HashInput> fields;
  friend bool operator==(const Selection&, const Selection&) = default;
};

// One algorithm. Another one is a new implementation, registered under its name: neither the API nor the state code
// changes (A8).
class Placement {
 public:
  virtual ~Placement() = default;
  virtual Selection selection(const LoadBalancer& lb) const = 0;
  // Absent: every slot is vacant, so traffic is dropped.
  virtual std::optional<Position> where(const LoadBalancer& lb, const Client& client) const = 0;
};

// Rendezvous hashing over the bucket ids, as Open vSwitch 3.1 does it (`algorithm` "hash", P8).
class RendezvousHash final : public Placement {
 public:
  explicit RendezvousHash(HashVariant variant = HashVariant::murmur3) : variant_(variant) {}
  Selection selection(const LoadBalancer& lb) const override;
  std::optional<Position> where(const LoadBalancer& lb, const Client& client) const override;

 private:
  HashVariant variant_;
};

// The algorithms this node knows, by the name that PLUG gives.
class Algorithms {
 public:
  static Algorithms standard(HashVariant variant = HashVariant::murmur3);  // "hash"
  // Replaces an algorithm of the same name.
  void add(std::string name, std::shared_ptr<const Placement> algorithm);
  const Placement* find(const std::string& name) const;  // null if unknown; lives as long as this object
  std::vector<std::string> names() const;

 private:
  std::map<std::string, std::shared_ptr<const Placement>> by_name_;
};

inline constexpr const char* kDefaultAlgorithm = "hash";

// Score of one bucket of weight 1 (0..65535): what `ofproto/trace` prints for it. For fingerprints of the local build.
std::uint32_t bucket_score(HashVariant variant, const Selection& selection, const Client& client,
                           std::uint32_t bucket_id);

}  // namespace distributor::placement
