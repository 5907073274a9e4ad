// Which hash the running Open vSwitch chooses buckets with (DESIGN: The guarantee; FACTS 1.1). It is fixed when Open vSwitch is
// compiled: two nodes whose builds differ map about three of four clients differently. Found out by asking Open vSwitch
// itself to choose for a few fixed clients among four fixed buckets.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "openflow/placement/hash.hpp"

namespace distributor::fingerprint {

struct Fingerprint {
  std::string text;                                   // equal on two nodes: they choose alike
  std::optional<placement::HashVariant> variant;      // absent: a hash that this program cannot compute
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// One question: the flow of ofproto/trace-packet-out.
std::vector<std::string> questions();

// Scores of the buckets in one answer; empty if it holds none.
std::vector<std::uint32_t> scores_in(std::string_view trace);

// What the answers, in the order of the questions, say.
tl::expected<Fingerprint, std::string> judge(const std::vector<std::string>& traces);

// Asks the ovs-vswitchd of `run_dir`. The bridge must hold pipeline::render_base()'s group. `done` is called once, from
// the event loop.
void take(boost::asio::io_context& io, const std::filesystem::path& run_dir, const std::string& bridge, std::uint32_t group_id,
          std::function<void(tl::expected<Fingerprint, std::string>)> done);

}  // namespace distributor::fingerprint
