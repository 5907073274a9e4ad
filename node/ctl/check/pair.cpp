// What the pair rests on: keepalived, addresses, the firewall, the clock, keys and certificates, the daemons.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <tuple>

#include "node/ctl/admin_client.hpp"
#include "node/ctl/check/check.hpp"
#include "node/pem/pem.hpp"
#include "sync/link/keys.hpp"

namespace distributor::ctl {
namespace {

constexpr auto kExpiryWarning = std::chrono::hours(24 * 30);

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Finding keepalived_finding(const Machine& machine) {
  const auto version = machine.run({"keepalived", "--version"});
  if (version.exit_code == 127) return {Level::fail, "keepalived", "is not installed", "apt-get install keepalived"};
  const auto at = version.text.find(" v");
  int major = 0, minor = 0, patch = 0;
  if (at == std::string::npos || std::sscanf(version.text.c_str() + at, " v%d.%d.%d", &major, &minor, &patch) != 3) {
    return {Level::warn, "keepalived", "version not understood: " + first_line(version.text), "the distributor is tested with keepalived 2.2.7"};
  }
  const auto found = fmt::format("{}.{}.{}", major, minor, patch);
  if (std::tuple(major, minor) < std::tuple(2, 1)) return {Level::fail, "keepalived", found, "install keepalived 2.2 or later: the notify FIFO and track_file are needed"};
  return {Level::ok, "keepalived", found, ""};
}

Finding address_finding(const Machine& machine, const node::KeepalivedConfig& vrrp) {
  const auto addresses = machine.run({"ip", "-o", "addr", "show", "dev", vrrp.interface});
  const auto own = vrrp.own_address.text();
  if (addresses.exit_code != 0) return {Level::fail, "management_address", "no interface " + vrrp.interface, "correct keepalived.interface"};
  if (addresses.text.find(" " + own + "/") != std::string::npos) return {Level::ok, "management_address", own + " on " + vrrp.interface, ""};
  return {Level::fail, "management_address", own + " is not on " + vrrp.interface, "correct keepalived.own_address, or give the interface its address"};
}

// keepalived takes adverts from whoever forges the peer's address and TTL on the segment; only the peer's MAC tells them apart.
Finding firewall_finding(const Machine& machine, const node::KeepalivedConfig& vrrp) {
  const std::string fix = fmt::format("nft add table netdev distributor; nft 'add chain netdev distributor in {{ type filter hook ingress device {} priority 0; }}'; "
                                      "nft add rule netdev distributor in ip protocol vrrp ether saddr != PEER_MAC drop: else any host of that segment can forge adverts",
                                      vrrp.interface);
  const auto rules = machine.run({"nft", "list", "ruleset"});
  if (rules.exit_code == 127) return {Level::warn, "firewall", "nft is not installed", "apt-get install nftables; " + fix};
  if (rules.exit_code != 0) return {Level::warn, "firewall", "the rules cannot be listed: " + first_line(rules.text), "run as root"};
  const bool guarded = rules.text.find("vrrp") != std::string::npos || rules.text.find("protocol 112") != std::string::npos;
  return guarded ? Finding{Level::ok, "firewall", "a rule about VRRP stands", ""} : Finding{Level::warn, "firewall", "no rule guards VRRP", fix};
}

Finding mode_finding(const std::filesystem::path& file) {
  struct stat facts{};
  if (::stat(file.c_str(), &facts) != 0) return {Level::fail, "keys.own", file.string() + " is not there", "distributord --generate-keys " + file.string()};
  if ((facts.st_mode & 077U) != 0) return {Level::fail, "keys.own", fmt::format("{} has mode {:04o}", file.string(), facts.st_mode & 07777U), "chmod 600 " + file.string()};
  const auto pair = link::read_key_pair(file);
  return pair ? Finding{Level::ok, "keys.own", file.string(), ""} : Finding{Level::fail, "keys.own", pair.error().message, "distributord --generate-keys " + file.string()};
}

std::vector<Finding> key_findings(const node::PeerConfig& peer) {
  std::vector<Finding> findings{mode_finding(peer.own_key)};
  const auto keys = link::read_peer_public_keys(peer.peer_public);
  const std::string copy = "copy the peer's own.key.pub here; a secret key never leaves its node";
  findings.push_back(keys ? Finding{Level::ok, "keys.peer", peer.peer_public.string(), ""} : Finding{Level::fail, "keys.peer", keys.error().message, copy});
  return findings;
}

Finding dates_finding(const std::string& name, const std::filesystem::path& file, const std::vector<node::PemCertificate>& all, std::chrono::system_clock::time_point now) {
  const auto first = std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.not_after < b.not_after; });
  const auto days = std::chrono::duration_cast<std::chrono::hours>(first->not_after - now).count() / 24;
  const std::string renew = name == "certificate.server" ? "send a new one by PUT /1.0/certificate, or write the file and restart distributord" : "write the CA's successor beside it and restart distributord";
  for (const auto& one : all) {
    if (one.not_before > now) return {Level::fail, name, file.string() + ": " + one.subject + " is not valid yet", "check this node's clock; else " + renew};
  }
  if (first->not_after <= now) return {Level::fail, name, fmt::format("{}: {} ended {} days ago", file.string(), first->subject, -days), renew};
  if (first->not_after - now < kExpiryWarning) return {Level::warn, name, fmt::format("{}: {} ends in {} days", file.string(), first->subject, days), renew};
  return {Level::ok, name, fmt::format("{}, {} more days", file.string(), days), ""};
}

Finding server_finding(const node::Config& config, std::chrono::system_clock::time_point now) {
  const std::string name = "certificate.server";
  const auto& file = config.api.certificate;
  const auto all = node::read_certificates(file);
  if (!all) return {Level::fail, name, all.error(), "write certificate chain and private key there, in that order"};
  const auto fits = node::key_fits(file);
  if (!fits) return {Level::fail, name, fits.error(), "write certificate chain and private key there, in that order"};
  if (!*fits) return {Level::fail, name, file.string() + ": the private key belongs to another certificate", "write the key that the certificate was made with"};
  auto dates = dates_finding(name, file, *all, now);
  const auto& names = all->front().dns_names;
  if (dates.level == Level::ok && std::find(names.begin(), names.end(), config.pair_id) == names.end()) {
    return {Level::warn, name, file.string() + ": its SAN does not hold the pair's id", "Octavia's client checks it: sign one with DNS:" + config.pair_id};
  }
  return dates;
}

}  // namespace

std::vector<Finding> check_pair(const Machine& machine, const node::Config& config) {
  std::vector<Finding> findings;
  if (config.keepalived) {
    findings.push_back(keepalived_finding(machine));
    findings.push_back(address_finding(machine, *config.keepalived));
    findings.push_back(firewall_finding(machine, *config.keepalived));
  }
  findings.push_back(machine.clock_synchronised()
                         ? Finding{Level::ok, "clock", "synchronised", ""}
                         : Finding{Level::warn, "clock", "not synchronised", "run chrony or systemd-timesyncd: certificates are judged by this clock, and logs are compared by it"});
  return findings;
}

std::vector<Finding> check_secrets(const Machine& machine, const node::Config& config) {
  std::vector<Finding> findings;
  if (config.peer) findings = key_findings(*config.peer);
  findings.push_back(server_finding(config, machine.now));
  const auto ca = node::read_certificates(config.api.client_ca);
  findings.push_back(ca ? dates_finding("certificate.client_ca", config.api.client_ca, *ca, machine.now)
                        : Finding{Level::fail, "certificate.client_ca", ca.error(), "write the CA of Octavia's client certificates there"});
  return findings;
}

std::vector<Finding> check_daemons(const Machine& machine, const node::Config& config) {
  std::vector<Finding> findings;
  const auto answer = ask_admin(config.admin_socket.string(), "status", std::chrono::seconds(3));
  findings.push_back(answer ? Finding{Level::ok, "distributord", "answers, " + answer->message, ""}
                            : Finding{Level::warn, "distributord", "does not answer at " + config.admin_socket.string(), "systemctl start distributord; if it runs, look into its log"});
  if (config.keepalived) {
    findings.push_back(machine.exists(config.gatekeeper.socket.string())
                           ? Finding{Level::ok, "gatekeeper", config.gatekeeper.socket.string(), ""}
                           : Finding{Level::warn, "gatekeeper", "is not there", "systemctl start distributor-gatekeeper: without it a hung daemon goes on answering for its VIPs"});
    findings.push_back(machine.exists(config.keepalived->pid_file.string()) ? Finding{Level::ok, "keepalived.running", config.keepalived->pid_file.string(), ""}
                                                                          : Finding{Level::warn, "keepalived.running", "is not there", "systemctl start keepalived, after distributord"});
  }
  return findings;
}

}  // namespace distributor::ctl
