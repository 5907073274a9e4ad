// H12 on real parts: the gatekeeper as a process of its own, a real FIFO, real sockets, a daemon that is killed,
// stopped, continued.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "ha/gatekeeper/client.hpp"
#include "ha/gatekeeper/detail/seqpacket.hpp"
#include "ha/gatekeeper/gatekeeper.hpp"
#include "ha/keepalived/readiness.hpp"
#include "tests/unit/ha/loop_fixture.hpp"

namespace distributor::gatekeeper {
namespace {

using keepalived::read_readiness;
using keepalived::VrrpState;
using testing::HasSubstr;

constexpr auto kGrace = 800ms;

class GatekeeperProcess : public LoopTest {
 protected:
  GatekeeperProcess() {
    // keepalived's part: a FIFO with a writer.
    EXPECT_EQ(::mkfifo(path("vrrp.fifo").c_str(), 0600), 0);
    reopen_writer();
    EXPECT_TRUE(keepalived::write_readiness(path("ready"), 150));
  }
  ~GatekeeperProcess() override {
    client_.reset();
    stop(gatekeeper_, SIGKILL);
    stop(daemon_, SIGKILL);
    ::close(writer_);
  }

  static int stop(pid_t& pid, int signal) {
    if (pid <= 0) return -1;
    ::kill(pid, signal);
    int status = 0;
    ::waitpid(pid, &status, 0);
    pid = -1;
    return status;
  }
  void reopen_writer() {
    if (writer_ >= 0) ::close(writer_);
    const int reader = ::open(path("vrrp.fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    writer_ = ::open(path("vrrp.fifo").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    ::close(reader);
    EXPECT_GE(writer_, 0);
  }
  void keepalived_says(const std::string& word) const {
    const std::string line = "INSTANCE \"MGMT\" " + word + " 100\n";
    EXPECT_EQ(::write(writer_, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }

  // `close_failures`: so often the gate cannot be closed at first.
  void start_gatekeeper(int close_failures = 0) {
    gatekeeper_ = ::fork();
    if (gatekeeper_ == 0) {
      ::close(writer_);  // else keepalived would never be dead
      Config config;
      config.socket_path = path("gatekeeper.sock");
      config.fifo_path = path("vrrp.fifo");
      config.readiness_path = path("ready");
      config.core.grace = kGrace;
      config.close_gate = [this, close_failures]() mutable {
        std::ofstream(path("attempts"), std::ios::app) << "x";
        if (close_failures-- > 0) return false;
        std::ofstream(path("closed")) << "x";
        return true;
      };
      config.log = [this](Severity, const std::string& text) {
        std::ofstream(path("log"), std::ios::app) << text << "\n";
      };
      config.on_started = [this] { std::ofstream(path("started")) << "x"; };
      ::_exit(run_gatekeeper(config));
    }
    ASSERT_TRUE(until([this] { return exists("started"); }));
  }

  void start_client(VrrpState state) {
    ClientCallbacks callbacks;
    callbacks.on_declared_dead = [this](const Reply& reply) {
      ++declared_;
      last_ = reply;
    };
    callbacks.on_connection = [this](bool connected) { connections_.push_back(connected); };
    client_ =
        std::make_unique<GatekeeperClient>(io_, GatekeeperClient::Config{path("gatekeeper.sock"), 50ms}, callbacks);
    client_->set_state(state, state == VrrpState::master);
    ASSERT_TRUE(until([this] { return client_->connected(); }));
  }

  // A daemon as a process, to be stopped and killed. Says each declaration by a byte in the file "told".
  void start_daemon(VrrpState state) {
    daemon_ = ::fork();
    if (daemon_ == 0) {
      ::close(writer_);
      boost::asio::io_context io;
      ClientCallbacks callbacks;
      callbacks.on_declared_dead = [this](const Reply&) { std::ofstream(path("told"), std::ios::app) << "x"; };
      callbacks.on_connection = [this](bool connected) {
        if (connected) std::ofstream(path("daemon_connected")) << "x";
      };
      GatekeeperClient client(io, {path("gatekeeper.sock"), 50ms}, callbacks);
      client.set_state(state, state == VrrpState::master);
      io.run();
      ::_exit(0);
    }
    ASSERT_TRUE(until([this] { return exists("daemon_connected"); }));
    run_for(100ms);  // a beat with the state
  }

  bool exists(const std::string& name) const { return std::filesystem::exists(path(name)); }
  std::size_t size_of(const std::string& name) const {
    return exists(name) ? std::filesystem::file_size(path(name)) : 0;
  }
  std::string log() const {
    std::ifstream file(path("log"));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool readiness_cleared() const { return read_readiness(path("ready")) == 0; }

  int writer_ = -1;
  pid_t gatekeeper_ = -1, daemon_ = -1;
  std::unique_ptr<GatekeeperClient> client_;
  int declared_ = 0;
  Reply last_;
  std::vector<bool> connections_;
};

TEST_F(GatekeeperProcess, LivingDaemonKeepsEverything) {
  start_gatekeeper();
  start_client(VrrpState::master);
  keepalived_says("BACKUP");  // for the daemon to read; the gatekeeper only holds it
  run_for(3 * kGrace);
  EXPECT_EQ(read_readiness(path("ready")), 150);
  EXPECT_FALSE(exists("attempts"));
  EXPECT_EQ(declared_, 0);
}

TEST_F(GatekeeperProcess, RestartWithinTheGraceIsNotNoticed) {  // O4
  start_gatekeeper();
  start_daemon(VrrpState::master);
  stop(daemon_, SIGKILL);
  run_for(kGrace / 2);
  start_client(VrrpState::master);
  run_for(2 * kGrace);
  EXPECT_EQ(read_readiness(path("ready")), 150);
  EXPECT_EQ(declared_, 0);
}

TEST_F(GatekeeperProcess, KilledDaemonHandsOverAndTheGateClosesWhenThePeerOwns) {
  start_gatekeeper();
  start_daemon(VrrpState::master);
  stop(daemon_, SIGKILL);
  EXPECT_EQ(read_readiness(path("ready")), 150) << "the grace has begun only";
  ASSERT_TRUE(until([this] { return readiness_cleared(); })) << log();
  run_for(200ms);
  EXPECT_FALSE(exists("closed")) << "nobody else owns yet";
  keepalived_says("BACKUP");
  ASSERT_TRUE(until([this] { return exists("closed"); })) << log();
  EXPECT_THAT(log(), HasSubstr("declared dead"));
}

TEST_F(GatekeeperProcess, LineThatWaitedInTheFifoIsRead) {
  start_gatekeeper();
  start_daemon(VrrpState::master);
  stop(daemon_, SIGKILL);
  keepalived_says("BACKUP");  // written while nobody reads
  ASSERT_TRUE(until([this] { return exists("closed"); })) << log();
}

TEST_F(GatekeeperProcess, DeadKeepalivedClosesTheGate) {
  start_gatekeeper();
  start_daemon(VrrpState::master);
  stop(daemon_, SIGKILL);
  ASSERT_TRUE(until([this] { return readiness_cleared(); }));
  ::close(writer_);
  writer_ = -1;
  ASSERT_TRUE(until([this] { return exists("closed"); })) << log();
}

TEST_F(GatekeeperProcess, DaemonsLastWordCountsWhenNoLineIsLeft) {
  start_gatekeeper();
  start_daemon(VrrpState::backup);
  stop(daemon_, SIGKILL);
  ASSERT_TRUE(until([this] { return exists("closed"); })) << log();
  EXPECT_TRUE(readiness_cleared());
}

TEST_F(GatekeeperProcess, StoppedDaemonIsDeadAndIsToldWhenItGoesOn) {
  start_gatekeeper(2);
  start_daemon(VrrpState::master);
  ::kill(daemon_, SIGSTOP);
  ASSERT_TRUE(until([this] { return readiness_cleared(); })) << log();
  keepalived_says("BACKUP");
  ASSERT_TRUE(until([this] { return exists("closed"); })) << log();
  EXPECT_EQ(size_of("attempts"), 3U) << "tried until it succeeded";
  EXPECT_EQ(size_of("told"), 0U);
  ::kill(daemon_, SIGCONT);
  ASSERT_TRUE(until([this] { return size_of("told") == 1; })) << log();
  run_for(2 * kGrace);
  EXPECT_EQ(size_of("told"), 1U) << "told once";
  EXPECT_THAT(log(), HasSubstr("it is in charge"));
}

TEST_F(GatekeeperProcess, WithoutAnyDaemonReadinessIsCleared) {
  start_gatekeeper();
  ASSERT_TRUE(until([this] { return readiness_cleared(); })) << log();
  start_client(VrrpState::unknown);
  ASSERT_TRUE(until([this] { return declared_ == 1; }));
  EXPECT_TRUE(last_.declared_dead);
  EXPECT_FALSE(last_.gate_closed_by_gatekeeper);
}

TEST_F(GatekeeperProcess, GatekeeperThatRestartsFrightensNobody) {
  start_gatekeeper();
  start_client(VrrpState::master);
  EXPECT_EQ(WEXITSTATUS(stop(gatekeeper_, SIGTERM)), 0);
  ASSERT_TRUE(until([this] { return !client_->connected(); }));
  std::filesystem::remove(path("started"));
  start_gatekeeper();
  ASSERT_TRUE(until([this] { return client_->connected(); }));
  run_for(2 * kGrace);
  EXPECT_EQ(declared_, 0);
  EXPECT_EQ(read_readiness(path("ready")), 150);
  EXPECT_THAT(connections_, testing::ElementsAre(true, false, true));
}

TEST_F(GatekeeperProcess, HungGatekeeperIsReported) {
  start_gatekeeper();
  start_client(VrrpState::master);
  ::kill(gatekeeper_, SIGSTOP);
  ASSERT_TRUE(until([this] { return !client_->connected(); }));
  ::kill(gatekeeper_, SIGCONT);
  ASSERT_TRUE(until([this] { return client_->connected(); }));
  run_for(100ms);
  EXPECT_EQ(declared_, 0) << "the daemon lived all the time";
}

TEST_F(GatekeeperProcess, NoiseOnTheSocketIsNoBeat) {  // X3
  start_gatekeeper();
  const int fd = detail::connect_seqpacket(path("gatekeeper.sock")).value();
  const std::vector<std::uint8_t> noise(1000, 0x5a);
  ASSERT_TRUE(until([&] {
    detail::send_packet(fd, noise);
    return readiness_cleared();
  }));
  ::close(fd);
}

TEST_F(GatekeeperProcess, SecondGatekeeperIsRefused) {
  start_gatekeeper();
  Config config;
  config.socket_path = path("gatekeeper.sock");
  config.fifo_path = path("vrrp.fifo");
  std::string said;
  config.log = [&](Severity, const std::string& text) { said = text; };
  EXPECT_EQ(run_gatekeeper(config), 1);
  EXPECT_THAT(said, HasSubstr("another gatekeeper"));
  struct stat info {};
  ASSERT_EQ(::stat(path("gatekeeper.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace distributor::gatekeeper
