// spdlog set up once per process: plain lines to stderr (a supervisor stamps them), or the systemd journal with priorities.
#pragma once

#include "node/config/config.hpp"

namespace distributor::node {

void set_up_logging(const LogConfig& config, const char* program);

}  // namespace distributor::node
