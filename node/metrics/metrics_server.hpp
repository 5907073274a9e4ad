// GET /metrics in Prometheus text format on a plain loopback listener. The values are collected when asked for, never cached.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "node/config/config.hpp"

namespace distributor::node {

class MetricsServer {
 public:
  using Collect = std::function<std::string()>;  // Prometheus text; runs on the event loop's thread

  static tl::expected<std::unique_ptr<MetricsServer>, std::string> create(boost::asio::io_context& loop, const Endpoint& listen, Collect collect);
  ~MetricsServer();

 private:
  struct Impl;
  explicit MetricsServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::node
