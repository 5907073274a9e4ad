#include "node/ctl/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

namespace distributor::ctl {

bool color_wanted() {
  const char* no = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no == nullptr || *no == '\0');
}

Size terminal_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

Progress::Progress(std::string what) {
  if (::isatty(STDERR_FILENO) == 1) teller_ = std::thread([this, what = std::move(what)] { tell(what); });
}

Progress::~Progress() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  over_.notify_all();
  if (teller_.joinable()) teller_.join();
}

void Progress::tell(const std::string& what) {
  std::unique_lock lock(mutex_);
  for (int seconds = 1; !over_.wait_for(lock, std::chrono::seconds(1), [this] { return is_over_; }); ++seconds) {
    std::cerr << "\rdistributorctl: " << what << ", " << seconds << " s " << std::flush;
  }
  std::cerr << "\r\033[K" << std::flush;
}

}  // namespace distributor::ctl
