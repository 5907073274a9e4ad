// distributord: the daemon. --check-config, --render-keepalived, --generate-keys and --restore do one thing and end.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "ha/keepalived/config.hpp"
#include "node/config/config.hpp"
#include "node/daemon/daemon.hpp"
#include "node/logging/logging.hpp"
#include "sync/link/keys.hpp"
#include "sync/store/restore.hpp"

namespace {

namespace node = distributor::node;

enum ExitCode { kOk = 0, kFailed = 1, kBadConfig = 2 };

int render_keepalived(const node::Config& config) {
  if (!config.keepalived) {
    std::cerr << "keepalived: the configuration has no [keepalived] section: a standalone node needs none\n";
    return kBadConfig;
  }
  const auto& vrrp = *config.keepalived;
  distributor::keepalived::Config wanted;
  wanted.run_dir = config.run_dir.string();
  wanted.interface = vrrp.interface;
  wanted.virtual_router_id = vrrp.router_id;
  wanted.own_ip = vrrp.own_address.text();
  wanted.peer_ip = vrrp.peer_address.text();
  wanted.management_vip = vrrp.management_vip.text();
  wanted.management_prefix_bits = vrrp.management_prefix;
  wanted.advert_interval = vrrp.advert_interval;
  wanted.real_time_priority = vrrp.realtime;
  const auto text = distributor::keepalived::render(wanted);
  if (!text) {
    std::cerr << "keepalived." << text.error().field << ": " << text.error().message << "\n";
    return kBadConfig;
  }
  std::cout << *text;
  return kOk;
}

int generate_keys(const std::string& path) {
  const auto written = distributor::link::write_key_pair(path, distributor::link::generate_key_pair());
  if (!written) {
    std::cerr << written.error().message << "\n";
    return kFailed;
  }
  std::cout << "wrote " << path << " (secret, stays here) and " << path << ".pub (copy it to the other node as its peer.peer_public)\n";
  return kOk;
}

int restore(const node::Config& config, const std::string& backup) {
  const auto restored = distributor::store::restore(backup, config.store_file(), config.pair_id, config.node_id);
  if (!restored) {
    std::cerr << restored.error().message << "; " << restored.error().fix << "\n";
    return kFailed;
  }
  std::cout << "restored " << config.store_file().string() << ": up to change " << restored->newest.value << ", " << restored->load_balancers
            << " load balancers and " << restored->log_entries << " changes after them\n";
  if (!restored->kept.empty()) std::cout << "what stood there is kept as " << restored->kept.string() << "\n";
  if (config.peer) {
    std::cout << "start the daemon: it takes from the peer what the backup lacks. If the peer's store is lost too: `distributorctl init --alone` here\n";
  }
  return kOk;
}

int run_daemon(const node::Config& config) {
  node::set_up_logging(config.log, "distributord");
  auto daemon = node::Daemon::create(config);
  if (!daemon) {
    spdlog::error("cannot start: {}", daemon.error());
    return kFailed;
  }
  (*daemon)->run();
  return kOk;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The daemon of a distributor node: REST API, replication to the peer, Open vSwitch, role.\n"
               "Exit status: 0 stopped in order, 1 cannot start, 2 the configuration is wrong."};
  std::string file = "/etc/distributor/distributord.toml";
  std::string keys;
  std::string backup;
  bool check = false;
  bool render = false;
  app.add_option("--config", file, "Configuration file (TOML)")->capture_default_str();
  app.add_flag("--check-config", check, "Read the configuration, say what is wrong with it, and end");
  app.add_flag("--render-keepalived", render, "Print keepalived's configuration for this node, and end");
  app.add_option("--generate-keys", keys, "Write a new CURVE key pair to this file and its public half to FILE.pub, and end");
  app.add_option("--restore", backup, "Put this backup in the place of the store, keep the old one beside it, and end; the daemon must not run");
  app.set_version_flag("--version", DISTRIBUTOR_VERSION);
  CLI11_PARSE(app, argc, argv);

  if (!keys.empty()) return generate_keys(keys);
  const auto config = node::load_config(file);
  if (!config) {
    for (const auto& problem : config.error().problems) std::cerr << file << ": " << problem << "\n";
    return kBadConfig;
  }
  if (!backup.empty()) return restore(*config, backup);
  if (render) return render_keepalived(*config);
  if (check) {
    std::cout << file << ": correct\n";
    return kOk;
  }
  return run_daemon(*config);
}
