// What the command line said, filled by tree.cpp and read by the commands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/ctl/bodies.hpp"
#include "node/ctl/settings.hpp"

namespace distributor::ctl {

struct Arguments {
  Settings said;
  std::string config_file;
  bool json = false;
  std::string lb;
  PlugArguments plug;
  std::vector<std::string> amphorae;
  bool standby_role = false;
  std::string failed;
  std::string standby;
  std::string client;
  std::uint16_t client_port = 0;
  std::string protocol = "tcp";
  bool alone = false;
  std::string file;
  bool wait = false;
  std::string on_or_off;
  std::string acknowledge;  // the mark
  bool once = false;
  double interval_s = 1;
  std::string node_config = "/etc/distributor/distributord.toml";
  std::string shell;
};

}  // namespace distributor::ctl
