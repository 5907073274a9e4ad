#include "node/daemon/part_settings.hpp"

#include <openssl/rand.h>

#include <algorithm>

#include "sync/replica/message.hpp"

namespace distributor::node {
namespace {

constexpr std::size_t kChannelOctets = 1;

}  // namespace

switchover::Config switchover_config(const Config& config) {
  switchover::Config result;
  if (config.keepalived) result.move_max = std::max<switchover::Duration>(result.move_max, 10 * config.keepalived->advert_interval);
  return result;
}

replica::Config replica_config(const Config& config) {
  replica::Config result;
  result.node_id = config.node_id;
  if (config.peer) result.peer_id = config.peer->node_id;
  result.pair_id = config.pair_id;
  RAND_bytes(reinterpret_cast<unsigned char*>(&result.boot_id), sizeof result.boot_id);
  result.solo_policy = config.replication.solo_policy == SoloChoice::strict ? replica::SoloPolicy::strict : replica::SoloPolicy::automatic;
  result.solo_after = config.replication.solo_after;
  result.ceilings = config.ceilings;
  return result;
}

tl::expected<link::Config, std::string> link_config(const PeerConfig& peer) {
  link::Config result;
  result.bind_endpoint = peer.bind;
  result.peer_endpoint = peer.connect;
  result.message_bytes_max = replica::kMessageBytesMax + kChannelOctets;
  auto own = link::read_key_pair(peer.own_key);
  if (!own) return tl::make_unexpected("peer.own_key: " + own.error().message);
  result.own_keys = *own;
  auto keys = link::read_peer_public_keys(peer.peer_public);
  if (!keys) return tl::make_unexpected("peer.peer_public: " + keys.error().message);
  result.peer_public_keys = *keys;
  return result;
}

api::ServerConfig api_config(const Config& config) {
  api::ServerConfig result;
  for (const auto& endpoint : config.api.listen) result.listen.push_back({endpoint.address.text(), endpoint.port});
  result.certificate_file = config.api.certificate.string();
  result.key_file = config.api.certificate.string();
  result.client_ca_file = config.api.client_ca.string();
  return result;
}

PairFiles::Settings pair_files_settings(const Config& config) {
  PairFiles::Settings result;
  result.certificate = config.api.certificate;
  result.client_ca = config.api.client_ca;
  result.agent_config = config.octavia.config;
  result.records = config.state_dir / "files.json";
  result.distributor_id = config.pair_id;
  result.node = config.node_id;
  if (config.peer) result.peer = config.peer->node_id;
  return result;
}

api::BeatSettings beat_settings_of(const Config& config, const api::AgentConfig* agent) {
  const auto& own = config.heartbeat;
  return api::beat_settings({own.controllers, own.key, own.interval, own.receiver_port}, agent);
}

}  // namespace distributor::node
