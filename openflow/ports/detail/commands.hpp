// Runs helper processes one after the other, without a shell and without blocking the event loop. Private to ports.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace distributor::ports {

struct CommandLine {
  std::vector<std::string> arguments;  // the first is the program's path
  bool may_fail = false;               // e.g. removing what may be gone already
};

class CommandRunner {
 public:
  // Empty: all went well. Else the first failure, with the command and what it said on stderr.
  using Done = std::function<void(const std::string& failure)>;

  CommandRunner(boost::asio::io_context& io, std::chrono::milliseconds timeout);
  ~CommandRunner();  // a running command is killed; what waits is dropped

  // Chains run in the order given, one at a time. `done` runs from the event loop, never inside run().
  void run(std::vector<CommandLine> chain, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::ports
