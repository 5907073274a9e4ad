#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "node/ctl/check/check.hpp"
#include "node/ctl/commands/commands.hpp"
#include "node/ctl/terminal.hpp"

namespace distributor::ctl {

int check(const Context& context, const Arguments& arguments) {
  std::vector<Finding> findings;
  const auto config = node::load_config(arguments.node_config);
  if (!config) {
    for (const auto& problem : config.error().problems) {
      findings.push_back({Level::fail, "configuration", arguments.node_config + ": " + problem, "docs/configuration.md; distributord --check-config lists the same"});
    }
  } else {
    const Progress progress("looking at this machine");
    const auto machine = this_machine();
    findings.push_back({Level::ok, "configuration", arguments.node_config, ""});
    if (::geteuid() != 0) findings.push_back({Level::warn, "privileges", "not root: some of this cannot be seen", "run as root"});
    for (const auto part : {check_open_vswitch, check_kernel, check_pair, check_secrets, check_daemons}) {
      for (auto& finding : part(machine, *config)) findings.push_back(std::move(finding));
    }
  }
  std::cout << (context.json() ? json_findings(findings) + "\n" : human_findings(findings, color_wanted()));
  return std::any_of(findings.begin(), findings.end(), [](const Finding& one) { return one.level == Level::fail; }) ? kRefused : kOk;
}

}  // namespace distributor::ctl
