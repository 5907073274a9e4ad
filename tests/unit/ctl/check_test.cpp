// distributorctl check against machines that are not this one.
#include "node/ctl/check/check.hpp"

#include <gmock/gmock.h>

#include <map>

namespace distributor::ctl {
namespace {

using testing::HasSubstr;

struct Made {
  std::map<std::string, std::string> files;
  std::map<std::string, Machine::Output> commands;  // by the beginning of the command line
  bool clock = true;

  Machine machine() {
    return {[this](const std::string& path) { return files.contains(path) ? std::optional(files[path]) : std::nullopt; },
            [this](const std::string& path) { return files.contains(path); },
            [this](const std::vector<std::string>& argv) {
              std::string line;
              for (const auto& word : argv) line += (line.empty() ? "" : " ") + word;
              for (const auto& [part, output] : commands) {
                if (line.find(part) != std::string::npos) return output;
              }
              return Machine::Output{127, ""};
            },
            [this] { return clock; }, std::chrono::system_clock::now()};
  }
};

node::Config config() {
  node::Config config;
  config.openflow.datapath_type = "netdev";
  config.keepalived.emplace();
  config.keepalived->interface = "eth0";
  config.keepalived->own_address = IpAddress::parse("198.51.100.1").value();
  return config;
}

Made fit() {
  Made made;
  made.files = {{"/proc/sys/net/ipv4/ip_forward", "0\n"},
                {"/proc/sys/net/ipv4/neigh/eth0/retrans_time_ms", "100\n"},
                {"/proc/sys/net/core/rmem_default", "16777216\n"},
                {"/run/openvswitch/ovs-vswitchd.pid", "42\n"}};
  made.commands = {{"ovs_version", {0, "\"3.1.0\"\n"}},
                   {"get-fail-mode", {0, "secure\n"}},
                   {"dump-groups", {0, "group_id=1,type=select,selection_method=hash\n"}},
                   {"show-dp-features", {0, "IPv6 ND Extension: Yes\n"}},
                   {"list-ports", {0, "eth1\n"}},
                   {"ethtool -k eth1", {0, "generic-receive-offload: off\n"}},
                   {"keepalived --version", {0, "Keepalived v2.2.7 (01/16,2022)\n"}},
                   {"ip -o addr show dev eth0", {0, "2: eth0 inet 198.51.100.1/24 scope global\n"}},
                   {"nft list ruleset", {0, "ip protocol vrrp drop\n"}}};
  return made;
}

std::vector<Finding> all(Made& made, const node::Config& of = config()) {
  const auto machine = made.machine();
  std::vector<Finding> findings;
  for (const auto part : {check_open_vswitch, check_kernel, check_pair}) {
    for (auto& one : part(machine, of)) findings.push_back(std::move(one));
  }
  return findings;
}

const Finding& named(const std::vector<Finding>& findings, const std::string& name) {
  for (const auto& one : findings) {
    if (one.name == name) return one;
  }
  static const Finding none{Level::fail, "not found", "", ""};
  return none;
}

TEST(Check, AFitMachineHasNothingToMend) {
  auto made = fit();
  for (const auto& one : all(made)) EXPECT_EQ(one.level, Level::ok) << one.name << ": " << one.found;
}

TEST(Check, EachFaultIsFoundAndHasAFix) {
  struct Case {
    const char* name;
    Level level;
    void (*spoil)(Made&);
  };
  const std::vector<Case> cases{
      {"ip_forward", Level::fail, [](Made& m) { m.files["/proc/sys/net/ipv4/ip_forward"] = "1"; }},
      {"neighbour_retransmission", Level::warn, [](Made& m) { m.files["/proc/sys/net/ipv4/neigh/eth0/retrans_time_ms"] = "1000"; }},
      {"receive_buffer", Level::warn, [](Made& m) { m.files["/proc/sys/net/core/rmem_default"] = "212992"; }},
      {"open_vswitch", Level::fail, [](Made& m) { m.commands.erase("ovs_version"); }},
      {"open_vswitch", Level::fail, [](Made& m) { m.commands["ovs_version"] = {1, "database connection failed"}; }},
      {"open_vswitch.version", Level::fail, [](Made& m) { m.commands["ovs_version"] = {0, "2.13.8"}; }},
      {"open_vswitch.version", Level::warn, [](Made& m) { m.commands["ovs_version"] = {0, "2.17.9"}; }},
      {"open_vswitch.bridge", Level::fail, [](Made& m) { m.commands["get-fail-mode"] = {0, "standalone"}; }},
      {"open_vswitch.bridge", Level::warn, [](Made& m) { m.commands["get-fail-mode"] = {2, "no bridge"}; }},
      {"open_vswitch.neighbour_discovery", Level::warn, [](Made& m) { m.commands["show-dp-features"] = {0, "IPv6 ND Extension: No"}; }},
      {"open_vswitch.hash", Level::warn, [](Made& m) { m.commands["dump-groups"] = {0, ""}; }},
      {"offloads", Level::warn, [](Made& m) { m.commands["ethtool -k eth1"] = {0, "generic-receive-offload: on"}; }},
      {"keepalived", Level::fail, [](Made& m) { m.commands.erase("keepalived --version"); }},
      {"keepalived", Level::fail, [](Made& m) { m.commands["keepalived --version"] = {0, "Keepalived v1.3.5 (03/19,2017)"}; }},
      {"management_address", Level::fail, [](Made& m) { m.commands["ip -o addr show dev eth0"] = {0, "2: eth0 inet 198.51.100.9/24"}; }},
      {"firewall", Level::warn, [](Made& m) { m.commands["nft list ruleset"] = {0, ""}; }},
      {"clock", Level::warn, [](Made& m) { m.clock = false; }},
  };
  for (const auto& one : cases) {
    auto made = fit();
    one.spoil(made);
    const auto found = named(all(made), one.name);
    EXPECT_EQ(found.name, one.name);
    EXPECT_EQ(found.level, one.level) << one.name << ": " << found.found;
    EXPECT_FALSE(found.fix.empty()) << one.name;
  }
}

TEST(Check, StandaloneNeedsNoKeepalived) {  // H9
  auto made = fit();
  made.commands.erase("keepalived --version");
  auto alone = config();
  alone.keepalived.reset();
  EXPECT_EQ(named(all(made, alone), "keepalived").name, "not found");
}

TEST(Check, FilesThatAreNotThereAreFailures) {
  auto made = fit();
  auto of = config();
  of.api.certificate = "/nonexistent/server.pem";
  of.api.client_ca = "/nonexistent/ca.pem";
  of.peer.emplace();
  of.peer->own_key = "/nonexistent/own.key";
  of.peer->peer_public = "/nonexistent/peer.pub";
  const auto findings = check_secrets(made.machine(), of);
  ASSERT_EQ(findings.size(), 4U);
  for (const auto& one : findings) EXPECT_EQ(one.level, Level::fail) << one.name;
}

TEST(Check, JsonSaysWhetherTheMachineIsFit) {
  EXPECT_THAT(json_findings({{Level::warn, "a", "b", "c"}}), HasSubstr(R"("fit":true,"warnings":1)"));
  EXPECT_THAT(json_findings({{Level::fail, "a", "b", "c"}}), HasSubstr(R"("fit":false)"));
  EXPECT_THAT(human_findings({{Level::fail, "a", "b", "c"}}, false), HasSubstr("fix: c"));
}

}  // namespace
}  // namespace distributor::ctl
