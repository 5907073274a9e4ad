// A programmer on an event loop of its own, run until something holds.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "openflow/programmer/programmer.hpp"

namespace distributor::test {

using programmer::Options;
using programmer::ProgramError;
using programmer::ProgramReport;
using CommitResult = tl::expected<ProgramReport, ProgramError>;

class Loop {
 public:
  boost::asio::io_context io;

  // False if it did not come true within the limit.
  bool run_until(const std::function<bool()>& condition, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      io.restart();
      io.run_one_until(deadline);
    }
    return true;
  }
};

inline Options options_for(const std::string& socket_path) {
  Options options;
  options.target.path = socket_path;
  return options;
}

// Records what it is told.
class Driver {
 public:
  Driver(Loop& loop, Options options) : loop_(loop), programmer(loop.io, std::move(options), events()) {
    programmer.start();
  }

  Loop& loop_;
  std::vector<ProgramReport> synchronised;
  std::vector<ProgramError> refused;
  std::vector<wire::PortStatus> port_changes;
  std::vector<wire::PacketIn> packets_in;
  std::vector<std::string> losses;
  std::vector<programmer::Capabilities> capabilities;
  std::vector<ProgramReport> repaired;
  int settled = 0;
  programmer::Programmer programmer;

  // Starts programming and waits for the first synchronisation.
  ProgramReport synchronise() {
    const std::size_t before = synchronised.size();
    programmer.start_programming();
    EXPECT_TRUE(loop_.run_until([&] { return synchronised.size() > before; })) << (losses.empty() ? "" : losses.back());
    return synchronised.empty() ? ProgramReport{} : synchronised.back();
  }
  CommitResult commit() {
    return wait([&](auto done) { programmer.commit(done); });
  }
  CommitResult commit_urgent(programmer::Key key) {
    return wait([&](auto done) { programmer.commit_urgent(key, done); });
  }
  CommitResult reconcile() {
    return wait([&](auto done) { programmer.reconcile(done); });
  }

 private:
  template <typename Start>
  CommitResult wait(Start start) {
    std::optional<CommitResult> result;
    start([&result](CommitResult answer) { result = std::move(answer); });
    EXPECT_FALSE(result) << "no answer from inside the call";
    EXPECT_TRUE(loop_.run_until([&] { return result.has_value(); }));
    return result.value_or(CommitResult(tl::make_unexpected(ProgramError{})));
  }
  programmer::Events events() {
    programmer::Events out;
    out.on_synchronised = [this](const ProgramReport& report) { synchronised.push_back(report); };
    out.on_refused = [this](const ProgramError& error) { refused.push_back(error); };
    out.on_port_status = [this](const wire::PortStatus& status) { port_changes.push_back(status); };
    out.on_packet_in = [this](const wire::PacketIn& packet) { packets_in.push_back(packet); };
    out.on_connection = [this](bool connected, const std::string& why) {
      if (!connected) losses.push_back(why);
    };
    out.on_capabilities = [this](const programmer::Capabilities& found) { capabilities.push_back(found); };
    out.on_repaired = [this](const ProgramReport& report) { repaired.push_back(report); };
    out.on_settled = [this] { ++settled; };
    return out;
  }
};

}  // namespace distributor::test
