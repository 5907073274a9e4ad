// A real keepalived in a network namespace of this process's own: what config, FIFO, readiness file and state query
// promise.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "ha/keepalived/config.hpp"
#include "ha/keepalived/fifo_reader.hpp"
#include "ha/keepalived/readiness.hpp"
#include "ha/keepalived/state_query.hpp"
#include "tests/unit/ha/loop_fixture.hpp"

namespace distributor::keepalived {
namespace {

class RealKeepalived : public LoopTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root for a network namespace";
    if (::access("/usr/sbin/keepalived", X_OK) != 0) GTEST_SKIP() << "keepalived is not installed";
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "no network namespace can be made here";
    ASSERT_EQ(::system("ip link set lo up && ip link add m0 type veth peer name m1 && ip addr add 192.0.2.11/24 dev m0 "
                       "&& ip link set m0 up && ip link set m1 up"),
              0);
    Config config;
    config.run_dir = directory_;
    config.interface = "m0";
    config.own_ip = "192.0.2.11";
    config.peer_ip = "192.0.2.12";
    config.management_vip = "192.0.2.10";
    config.advert_interval = 50ms;
    std::ofstream(path("keepalived.conf")) << render(config).value();

    FifoCallbacks callbacks;
    callbacks.on_line = [this](const FifoLine& line) { lines_.push_back(line); };
    callbacks.on_dead = [this] { ++deaths_; };
    callbacks.on_alive = [this] { ++births_; };
    reader_ = std::move(*FifoReader::create(io_, {fifo_path(directory_), 10ms, false}, callbacks));
  }
  void TearDown() override { kill_all(); }

  void start() {
    child_ = ::fork();
    if (child_ == 0) {
      ::setpgid(0, 0);
      ::setenv("TMPDIR", directory_.c_str(), 1);
      const int log = ::open(path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, STDOUT_FILENO);
      ::dup2(log, STDERR_FILENO);
      ::execl("/usr/sbin/keepalived", "keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file",
              path("keepalived.conf").c_str(), "--pid", path("pid").c_str(), "--vrrp_pid", path("vrrp.pid").c_str(),
              static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::setpgid(child_, child_);
  }
  void kill_all() {  // the process group that start() made
    if (child_ <= 0) return;
    ::kill(-child_, SIGKILL);
    while (::waitpid(-child_, nullptr, 0) >
           0) {  // all of them: keepalived does not start while a dead one's pid exists
    }
    child_ = -1;
  }
  bool saw(VrrpEvent event, int priority) const {
    for (const FifoLine& line : lines_) {
      if (line.event == event && line.priority == priority) return true;
    }
    return false;
  }
  std::string log() const {
    std::ifstream file(path("log"));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  tl::expected<VrrpState, std::string> ask() {
    StateQuery::Config config;
    config.pid_file = path("pid");
    config.dump_path = path("keepalived.json");
    config.signal_number = json_dump_signal("/usr/sbin/keepalived").value();
    StateQuery query(io_, config);
    std::optional<tl::expected<VrrpState, std::string>> answer;
    query.ask([&](auto result) { answer = result; });
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return *answer;
  }

  std::vector<FifoLine> lines_;
  int deaths_ = 0, births_ = 0;
  std::unique_ptr<FifoReader> reader_;
  pid_t child_ = -1;
};

TEST_F(RealKeepalived, TellsItsStatesFollowsReadinessAndIsMissedWhenDead) {  // H5, H6, H12
  ASSERT_TRUE(until([&] { return deaths_ == 1; }));
  start();
  ASSERT_TRUE(until([&] { return saw(VrrpEvent::master, 100); })) << log();
  EXPECT_EQ(births_, 1);
  EXPECT_TRUE(saw(VrrpEvent::backup, 100)) << "a start is told as BACKUP first";

  // A file renamed into place is noticed, also the second time and when it takes a value back.
  ASSERT_TRUE(write_readiness(readiness_path(directory_), 150));
  ASSERT_TRUE(until([&] { return saw(VrrpEvent::priority_changed, 250); }, 3s)) << log();
  ASSERT_TRUE(write_readiness(readiness_path(directory_), 50));
  ASSERT_TRUE(until([&] { return saw(VrrpEvent::priority_changed, 150); }, 3s)) << log();
  lines_.clear();
  ASSERT_TRUE(write_readiness(readiness_path(directory_), 0));
  ASSERT_TRUE(until([&] { return saw(VrrpEvent::priority_changed, 100); }, 3s)) << log();

  const auto state = ask();
  ASSERT_TRUE(state) << state.error();
  EXPECT_EQ(*state, VrrpState::master);
  EXPECT_EQ(ask().value(), VrrpState::master);

  lines_.clear();
  ASSERT_TRUE(write_readiness(readiness_path(directory_), kReadinessYield));
  ASSERT_TRUE(until([&] { return !lines_.empty() && lines_.back().event == VrrpEvent::fault; }, 3s)) << log();
  ASSERT_TRUE(write_readiness(readiness_path(directory_), kReadinessNone));
  ASSERT_TRUE(until([&] { return saw(VrrpEvent::backup, 100) && saw(VrrpEvent::master, 100); })) << "alone, it owns again\n" << log();

  ASSERT_EQ(::system("ip link set m1 down"), 0);
  ASSERT_TRUE(until([&] { return saw(VrrpEvent::fault, 100); })) << log();
  EXPECT_EQ(ask().value(), VrrpState::fault);
  ASSERT_EQ(::system("ip link set m1 up"), 0);

  ASSERT_TRUE(write_readiness(readiness_path(directory_), 150));
  kill_all();
  ASSERT_TRUE(until([&] { return deaths_ == 2; }));
  EXPECT_FALSE(ask()) << "nobody is there to answer";
  lines_.clear();
  start();
  ASSERT_TRUE(until([&] { return saw(VrrpEvent::master, 250); })) << "readiness is read again at start\n" << log();
  EXPECT_EQ(births_, 2);
}

TEST_F(RealKeepalived, TakesTheRenderedConfigurationWithoutComplaint) {  // H5
  const std::string command =
      "/usr/sbin/keepalived --config-test=" + path("check") + " --use-file " + path("keepalived.conf");
  EXPECT_EQ(::system(command.c_str()), 0);
  std::ifstream file(path("check"));
  const std::string complaints{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(complaints, "");
}

}  // namespace
}  // namespace distributor::keepalived
