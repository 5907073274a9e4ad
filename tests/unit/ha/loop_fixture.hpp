// A temporary directory and an event loop for tests on real files, FIFOs and sockets.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

namespace distributor {

using namespace std::chrono_literals;

class LoopTest : public testing::Test {
 protected:
  LoopTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ha_test_XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~LoopTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }

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

  std::string directory_;
  boost::asio::io_context io_;
};

}  // namespace distributor
