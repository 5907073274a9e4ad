#include "ha/keepalived/fifo_reader.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "ha/keepalived/readiness.hpp"
#include "tests/unit/ha/loop_fixture.hpp"

namespace distributor::keepalived {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FifoReaderTest : public LoopTest {
 protected:
  std::unique_ptr<FifoReader> open(bool paused = false) {
    FifoCallbacks callbacks;
    callbacks.on_line = [this](const FifoLine& line) { said_.push_back("line " + std::to_string(line.priority)); };
    callbacks.on_garbage = [this] { said_.emplace_back("garbage"); };
    callbacks.on_dead = [this] { said_.emplace_back("dead"); };
    callbacks.on_alive = [this] { said_.emplace_back("alive"); };
    FifoReader::Config config{path("vrrp.fifo"), 5ms, paused};
    auto made = FifoReader::create(io_, config, callbacks);
    EXPECT_TRUE(made) << made.error();
    return std::move(*made);
  }
  int open_writer() const { return ::open(path("vrrp.fifo").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC); }
  static void write(int fd, const std::string& text) {
    ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  bool said(const std::string& what) const { return std::find(said_.begin(), said_.end(), what) != said_.end(); }

  std::vector<std::string> said_;
};

TEST_F(FifoReaderTest, MakesTheFifoForItsOwnerOnly) {
  const auto reader = open();
  struct stat info {};
  ASSERT_EQ(::stat(path("vrrp.fifo").c_str(), &info), 0);
  EXPECT_TRUE(S_ISFIFO(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(FifoReaderTest, AnythingElseInItsPlaceIsRefused) {
  std::ofstream(path("vrrp.fifo")) << "x";
  const auto made = FifoReader::create(io_, {path("vrrp.fifo"), 5ms, false}, {});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error(), HasSubstr("wanted a FIFO"));
}

TEST_F(FifoReaderTest, EndOfTheWriterIsTheEndOfKeepalived) {  // H5
  const auto reader = open();
  ASSERT_TRUE(until([&] { return said("dead"); }));
  int writer = open_writer();
  ASSERT_TRUE(until([&] { return said("alive"); }));
  write(writer, "INSTANCE \"MGMT\" BACKUP 100\nINSTANCE \"MG");
  ASSERT_TRUE(until([&] { return said("line 100"); }));
  ::close(writer);
  ASSERT_TRUE(until([&] { return said_.size() == 4; }));
  writer = open_writer();
  write(writer, "INSTANCE \"MGMT\" MASTER 250\n");  // half a line of the dead one does not stick to it
  ASSERT_TRUE(until([&] { return said_.size() == 6; }));
  EXPECT_THAT(said_, ElementsAre("dead", "alive", "line 100", "dead", "line 250", "alive"));
  ::close(writer);
}

TEST_F(FifoReaderTest, DeadWriterCostsNoProcessorTime) {
  const auto reader = open();
  ::close(open_writer());
  ASSERT_TRUE(until([&] { return said("dead"); }));
  io_.restart();
  EXPECT_LT(io_.run_for(200ms), 60U) << "handlers run while a hang-up stands";
}

TEST_F(FifoReaderTest, HoldsUnreadLinesWhilePaused) {  // H12
  const auto holder = open(true);
  const int writer = open_writer();
  write(writer, "INSTANCE \"MGMT\" MASTER 250\n");
  ::close(writer);  // the held read end keeps the line
  run_for(50ms);
  EXPECT_THAT(said_, ElementsAre());
  holder->resume();
  ASSERT_TRUE(until([&] { return said("dead"); }));
  EXPECT_THAT(said_, ElementsAre("line 250", "dead"));
  holder->pause();
  said_.clear();
  run_for(50ms);
  EXPECT_THAT(said_, ElementsAre());
}

TEST_F(FifoReaderTest, GarbageIsReported) {
  const auto reader = open();
  const int writer = open_writer();
  write(writer, "what\nINSTANCE \"MGMT\" MASTER 250\n");
  ASSERT_TRUE(until([&] { return said("alive"); }));
  EXPECT_THAT(said_, ElementsAre("line 250", "garbage", "alive"));
  ::close(writer);
}

TEST_F(FifoReaderTest, ReadinessIsReplacedWhole) {
  const std::string file = path("ready");
  EXPECT_EQ(read_readiness(file), std::nullopt);
  ASSERT_TRUE(write_readiness(file, 150));
  EXPECT_EQ(read_readiness(file), 150);
  ASSERT_TRUE(write_readiness(file, 0));
  EXPECT_EQ(read_readiness(file), 0);
  std::ofstream(file) << "";
  EXPECT_EQ(read_readiness(file), std::nullopt);
  EXPECT_FALSE(write_readiness(path("absent/ready"), 1));
}

}  // namespace
}  // namespace distributor::keepalived
