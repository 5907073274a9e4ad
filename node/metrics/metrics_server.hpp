// The plain loopback listener: GET /metrics in Prometheus text format, GET / as a status page. Collected when asked for, never cached.
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
  // Runs on the event loop's thread and answers once, at once or later; an answer that does not come in time is 503.
  using Answer = std::function<void(std::string)>;
  using Collect = std::function<void(Answer)>;
  struct Sources {
    Collect metrics;  // Prometheus text
    Collect page;     // HTML
    Collect json;     // what the page shows, for programs
  };

  static tl::expected<std::unique_ptr<MetricsServer>, std::string> create(boost::asio::io_context& loop, const Endpoint& listen, Sources sources);
  ~MetricsServer();

 private:
  struct Impl;
  explicit MetricsServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::node
