// Two ends of a sync link in one event loop, over real sockets.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sync/link/link.hpp"
#include "tests/unit/scratch_folder.hpp"

namespace distributor::link {

using namespace std::chrono_literals;

struct End {
  std::vector<std::string> messages;
  std::vector<std::string> intruders;
  std::vector<std::string> troubles;
  std::vector<std::string> events;  // "connected", "disconnected"
  std::unique_ptr<Link> link;
  std::string error;
};

class LinkTest : public testing::Test {
 protected:
  std::string endpoint(const std::string& name) const { return "ipc://" + (directory_ / name).string(); }

  Config config(const std::string& own, const std::string& peer, const KeyPair& own_keys,
                const KeyPair& peer_keys) const {
    Config made;
    made.bind_endpoint = endpoint(own);
    made.peer_endpoint = endpoint(peer);
    made.own_keys = own_keys;
    made.peer_public_keys = {peer_keys.public_key};
    made.reconnect_min = 5ms;
    made.reconnect_max = 20ms;
    return made;
  }
  Config config_a() const { return config("a", "b", keys_a_, keys_b_); }
  Config config_b() const { return config("b", "a", keys_b_, keys_a_); }

  void start(End& end, const Config& with) {
    Callbacks callbacks;
    callbacks.on_message = [&end](std::string_view bytes) { end.messages.emplace_back(bytes); };
    callbacks.on_peer_connected = [&end] { end.events.emplace_back("connected"); };
    callbacks.on_peer_disconnected = [&end](const std::string&) { end.events.emplace_back("disconnected"); };
    callbacks.on_intruder = [&end](const std::string& reason) { end.intruders.push_back(reason); };
    callbacks.on_trouble = [&end](const std::string& reason) { end.troubles.push_back(reason); };
    auto made = Link::create(io_, with, callbacks);
    if (made) {
      end.link = std::move(*made);
    } else {
      end.error = made.error().message;
    }
  }

  // Runs the loop until `done` holds.
  testing::AssertionResult until(const std::function<bool()>& done, std::chrono::milliseconds limit = 10s) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return testing::AssertionFailure() << "did not happen in time";
      io_.restart();
      io_.run_one_for(20ms);
    }
    return testing::AssertionSuccess();
  }
  testing::AssertionResult both_connected() {
    return until([this] { return a_.link->stats().connected && b_.link->stats().connected; });
  }

  const test::ScratchFolder directory_;
  KeyPair keys_a_ = generate_key_pair();
  KeyPair keys_b_ = generate_key_pair();
  boost::asio::io_context io_;
  End a_, b_;
};

}  // namespace distributor::link
