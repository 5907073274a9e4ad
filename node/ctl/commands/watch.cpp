// Live, like top: rates of every load balancer and bucket from the difference of two overviews.
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <chrono>
#include <iostream>

#include "node/ctl/commands/commands.hpp"
#include "node/ctl/overview.hpp"
#include "node/ctl/screen.hpp"

namespace distributor::ctl {
namespace {

volatile sig_atomic_t ended = 0;

// The other screen of the terminal, without cursor, keys unbuffered; everything as it was at the end, also after SIGINT.
class FullScreen {
 public:
  FullScreen() {
    struct sigaction end {};
    end.sa_handler = [](int) { ended = 1; };
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &end, nullptr);
    struct sigaction resized {};
    resized.sa_handler = [](int) {};
    ::sigaction(SIGWINCH, &resized, nullptr);
    reads_keys_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (reads_keys_) {
      auto raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    std::cout << "\033[?1049h\033[?25l" << std::flush;
  }
  ~FullScreen() {
    std::cout << "\033[?25h\033[?1049l" << std::flush;
    if (reads_keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

  static void show(const std::string& screen) {
    std::string painted = "\033[H";
    for (const char c : screen) c == '\n' ? painted += "\033[K\r\n" : painted += c;
    std::cout << painted << "\033[J" << std::flush;
  }

  // False: the reader wants to end. A resized window ends the wait early, and its flag is set.
  bool wait(std::chrono::milliseconds time, bool& resized) const {
    pollfd keys{.fd = reads_keys_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&keys, 1, static_cast<int>(time.count()));
    resized = ready < 0 && errno == EINTR && ended == 0;
    char key = 0;
    if (ready > 0 && (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q')) return false;
    return ended == 0;
  }

 private:
  termios before_{};
  bool reads_keys_ = false;
};

int once(const Context& context, std::chrono::milliseconds interval) {
  const auto before = fetch_overview(context);
  if (!before) return before.error();
  ::poll(nullptr, 0, static_cast<int>(interval.count()));
  auto now = fetch_overview(context);
  if (!now) return now.error();
  add_rates(*before, *now);
  const Size size{terminal_size().columns, 1'000'000};
  std::cout << (context.json() ? boost::json::serialize(*now) + "\n" : watch_screen(*now, size, Style{color_wanted()}));
  return kOk;
}

}  // namespace

int watch(const Context& context, const Arguments& arguments) {
  const std::chrono::milliseconds interval(static_cast<long>(arguments.interval_s * 1000));
  if (arguments.once) return once(context, interval);
  if (::isatty(STDOUT_FILENO) != 1) return usage("watch wants a terminal; give --once for one screen of plain text");
  auto now = fetch_overview(context);
  if (!now) return now.error();
  auto before = *now;
  const FullScreen screen;
  for (;;) {
    add_rates(before, *now);
    FullScreen::show(watch_screen(*now, terminal_size(), Style{color_wanted()}));
    bool resized = false;
    if (!screen.wait(interval, resized)) return kOk;
    if (resized) continue;
    before = *now;
    now = fetch_overview(context);
    if (!now) return now.error();
  }
}

}  // namespace distributor::ctl
