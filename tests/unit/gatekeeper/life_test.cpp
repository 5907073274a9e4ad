// The gatekeeper's life as a process, and what it must not do (H12): real sockets, a real FIFO that the test writes as
// keepalived does, a daemon process that is killed. Nothing here waits blindly: each process says on a pipe what it
// saw. What it does for a dead or hung daemon is in tests/unit/ha/gatekeeper_process_test.cpp.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "ha/keepalived/readiness.hpp"
#include "tests/unit/gatekeeper/processes.hpp"
#include "tests/unit/scratch_folder.hpp"

namespace distributor::gatekeeper {
namespace {

using namespace std::chrono_literals;
using keepalived::VrrpState;

constexpr int kReady = 150;

class GatekeeperLife : public testing::Test {
 protected:
  ~GatekeeperLife() override {
    if (keepalived_ >= 0) ::close(keepalived_);
  }

  // The pair at rest: gatekeeper, keepalived, and a daemon that is MASTER with its gate open.
  void start_all(GatekeeperOptions options = {}, VrrpState vrrp = VrrpState::master) {
    std::filesystem::create_directories(directory_ / "run");
    ASSERT_TRUE(keepalived::write_readiness(places_.readiness, kReady));
    gatekeeper_.emplace(start_gatekeeper(places_, options));
    ASSERT_TRUE(gatekeeper_->says("started"));
    start_keepalived();
    start_daemon(vrrp);
  }
  void start_keepalived() {
    keepalived_ = ::open(places_.fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(keepalived_, 0) << "the gatekeeper holds no read end";
  }
  void start_daemon(VrrpState vrrp) {
    daemon_.emplace(start_fake_daemon(places_, vrrp));
    ASSERT_TRUE(daemon_->says("connected"));
  }
  void keepalived_says(const std::string& state) {
    const std::string line = "INSTANCE \"MGMT\" " + state + " 100\n";
    ASSERT_EQ(::write(keepalived_, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }
  int readiness() const { return keepalived::read_readiness(places_.readiness).value_or(-1); }

  const test::ScratchFolder directory_;
  const Places places_{directory_ / "run/gatekeeper.sock", directory_ / "run/vrrp.fifo", directory_ / "run/ready"};
  std::optional<Process> gatekeeper_;
  std::optional<Process> daemon_;
  int keepalived_ = -1;
};

TEST_F(GatekeeperLife, NodeThatIsAloneGoesOnServing) {  // H12: keepalived stays MASTER since nobody better is there
  start_all();
  daemon_->signal(SIGKILL);
  ASSERT_TRUE(gatekeeper_->says("readiness is cleared"));
  keepalived_says("MASTER_PRIORITY");
  keepalived_says("MASTER");
  start_daemon(VrrpState::master);
  ASSERT_TRUE(daemon_->says("told, gate as it was"));
  EXPECT_FALSE(gatekeeper_->has_said("gate closed"));
}

TEST_F(GatekeeperLife, NoKeepalivedAtAllCountsAsDead) {  // H12: no writer on the FIFO; the run folder is made, too
  gatekeeper_.emplace(start_gatekeeper(places_, {}));
  ASSERT_TRUE(gatekeeper_->says("started"));
  ASSERT_TRUE(gatekeeper_->says("gate closed"));
  EXPECT_EQ(readiness(), 0);
}

TEST_F(GatekeeperLife, LivingDaemonReadsTheFifoItself) {  // the gatekeeper holds the read end only
  start_all();
  const int reader = ::open(places_.fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  keepalived_says("BACKUP");
  ASSERT_TRUE(gatekeeper_->says("alive", 3));  // several turns of its loop
  std::array<char, 128> bytes{};
  const auto got = ::read(reader, bytes.data(), bytes.size());
  ::close(reader);
  EXPECT_EQ(std::string(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))),
            "INSTANCE \"MGMT\" BACKUP 100\n");
}

TEST_F(GatekeeperLife, PausedGatekeeperFindsItsDaemonAlive) {  // H12: its own pause does not count
  start_all();
  gatekeeper_->signal(SIGSTOP);
  ASSERT_TRUE(daemon_->says("beat", static_cast<int>(3 * kTestGrace / kTestBeat)));  // far beyond the grace
  gatekeeper_->signal(SIGCONT);
  ASSERT_TRUE(gatekeeper_->says("alive", 3));
  EXPECT_EQ(readiness(), kReady);
  EXPECT_FALSE(gatekeeper_->has_said("declared dead"));
}

TEST_F(GatekeeperLife, LeftOverSocketIsReplacedAndRemovedAtAnOrderlyEnd) {
  start_all();
  EXPECT_EQ(std::filesystem::status(places_.socket).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  gatekeeper_->signal(SIGKILL);
  EXPECT_EQ(gatekeeper_->exit_status(), -1);  // reaped: its listener is closed for certain
  ASSERT_TRUE(daemon_->says("disconnected"));
  ASSERT_TRUE(std::filesystem::exists(places_.socket));
  gatekeeper_.emplace(start_gatekeeper(places_, {}));
  ASSERT_TRUE(gatekeeper_->says("started"));
  ASSERT_TRUE(daemon_->says("connected"));
  gatekeeper_->signal(SIGTERM);
  EXPECT_EQ(gatekeeper_->exit_status(), 0);
  EXPECT_FALSE(std::filesystem::exists(places_.socket));
  EXPECT_EQ(readiness(), kReady);
}

TEST_F(GatekeeperLife, RefusesToStartOverAForeignFile) {
  Places foreign = places_;
  foreign.socket = directory_ / "notes";
  std::ofstream(foreign.socket) << "mine";
  Process refused = start_gatekeeper(foreign, {});
  ASSERT_TRUE(refused.says("notes"));
  EXPECT_EQ(refused.exit_status(), 1);
  EXPECT_TRUE(std::filesystem::is_regular_file(foreign.socket));
}

TEST_F(GatekeeperLife, SaysThatItIsAliveAlsoWhileItHearsBeats) {  // its supervisor would kill it otherwise
  start_all();
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(gatekeeper_->says("alive", 5));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

}  // namespace
}  // namespace distributor::gatekeeper
