// distributor-gatekeeper: the supervised process that closes the gate of a node whose daemon is dead or hung (H12).
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "ha/gatekeeper/gatekeeper.hpp"
#include "ha/keepalived/config.hpp"
#include "node/config/config.hpp"
#include "node/daemon/gate_closer.hpp"
#include "node/logging/logging.hpp"

namespace {

namespace gatekeeper = distributor::gatekeeper;
namespace node = distributor::node;

constexpr auto kCloseLimit = std::chrono::milliseconds(400);

spdlog::level::level_enum level_of(gatekeeper::Severity severity) {
  switch (severity) {
    case gatekeeper::Severity::info:
      return spdlog::level::info;
    case gatekeeper::Severity::warning:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

gatekeeper::Config gatekeeper_config(const node::Config& config) {
  gatekeeper::Config result;
  result.socket_path = config.gatekeeper.socket.string();
  result.fifo_path = config.fifo().string();
  result.readiness_path = config.readiness_file().string();
  result.core.grace = config.gatekeeper.grace;
  const auto bridge = config.openflow.run_dir / (config.openflow.bridge + ".mgmt");
  result.close_gate = [bridge] {
    const auto closed = node::close_gate(bridge, kCloseLimit);
    if (!closed) spdlog::warn("gate not closed yet: {}", closed.error());
    return closed.has_value();
  };
  result.log = [](gatekeeper::Severity severity, const std::string& text) { spdlog::log(level_of(severity), "{}", text); };
  result.on_started = [] { ::sd_notify(0, "READY=1"); };
  result.on_alive = [] { ::sd_notify(0, "WATCHDOG=1"); };
  result.keepalived_program = "keepalived";
  result.keepalived_pid_file = config.keepalived->pid_file.string();
  result.keepalived_dump_path = (config.keepalived->json_dir / "keepalived.json").string();
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Watches distributord: if it is dead or hung for longer than the grace, hands the VIPs over and closes the ARP/ND gate."};
  std::string file = "/etc/distributor/distributord.toml";
  app.add_option("--config", file, "The daemon's configuration file")->capture_default_str();
  app.set_version_flag("--version", DISTRIBUTOR_VERSION);
  CLI11_PARSE(app, argc, argv);

  const auto config = node::load_config(file);
  if (!config) {
    for (const auto& problem : config.error().problems) std::cerr << file << ": " << problem << "\n";
    return 2;
  }
  node::set_up_logging(config->log, "distributor-gatekeeper");
  if (!config->keepalived) {
    spdlog::info("standalone node: nothing to hand over; not needed here");
    return 0;
  }
  return gatekeeper::run_gatekeeper(gatekeeper_config(*config));
}
