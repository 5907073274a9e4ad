// A temporary directory and an event loop for tests on real files, FIFOs and sockets.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "tests/unit/scratch_folder.hpp"

namespace distributor {

using namespace std::chrono_literals;

class LoopTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return scratch_ / name; }

  testing::AssertionResult until(const std::function<bool()>& done, std::chrono::milliseconds limit = 10s) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return testing::AssertionFailure() << "did not happen in time";
      io_.restart();
      io_.run_one_for(10ms);
    }
    return testing::AssertionSuccess();
  }
  void run_for(std::chrono::milliseconds time) {
    io_.restart();
    io_.run_for(time);
  }

  const test::ScratchFolder scratch_;
  const std::string directory_ = scratch_.path();
  boost::asio::io_context io_;
};

}  // namespace distributor
