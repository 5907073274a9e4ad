// The local administration socket: one JSON object a line, one answer a line. Reachable by root of this node only (mode 0600).
// Request {"command":"init-alone"|"acknowledge-losses"|"status"}; answer {"ok":bool,"message":text, ...}.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>

namespace distributor::node {

class AdminServer {
 public:
  // Runs on the event loop's thread and must not block. It answers once, at once or later; dropped uncalled: the client waits.
  using Answer = std::function<void(boost::json::object)>;
  using Handler = std::function<void(const std::string& command, const boost::json::object& request, Answer answer)>;

  // Replaces a stale socket file; fails if the directory cannot be made or the path cannot be bound.
  static tl::expected<std::unique_ptr<AdminServer>, std::string> create(boost::asio::io_context& loop, const std::filesystem::path& socket,
                                                                       Handler handler);
  ~AdminServer();

 private:
  struct Impl;
  explicit AdminServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::node
