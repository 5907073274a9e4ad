#include "sync/link/detail/zap.hpp"

#include <zmq.h>

#include <algorithm>
#include <array>

#include "sync/link/keys.hpp"

namespace distributor::link::detail {
namespace {

std::string to_z85(const std::string& raw) {
  std::array<char, kKeyTextBytes + 1> text{};
  zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size());
  return text.data();
}

}  // namespace

ZapVerdict judge(const std::vector<std::string>& request, const std::string& domain,
                 const std::vector<std::string>& admitted_keys, const std::string& own_key) {
  constexpr std::size_t kVersion = 0, kRequestId = 1, kDomain = 2, kAddress = 3, kMechanism = 5, kCredentials = 6;
  ZapVerdict verdict;
  if (request.size() <= kMechanism || request[kVersion] != "1.0") return verdict;
  verdict.answerable = true;
  const std::string& address = request[kAddress];
  if (request[kMechanism] != "CURVE" || request.size() != kCredentials + 1 || request[kCredentials].size() != 32) {
    verdict.reason = "refused " + address + ": mechanism " + request[kMechanism].substr(0, 16) + ", wanted CURVE";
  } else if (request[kDomain] != domain) {
    verdict.reason = "refused " + address + ": wrong authentication domain";
  } else {
    const std::string key = to_z85(request[kCredentials]);
    verdict.admitted = std::find(admitted_keys.begin(), admitted_keys.end(), key) != admitted_keys.end();
    if (!verdict.admitted && key == own_key) {
      verdict.reason = "refused " + address + ": it has this node's own key: was this disk copied to the other machine? give that one keys, a "
                       "node_id and a store of its own";
    } else if (!verdict.admitted) {
      verdict.reason =
          "refused " + address + ": key " + key +
          " is not the peer's; if it is the peer after a change of keys, put it into this node's peer key file";
    }
  }
  const char* status = verdict.admitted ? "200" : "400";
  const char* text = verdict.admitted ? "OK" : "not the peer";
  verdict.reply = {"1.0", request[kRequestId], status, text, "", ""};
  return verdict;
}

}  // namespace distributor::link::detail
