// Open vSwitch and the kernel.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "node/ctl/check/check.hpp"

namespace distributor::ctl {
namespace {

constexpr std::array<int, 2> kOvsTested{3, 1};   // what the tests run on
constexpr std::array<int, 2> kOvsOldest{2, 17};  // knows everything that the rules use
constexpr long kReceiveBufferWanted = 4L << 20U;
constexpr long kRetransWantedMs = 100;

std::string trimmed(std::string text) {
  const auto end = text.find_last_not_of(" \t\r\n\"");
  text.erase(end == std::string::npos ? 0 : end + 1);
  const auto begin = text.find_first_not_of(" \t\r\n\"");
  return begin == std::string::npos ? "" : text.substr(begin);
}

std::string first_line(const std::string& text) { return trimmed(text.substr(0, text.find('\n'))); }

std::optional<std::array<int, 2>> version_of(const std::string& text) {
  std::array<int, 2> version{};
  return std::sscanf(text.c_str(), "%d.%d", &version[0], &version[1]) == 2 ? std::optional(version) : std::nullopt;
}

Machine::Output vsctl(const Machine& machine, const node::Config& config, std::vector<std::string> arguments) {
  std::vector<std::string> argv{"ovs-vsctl", "--timeout=5", "--db=unix:" + config.openflow.ovsdb_socket.string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return machine.run(argv);
}

Machine::Output appctl(const Machine& machine, const node::Config& config, std::vector<std::string> arguments) {
  const auto pid = machine.read((config.openflow.run_dir / "ovs-vswitchd.pid").string());
  if (!pid) return {1, "no ovs-vswitchd.pid in " + config.openflow.run_dir.string()};
  const auto socket = config.openflow.run_dir / ("ovs-vswitchd." + trimmed(*pid) + ".ctl");
  std::vector<std::string> argv{"ovs-appctl", "--timeout=5", "-t", socket.string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return machine.run(argv);
}

// The database knows it only if the distribution's start script wrote it there; the running ovs-vswitchd always does.
std::string told_version(const Machine& machine, const node::Config& config, const std::string& in_database) {
  if (version_of(in_database)) return in_database;
  const auto said = appctl(machine, config, {"version"});
  const auto at = said.text.find("Open vSwitch) ");
  return said.exit_code != 0 || at == std::string::npos ? in_database : first_line(said.text.substr(at + 14));
}

Finding version_finding(const std::string& text) {
  const std::string name = "open_vswitch.version";
  const auto version = version_of(text);
  if (!version) return {Level::warn, name, "ovs-vswitchd has not told its version yet ('" + text + "')", "start ovs-vswitchd: systemctl start openvswitch-switch"};
  if (*version < kOvsOldest) return {Level::fail, name, text, "install Open vSwitch 3.1 or later: OpenFlow 1.5 groups with selection_method=hash are needed"};
  if (*version < kOvsTested) return {Level::warn, name, text + ", older than what the distributor is tested with", "install Open vSwitch 3.1 or later"};
  return {Level::ok, name, text, ""};
}

// The scores of the daemon's own fingerprint group tell which hash this build of Open vSwitch has (FACTS: two builds, two hashes).
Finding hash_finding(const Machine& machine, const node::Config& config) {
  const std::string name = "open_vswitch.hash";
  const auto groups = machine.run({"ovs-ofctl", "-O", "OpenFlow15", "dump-groups", "unix:" + (config.openflow.run_dir / (config.openflow.bridge + ".mgmt")).string()});
  if (groups.exit_code != 0) return {Level::warn, name, "not known: " + first_line(groups.text), "start distributord once, then check again; distributorctl status compares both nodes"};
  const auto cpu = machine.read("/proc/cpuinfo").value_or("");
  const bool could_crc = cpu.find("sse4_2") != std::string::npos;
  const bool selects = groups.text.find("selection_method=hash") != std::string::npos;
  if (!selects) return {Level::warn, name, "no select group stands yet", "start distributord; it compares the hash with the peer's and reports affinity at risk if they differ"};
  return {Level::ok, name, could_crc ? "select groups hash; both nodes must run the same build of Open vSwitch (distributorctl status: affinity)" : "select groups hash", ""};
}

Finding nd_finding(const Machine& machine, const node::Config& config) {
  const std::string name = "open_vswitch.neighbour_discovery";
  const auto features = appctl(machine, config, {"dpif/show-dp-features", config.openflow.bridge});
  if (features.exit_code != 0) return {Level::warn, name, "datapath features are not known: " + first_line(features.text), "the bridge is made by distributord: start it, then check again"};
  if (features.text.find("IPv6 ND Extension: Yes") != std::string::npos) return {Level::ok, name, "the datapath answers neighbour solicitations itself", ""};
  return {Level::warn, name, "the datapath cannot write ND fields: the daemon answers neighbour solicitations",
          "IPv6 VIPs need distributord running to be found; use the userspace datapath (openflow.datapath_type = \"netdev\") if that matters"};
}

Finding bridge_finding(const Machine& machine, const node::Config& config) {
  const std::string name = "open_vswitch.bridge";
  const auto mode = vsctl(machine, config, {"get-fail-mode", config.openflow.bridge});
  if (mode.exit_code != 0) return {Level::warn, name, config.openflow.bridge + " is not there yet", "distributord makes it when it starts"};
  if (trimmed(mode.text) == "secure") return {Level::ok, name, config.openflow.bridge + ", fail_mode secure", ""};
  return {Level::fail, name, config.openflow.bridge + ": fail_mode is '" + trimmed(mode.text) + "'",
          "ovs-vsctl set-fail-mode " + config.openflow.bridge + " secure; in standalone mode a lost connection flushes all rules"};
}

// Merged frames do not fit through the userspace datapath (FACTS: gro off at the node's ports).
std::vector<Finding> offload_findings(const Machine& machine, const node::Config& config) {
  if (config.openflow.datapath_type != "netdev") return {{Level::ok, "offloads", "the kernel datapath copes with them", ""}};
  std::vector<Finding> findings;
  std::istringstream ports(vsctl(machine, config, {"list-ports", config.openflow.bridge}).text);
  for (std::string port; ports >> port;) {
    const auto features = machine.run({"ethtool", "-k", port});
    if (features.exit_code == 127) return {{Level::warn, "offloads", "ethtool is not installed", "apt-get install ethtool"}};
    if (features.text.find("generic-receive-offload: on") == std::string::npos) continue;
    findings.push_back({Level::warn, "offloads", port + ": generic-receive-offload is on", "ethtool -K " + port + " gro off; merged frames do not pass the userspace datapath"});
  }
  if (findings.empty()) findings.push_back({Level::ok, "offloads", "no port of the bridge merges frames", ""});
  return findings;
}

Finding number_finding(const Machine& machine, const std::string& name, const std::string& path, long low, long high, Level otherwise, const std::string& fix) {
  const auto text = machine.read(path);
  if (!text) return {Level::warn, name, path + " cannot be read", fix};
  const long value = std::strtol(text->c_str(), nullptr, 10);
  const auto found = fmt::format("{} = {}", path.substr(std::string("/proc/sys/").size()), value);
  return value >= low && value <= high ? Finding{Level::ok, name, found, ""} : Finding{otherwise, name, found, fix};
}

}  // namespace

std::vector<Finding> check_open_vswitch(const Machine& machine, const node::Config& config) {
  const auto version = vsctl(machine, config, {"get", "Open_vSwitch", ".", "ovs_version"});
  if (version.exit_code == 127) return {{Level::fail, "open_vswitch", "ovs-vsctl is not installed", "apt-get install openvswitch-switch"}};
  if (version.exit_code != 0) {
    return {{Level::fail, "open_vswitch", "ovsdb-server does not answer at " + config.openflow.ovsdb_socket.string() + ": " + first_line(version.text),
             "systemctl start openvswitch-switch; or correct openflow.ovsdb_socket"}};
  }
  std::vector<Finding> findings{version_finding(told_version(machine, config, trimmed(version.text))), bridge_finding(machine, config), hash_finding(machine, config), nd_finding(machine, config)};
  if (config.openflow.datapath_type == "system" && !machine.exists("/sys/module/openvswitch")) {
    findings.push_back({Level::fail, "open_vswitch.datapath", "the kernel module openvswitch is not loaded", "modprobe openvswitch; or set openflow.datapath_type = \"netdev\""});
  } else {
    findings.push_back({Level::ok, "open_vswitch.datapath", config.openflow.datapath_type, ""});
  }
  for (auto& finding : offload_findings(machine, config)) findings.push_back(std::move(finding));
  return findings;
}

std::vector<Finding> check_kernel(const Machine& machine, const node::Config& config) {
  std::vector<Finding> findings;
  findings.push_back(number_finding(machine, "ip_forward", "/proc/sys/net/ipv4/ip_forward", 0, 0, Level::fail,
                                    "sysctl -w net.ipv4.ip_forward=0, and in /etc/sysctl.d: frames for a VIP would be routed by the kernel as well"));
  if (machine.exists("/proc/sys/net/ipv6/conf/all/forwarding")) {
    findings.push_back(number_finding(machine, "ipv6_forwarding", "/proc/sys/net/ipv6/conf/all/forwarding", 0, 0, Level::fail,
                                      "sysctl -w net.ipv6.conf.all.forwarding=0, and in /etc/sysctl.d"));
  }
  if (config.keepalived) {
    const auto& interface = config.keepalived->interface;
    findings.push_back(number_finding(machine, "neighbour_retransmission", "/proc/sys/net/ipv4/neigh/" + interface + "/retrans_time_ms", 1, kRetransWantedMs, Level::warn,
                                      "sysctl -w net.ipv4.neigh." + interface + ".retrans_time_ms=100: else a lost ARP reply makes a returning node a false master"));
  }
  if (config.openflow.datapath_type == "netdev") {
    findings.push_back(number_finding(machine, "receive_buffer", "/proc/sys/net/core/rmem_default", kReceiveBufferWanted, 1L << 40U, Level::warn,
                                      "sysctl -w net.core.rmem_default=16777216 before ovs-vswitchd starts: bursts overrun the packet sockets"));
  }
  return findings;
}

}  // namespace distributor::ctl
