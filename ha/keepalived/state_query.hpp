// Asks a running keepalived for its present VRRP state through its JSON dump: after our own restart, or when a line was
// lost.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "ha/keepalived/vrrp.hpp"

namespace distributor::keepalived {

// State of `instance` in the text of keepalived.json. Error: text. Pure.
tl::expected<VrrpState, std::string> parse_state_dump(std::string_view json, std::string_view instance);

// The number that `keepalived --signum=JSON` prints. Blocks for at most `timeout`; ask once, at start.
tl::expected<int, std::string> json_dump_signal(const std::string& keepalived_program,
                                                std::chrono::milliseconds timeout = std::chrono::milliseconds(1000));

// Whether the process that keepalived's pid file names is a keepalived and lives (a zombie does not).
bool is_running(const std::string& pid_file);

class StateQuery {
 public:
  struct Config {
    std::string instance_name = "MGMT";
    std::string pid_file;   // of keepalived's parent process
    std::string dump_path;  // keepalived's $TMPDIR + "/keepalived.json"
    int signal_number = 0;  // from json_dump_signal
    std::chrono::milliseconds timeout{1000};
    std::chrono::milliseconds poll_interval{2};
  };
  using Done = std::function<void(tl::expected<VrrpState, std::string>)>;

  StateQuery(boost::asio::io_context& io, Config config);
  ~StateQuery();
  StateQuery(const StateQuery&) = delete;
  StateQuery& operator=(const StateQuery&) = delete;

  // One question at a time: asking again while one runs adds `done` to that one. `done` never runs inside ask().
  void ask(Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::keepalived
