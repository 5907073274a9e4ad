// Follows keepalived's notify FIFO inside an io_context. The end of the last writer is the end of keepalived's VRRP
// process.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <tl/expected.hpp>

#include "ha/keepalived/fifo_parser.hpp"

namespace distributor::keepalived {

struct FifoCallbacks {
  std::function<void(const FifoLine&)> on_line;
  std::function<void()> on_garbage;  // a line was lost or foreign bytes came: ask keepalived for its state
  // Lines that waited come before on_alive or on_dead.
  std::function<void()> on_dead;   // no writer: keepalived is not running (also said once at start, if so)
  std::function<void()> on_alive;  // a writer is there (also said once at start, if so)
};

class FifoReader {
 public:
  struct Config {
    std::string path;                                  // made with mode 0600 if missing, its folder too
    std::chrono::milliseconds dead_poll_interval{50};  // how often to look for a new writer while there is none
    bool start_paused = false;                         // hold the read end (unread lines survive) without reading
  };
  // Opens at once, so that lines written from here on are kept. Callbacks run on the io_context, never inside create().
  // Error: text that says what to do.
  static tl::expected<std::unique_ptr<FifoReader>, std::string> create(boost::asio::io_context& io, Config config,
                                                                       FifoCallbacks callbacks);
  ~FifoReader();
  FifoReader(const FifoReader&) = delete;
  FifoReader& operator=(const FifoReader&) = delete;

  void pause();   // goes on holding the read end; no callbacks
  void resume();  // reads what has gathered; says dead or alive anew

 private:
  struct Impl;
  explicit FifoReader(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace distributor::keepalived
