#include "openflow/fingerprint/fingerprint.hpp"

#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "openflow/fingerprint/unixctl.hpp"
#include "openflow/pipeline/pipeline.hpp"
#include "openflow/placement/placement.hpp"

namespace distributor::fingerprint {
namespace {

struct Probe {
  const char* flow;
  const char* client;
};
constexpr std::array kProbes = {Probe{"in_port=controller,ip,nw_src=203.0.113.7", "203.0.113.7"},
                                Probe{"in_port=controller,ip,nw_src=198.51.100.200", "198.51.100.200"},
                                Probe{"in_port=controller,ipv6,ipv6_src=2001:db8::7", "2001:db8::7"},
                                Probe{"in_port=controller,ipv6,ipv6_src=2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"}};

std::vector<std::uint32_t> computed(placement::HashVariant variant) {
  std::vector<std::uint32_t> scores;
  for (const Probe& probe : kProbes) {
    for (const std::uint32_t bucket : pipeline::kFingerprintBuckets) {
      scores.push_back(placement::bucket_score(variant, pipeline::fingerprint_selection(), {*IpAddress::parse(probe.client)}, bucket));
    }
  }
  return scores;
}

std::string hexadecimal(const std::vector<std::uint32_t>& scores) {
  std::string out;
  for (const auto score : scores) {
    std::array<char, 8> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), score, 16).ptr;
    out += std::string(4 - std::min<std::size_t>(4, static_cast<std::size_t>(end - digits.data())), '0') + std::string(digits.data(), end);
  }
  return out;
}

// Asks one question after another.
class Taking : public std::enable_shared_from_this<Taking> {
 public:
  Taking(boost::asio::io_context& io, std::filesystem::path socket, std::string bridge, std::uint32_t group_id,
         std::function<void(tl::expected<Fingerprint, std::string>)> done)
      : io_(io), socket_(std::move(socket)), bridge_(std::move(bridge)), group_("group:" + std::to_string(group_id)), done_(std::move(done)) {}

  void next() {
    if (traces_.size() == kProbes.size()) return done_(judge(traces_));
    call(io_, socket_, "ofproto/trace-packet-out", {bridge_, kProbes[traces_.size()].flow, group_},
         [self = shared_from_this()](tl::expected<std::string, std::string> text) {
           if (!text) return self->done_(tl::unexpected("ovs-vswitchd did not trace: " + text.error()));
           self->traces_.push_back(std::move(*text));
           self->next();
         });
  }

 private:
  boost::asio::io_context& io_;
  std::filesystem::path socket_;
  std::string bridge_, group_;
  std::function<void(tl::expected<Fingerprint, std::string>)> done_;
  std::vector<std::string> traces_;
};

}  // namespace

std::vector<std::string> questions() {
  std::vector<std::string> flows;
  for (const Probe& probe : kProbes) flows.emplace_back(probe.flow);
  return flows;
}

std::vector<std::uint32_t> scores_in(std::string_view trace) {
  constexpr std::string_view kKey = ": score ";
  std::vector<std::uint32_t> scores;
  for (auto at = trace.find(kKey); at != std::string_view::npos; at = trace.find(kKey, at + 1)) {
    const auto digits = trace.substr(at + kKey.size());
    std::uint32_t score = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), score).ec == std::errc{}) scores.push_back(score);
  }
  return scores;
}

tl::expected<Fingerprint, std::string> judge(const std::vector<std::string>& traces) {
  std::vector<std::uint32_t> scores;
  for (const auto& trace : traces) {
    const auto some = scores_in(trace);
    if (some.size() != pipeline::kFingerprintBuckets.size()) {
      return tl::unexpected("a trace shows " + std::to_string(some.size()) + " scores, wanted " +
                            std::to_string(pipeline::kFingerprintBuckets.size()));
    }
    scores.insert(scores.end(), some.begin(), some.end());
  }
  if (scores == computed(placement::HashVariant::murmur3)) return Fingerprint{"murmur3", placement::HashVariant::murmur3};
  if (scores == computed(placement::HashVariant::crc32c)) return Fingerprint{"crc32c", placement::HashVariant::crc32c};
  return Fingerprint{"unknown-" + hexadecimal(scores), std::nullopt};
}

void take(boost::asio::io_context& io, const std::filesystem::path& run_dir, const std::string& bridge, std::uint32_t group_id,
          std::function<void(tl::expected<Fingerprint, std::string>)> done) {
  const auto socket = control_socket(run_dir);
  if (!socket) return done(tl::unexpected(socket.error()));
  std::make_shared<Taking>(io, *socket, bridge, group_id, std::move(done))->next();
}

}  // namespace distributor::fingerprint
