#include "node/logging/logging.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>

namespace distributor::node {

void set_up_logging(const LogConfig& config, const char* program) {
  std::shared_ptr<spdlog::logger> logger;
  if (config.target == LogTarget::journal) {
    logger = std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::systemd_sink_mt>(program));
  } else {
    logger = std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%f%z %n %l: %v");
  }
  logger->set_level(spdlog::level::from_str(config.level));
  logger->flush_on(spdlog::level::trace);  // a killed daemon's last words are the ones that matter
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace distributor::node
