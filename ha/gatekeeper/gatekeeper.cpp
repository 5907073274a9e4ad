#include "ha/gatekeeper/gatekeeper.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <memory>
#include <random>

#include "ha/gatekeeper/detail/seqpacket.hpp"
#include "ha/keepalived/fifo_reader.hpp"
#include "ha/keepalived/readiness.hpp"
#include "ha/keepalived/state_query.hpp"

namespace distributor::gatekeeper {
namespace {

using Clock = std::chrono::steady_clock;
using Descriptor = boost::asio::posix::stream_descriptor;

constexpr int kPacketsPerTurn = 64;

TimePoint monotonic_now() {
  return Clock::now().time_since_epoch();
}

CoreConfig with_random_base(CoreConfig config) {
  std::random_device random;
  config.episode_base =
      (static_cast<std::uint64_t>(random()) << 32U) | 1U;  // never 0: that is what a new daemon has seen
  return config;
}

// The shell of the core: one socket, one FIFO, one timer.
class Process {
 public:
  explicit Process(const Config& config)
      : config_(config),
        core_(with_random_base(config.core), monotonic_now()),
        signals_(io_, SIGTERM, SIGINT),
        listener_(io_),
        timer_(io_) {}

  bool open();
  void run();

 private:
  void feed(const Event& event);
  void carry_out(const Effect& effect);
  void accept_waiting();
  void read_beats();
  void wait_listener();
  void wait_beat();
  void tick();
  void arm();
  void query();
  void log(Severity severity, const std::string& text) const {
    if (config_.log) config_.log(severity, text);
  }

  const Config& config_;
  Core core_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;
  Descriptor listener_;
  std::shared_ptr<Descriptor> daemon_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<keepalived::FifoReader> fifo_;
  std::unique_ptr<keepalived::StateQuery> state_query_;
};

bool Process::open() {
  // After a boot the run directory may not be there yet; this process may well be the first one to need it.
  for (const std::string* path : {&config_.socket_path, &config_.fifo_path, &config_.readiness_path}) {
    const auto directory = std::filesystem::path(*path).parent_path();
    std::error_code failed;
    if (!directory.empty()) std::filesystem::create_directories(directory, failed);
    if (failed) {
      log(Severity::error, directory.string() + ": wanted a directory for " + *path + ": " + failed.message());
      return false;
    }
  }
  const auto socket = detail::listen_seqpacket(config_.socket_path);
  if (!socket) {
    log(Severity::error, socket.error());
    return false;
  }
  listener_.assign(*socket);
  keepalived::FifoCallbacks callbacks;
  callbacks.on_line = [this](const keepalived::FifoLine& line) {
    if (line.instance == config_.instance_name) feed(KeepalivedSaid{line.event});
  };
  callbacks.on_dead = [this] { feed(KeepalivedDead{}); };
  callbacks.on_alive = [this] { feed(KeepalivedAlive{}); };
  keepalived::FifoReader::Config fifo_config;
  fifo_config.path = config_.fifo_path;
  fifo_config.start_paused = true;
  auto fifo = keepalived::FifoReader::create(io_, fifo_config, callbacks);
  if (!fifo) {
    log(Severity::error, fifo.error());
    return false;
  }
  fifo_ = std::move(*fifo);
  return true;
}

void Process::run() {
  signals_.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) io_.stop();
  });
  wait_listener();
  if (config_.on_started) config_.on_started();
  tick();
  io_.run();
  ::unlink(config_.socket_path.c_str());
}

// What waits in the sockets is older than the time that the core is told: it comes first.
void Process::tick() {
  accept_waiting();
  read_beats();
  feed(Tick{});
  if (config_.on_alive) config_.on_alive();
  arm();
}

void Process::arm() {
  const auto wait = std::max(core_.next_deadline() - monotonic_now(), Duration(0));
  timer_.expires_after(std::chrono::duration_cast<Clock::duration>(wait));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

void Process::feed(const Event& event) {
  for (const Effect& effect : core_.step(event, monotonic_now())) carry_out(effect);
}

void Process::carry_out(const Effect& effect) {
  if (const auto* reply = std::get_if<SendReply>(&effect)) {
    // A daemon that reads no answers gets none; its beats count all the same.
    if (daemon_) detail::send_packet(daemon_->native_handle(), encode(reply->reply));
  } else if (const auto* follow = std::get_if<FollowFifo>(&effect)) {
    follow->on ? fifo_->resume() : fifo_->pause();
  } else if (std::holds_alternative<QueryKeepalived>(effect)) {
    query();
  } else if (std::holds_alternative<ClearReadiness>(effect)) {
    const auto written = keepalived::write_readiness(config_.readiness_path, keepalived::kReadinessNone);
    if (!written) log(Severity::error, written.error());
    feed(ReadinessCleared{written.has_value()});
  } else if (std::holds_alternative<CloseGate>(effect)) {
    feed(GateClosed{config_.close_gate && config_.close_gate()});
  } else if (const auto* line = std::get_if<LogLine>(&effect)) {
    log(line->severity, line->text);
  }
}

void Process::query() {
  if (config_.keepalived_program.empty()) return;
  if (!state_query_) {
    const auto number = keepalived::json_dump_signal(config_.keepalived_program);
    if (!number) return log(Severity::warning, number.error());
    keepalived::StateQuery::Config query;
    query.instance_name = config_.instance_name;
    query.pid_file = config_.keepalived_pid_file;
    query.dump_path = config_.keepalived_dump_path;
    query.signal_number = *number;
    state_query_ = std::make_unique<keepalived::StateQuery>(io_, query);
  }
  state_query_->ask([this](tl::expected<keepalived::VrrpState, std::string> state) {
    if (state) return feed(KeepalivedQueried{*state});
    log(Severity::warning, state.error());
    feed(KeepalivedSilent{});
  });
}

void Process::wait_listener() {
  listener_.async_wait(Descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    accept_waiting();
    wait_listener();
  });
}

// One daemon at a time: the newest connection is the one that counts.
void Process::accept_waiting() {
  for (int fd = detail::accept_seqpacket(listener_.native_handle()); fd >= 0;
       fd = detail::accept_seqpacket(listener_.native_handle())) {
    read_beats();  // the last words of the one before
    daemon_ = std::make_shared<Descriptor>(io_, fd);
    wait_beat();
  }
}

void Process::wait_beat() {
  daemon_->async_wait(Descriptor::wait_read,
                      [this, weak = std::weak_ptr<Descriptor>(daemon_)](const boost::system::error_code& error) {
                        if (error || weak.lock() != daemon_) return;
                        read_beats();
                        if (daemon_ && weak.lock() == daemon_) wait_beat();
                      });
}

void Process::read_beats() {
  MessageBytes buffer{};
  std::size_t bytes = 0;
  for (int i = 0; i < kPacketsPerTurn && daemon_; ++i) {
    const auto result = detail::receive_packet(daemon_->native_handle(), buffer, bytes);
    if (result == detail::Io::would_block) return;
    if (result == detail::Io::closed) {
      daemon_.reset();  // the grace runs from the last beat on
      return;
    }
    if (const auto beat = decode_beat(std::span(buffer).first(bytes))) feed(BeatReceived{*beat});
  }
}

}  // namespace

int run_gatekeeper(const Config& config) {
  Process process(config);
  if (!process.open()) return 1;
  process.run();
  return 0;
}

}  // namespace distributor::gatekeeper
