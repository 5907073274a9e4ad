#include "api/heartbeat/heartbeat.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace distributor::api {
namespace {

namespace json = boost::json;

constexpr std::size_t kDigestDigits = 16;  // of the state digest: enough to see that two nodes differ

std::string compressed(std::string_view text, int level) {
  auto length = ::compressBound(static_cast<uLong>(text.size()));
  std::string result(length, '\0');
  // Fails only for want of memory, which operator new has just shown to be there, or a level out of range.
  ::compress2(reinterpret_cast<Bytef*>(result.data()), &length, reinterpret_cast<const Bytef*>(text.data()), static_cast<uLong>(text.size()),
              std::clamp(level, 0, 9));
  result.resize(length);
  return result;
}

std::string hex_hmac(std::string_view bytes, std::string_view key) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(), &length);
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += kDigits[digest[i] >> 4U];
    text += kDigits[digest[i] & 15U];
  }
  return text;
}

json::object describe(const BeatLoadBalancer& lb) {
  json::object object{{"size", lb.size}, {"registered", lb.registered}, {"spares", lb.spares}};
  if (lb.packets) object["packets"] = *lb.packets;
  if (lb.bytes) object["bytes"] = *lb.bytes;
  return object;
}

std::string beat_json(const BeatNode& node, std::span<const BeatLoadBalancer> listed) {
  json::object load_balancers;
  for (const auto& lb : listed) load_balancers[lb.id.text()] = describe(lb);
  json::object counts{{"load_balancers", node.load_balancers}, {"registered", node.registered}, {"spares", node.spares}};
  json::object sync{{"phase", node.phase},
                    {"leads", node.leads},
                    {"entitled", node.entitled},
                    {"in_sync", node.in_sync},
                    {"peer_alive", node.peer_alive},
                    {"term", node.term},
                    {"committed_seq", node.committed_seq},
                    {"state_digest", node.state_digest.substr(0, kDigestDigits)}};
  json::object object{{"id", node.distributor_id},
                      {"seq", node.seq},
                      {"ver", 3},
                      {"listeners", json::object{}},
                      {"pools", json::object{}},
                      {"node_id", node.node_id},
                      {"role", node.role},
                      {"version", node.version},
                      {"gate_open", node.gate_open},
                      {"ovs_programmed", node.ovs_programmed},
                      {"vip_links_up", node.vip_links_up},
                      {"vip_links_wanted", node.vip_links_wanted},
                      {"certificate_expires", node.certificate_expires},
                      {"sync", std::move(sync)},
                      {"totals", std::move(counts)},
                      {"load_balancers", std::move(load_balancers)}};
  return json::serialize(object);
}

}  // namespace

BeatLoadBalancer describe_for_beat(const LoadBalancer& lb) {
  BeatLoadBalancer result;
  result.id = lb.id;
  result.size = static_cast<std::uint32_t>(std::max<std::size_t>(lb.slots.size(), lb.cluster_size.value_or(0)));
  result.registered = static_cast<std::uint32_t>(std::count_if(lb.slots.begin(), lb.slots.end(), [](const auto& slot) { return slot.occupant.has_value(); }));
  result.spares = static_cast<std::uint32_t>(lb.spares.size());
  return result;
}

void count_all(const Registry& registry, BeatNode& node) {
  node.load_balancers = registry.size();
  for (const auto& [id, lb] : registry.all()) {
    const auto one = describe_for_beat(*lb);
    node.registered += one.registered;
    node.spares += one.spares;
  }
}

std::string envelope(std::string_view json, std::string_view key, int level) {
  auto payload = compressed(json, level);
  return payload + hex_hmac(payload, key);
}

Beat encode_beat(const BeatNode& node, std::span<const BeatLoadBalancer> window, std::string_view key, std::size_t bytes_max) {
  Beat best{envelope(beat_json(node, {}), key), 0};
  // Longer texts do not always compress to longer ones; what counts is that the kept one fits.
  std::size_t low = 0;
  std::size_t high = window.size();
  while (low < high) {
    const auto middle = (low + high + 1) / 2;
    auto datagram = envelope(beat_json(node, window.first(middle)), key);
    if (datagram.size() <= bytes_max) {
      best = {std::move(datagram), middle};
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return best;
}

std::vector<LoadBalancerId> BeatWindow::next(const Registry& registry) const {
  std::vector<LoadBalancerId> window;
  const auto& all = registry.all();
  auto place = last_ ? all.upper_bound(*last_) : all.begin();
  const auto count = std::min(kBeatWindowMax, all.size());
  while (window.size() < count) {
    if (place == all.end()) place = all.begin();
    window.push_back(place->first);
    ++place;
  }
  return window;
}

void BeatWindow::told(const std::vector<LoadBalancerId>& window, std::size_t listed) {
  if (listed > 0) last_ = window[listed - 1];
}

BeatSettings beat_settings(const OwnBeatSettings& own, const AgentConfig* agent) {
  BeatSettings result;
  const bool listed = agent != nullptr && agent->controllers;
  bool moved = false;
  result.controllers = own.controllers;
  for (std::size_t i = 0; own.controllers.empty() && listed && i < agent->controllers->size(); ++i) {
    auto controller = (*agent->controllers)[i];
    moved = moved || controller.port == kOctaviaHealthPort;
    if (controller.port == kOctaviaHealthPort) controller.port = own.receiver_port;
    result.controllers.push_back(controller);
  }
  result.key = own.key ? *own.key : agent != nullptr ? agent->heartbeat_key.value_or("") : "";
  result.interval = own.interval ? *own.interval : agent != nullptr ? agent->heartbeat_interval.value_or(kBeatIntervalDefault) : kBeatIntervalDefault;
  const auto add = [&](bool when, const std::string& text) {
    if (when) result.note += (result.note.empty() ? "" : "; ") + text;
  };
  add(moved, "port 5555 is Octavia's own health manager, which deletes what it does not know: heartbeats go to port " +
                 std::to_string(own.receiver_port) + " of these addresses");
  add(!own.controllers.empty() && listed, "heartbeat.controllers of distributord.toml counts");
  add(own.key && agent != nullptr && agent->heartbeat_key, "heartbeat.key of distributord.toml counts");
  add(own.interval && agent != nullptr && agent->heartbeat_interval, "heartbeat.interval_s of distributord.toml counts");
  return result;
}

}  // namespace distributor::api
