// keepalived's configuration, FIFO and state dump: as text and bytes, and with a real keepalived's own judgement (H5).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "ha/keepalived/config.hpp"
#include "ha/keepalived/fifo_reader.hpp"
#include "ha/keepalived/profile.hpp"
#include "ha/keepalived/readiness.hpp"
#include "ha/keepalived/state_query.hpp"
#include "tests/unit/scratch_folder.hpp"

namespace distributor::keepalived {
namespace {

using test::ScratchFolder;
using testing::ElementsAre;
using testing::HasSubstr;

std::string contents(const std::string& file) {
  std::ifstream input(file);
  return {std::istreambuf_iterator<char>(input), {}};
}

Config correct(const std::string& run_dir) {
  Config config;
  config.run_dir = run_dir;
  config.interface = "mgmt0";
  config.own_ip = "198.51.100.1";
  config.peer_ip = "198.51.100.2";
  config.management_vip = "198.51.100.10";
  return config;
}

TEST(KeepalivedConfig, SaysWhatTheElectionRestsOn) {  // H5
  const auto text = render(correct("/run/distributor"));
  ASSERT_TRUE(text) << text.error().message;
  for (const auto* wanted : {"vrrp_notify_fifo /run/distributor/vrrp.fifo", "file /run/distributor/ready", "weight 1", "priority 100", "    preempt ", "advert_int 0.10",
                             "198.51.100.2 min_ttl 255 max_ttl 255", "vrrp_check_unicast_src", "vrrp_higher_prio_send_advert true", "198.51.100.10/24 dev mgmt0"}) {
    EXPECT_THAT(*text, HasSubstr(wanted));
  }
  EXPECT_LT(text->find("script_user"), text->find("vrrp_notify_fifo"));
  EXPECT_THAT(*text, testing::Not(HasSubstr("nopreempt")));
}

TEST(KeepalivedConfig, KeepalivedItselfAcceptsIt) {
  if (std::system("keepalived --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "keepalived is not installed";
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for a network namespace";
  const ScratchFolder directory;
  for (const auto& profile : profiles()) {
    auto config = correct(directory.path());
    config.advert_interval = profile.advert_interval;
    config.real_time_priority = profile.real_time_needed;
    std::ofstream(directory / "keepalived.conf") << render(config).value();
    const auto command =
        "unshare --net sh -c 'ip link add mgmt0 type veth peer name mgmt1 && ip addr add 198.51.100.1/24 dev mgmt0 && "
        "ip link set mgmt0 up && ip link set mgmt1 up && keepalived --config-test=" +
        (directory / "log").string() + " -f " + (directory / "keepalived.conf").string() + "' >/dev/null 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << profile.name << ": " << contents(directory / "log");
  }
}

TEST(KeepalivedConfig, ProfilesAreOrderedAndWithinWhatIsRendered) {  // H5
  ASSERT_NE(find_profile("default"), nullptr);
  EXPECT_EQ(find_profile("default")->advert_interval, std::chrono::milliseconds(100));
  EXPECT_EQ(find_profile("fastest"), nullptr);
  EXPECT_EQ(profile_names(), "safe, default, fast, extreme");
  for (const auto& profile : profiles()) {
    auto config = correct("/run/distributor");
    config.advert_interval = profile.advert_interval;
    config.real_time_priority = profile.real_time_needed;
    EXPECT_TRUE(validate(config)) << profile.name;
    EXPECT_GT(takeover_time_max(profile.advert_interval), 3 * profile.advert_interval);
    EXPECT_LT(takeover_time_max(profile.advert_interval), 4 * profile.advert_interval);
  }
}

TEST(KeepalivedConfig, MistakesAreNamed) {
  const struct {
    const char* field;
    std::function<void(Config&)> spoil;
  } cases[] = {
      {"interface", [](Config& c) { c.interface = "eth0 {"; }},
      {"own_address", [](Config& c) { c.own_ip = "here"; }},
      {"peer_address", [](Config& c) { c.peer_ip = c.own_ip; }},
      {"peer_address", [](Config& c) { c.peer_ip = "2001:db8::1"; }},
      {"management_vip", [](Config& c) { c.management_vip = c.peer_ip; }},
      {"management_vip", [](Config& c) { c.management_prefix_bits = 33; }},
      {"advert_interval_ms", [](Config& c) { c.advert_interval = std::chrono::milliseconds(15); }},
      {"router_id", [](Config& c) { c.virtual_router_id = 256; }},
      {"run_dir", [](Config& c) { c.run_dir = "run\n"; }},
  };
  for (const auto& one : cases) {
    auto config = correct("/run/distributor");
    one.spoil(config);
    const auto text = render(config);
    ASSERT_FALSE(text) << one.field;
    EXPECT_EQ(text.error().field, one.field);
  }
}

std::vector<std::string> parsed(FifoParser& parser, std::string_view bytes) {
  std::vector<std::string> lines;
  parser.feed(bytes, [&](const FifoLine& line) { lines.push_back(line.instance + ":" + std::to_string(static_cast<int>(line.event)) + ":" + std::to_string(line.priority)); });
  return lines;
}

TEST(FifoParser, LinesInAnyPortions) {
  FifoParser parser;
  EXPECT_THAT(parsed(parser, "INSTANCE \"MGMT\" MASTER 250\nINSTANCE \"MG"), ElementsAre("MGMT:0:250"));
  EXPECT_THAT(parsed(parser, "MT\" BACKUP 100\nINSTANCE \"MGMT\" MASTER_RX_LOWER_PRI 250\n"), ElementsAre("MGMT:1:100", "MGMT:4:250"));
  EXPECT_EQ(parser.garbage_lines(), 0U);
}

TEST(FifoParser, GarbageIsDroppedAndTheNextLineIsRead) {  // X3
  FifoParser parser;
  EXPECT_THAT(parsed(parser, "INSTANCE MGMT MASTER 250\n" + std::string(1000, 'x') + "\nINSTANCE \"MGMT\" MASTER 999\nGROUP \"G\" MASTER 1\nINSTANCE \"MGMT\" FAULT 0\n"), ElementsAre("MGMT:2:0"));
  EXPECT_EQ(parser.garbage_lines(), 3U);
  EXPECT_EQ(parser.foreign_lines(), 1U);
  std::mt19937 random(3);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(random() % 30, '\0');
    for (auto& octet : bytes) octet = "INSTANCE \"MASTER\n 0129\0\xff"[random() % 24];
    parsed(parser, bytes);
  }
  parsed(parser, "\n");
  EXPECT_THAT(parsed(parser, "INSTANCE \"MGMT\" STOP 100\n"), ElementsAre("MGMT:3:100"));
}

TEST(StateDump, EveryState) {
  EXPECT_EQ(parse_state_dump(R"([{"data":{"iname":"MGMT","state":2}}])", "MGMT").value(), VrrpState::master);
  EXPECT_EQ(parse_state_dump(R"([{"data":{"iname":"X","state":2}},{"data":{"iname":"MGMT","state":1}}])", "MGMT").value(), VrrpState::backup);
  EXPECT_EQ(parse_state_dump(R"([{"data":{"iname":"MGMT","state":3}}])", "MGMT").value(), VrrpState::fault);
  for (const auto* text : {"", "[", "{}", "[1]", "[{\"data\":1}]", R"([{"data":{"iname":"MGMT"}}])", R"([{"data":{"iname":"OTHER","state":2}}])"}) {
    EXPECT_FALSE(parse_state_dump(text, "MGMT")) << text;
  }
}

TEST(Readiness, IsReadAsWritten) {
  const ScratchFolder directory;
  const auto file = directory / "ready";
  EXPECT_FALSE(read_readiness(file));
  for (const int value : {150, 0, 50}) {
    ASSERT_TRUE(write_readiness(file, value));
    EXPECT_EQ(read_readiness(file), value);
  }
  EXPECT_FALSE(write_readiness(directory / "absent/ready", 0));
}

struct Follower {
  explicit Follower(const std::string& path, bool paused = false) {
    FifoCallbacks callbacks;
    callbacks.on_line = [this](const FifoLine& line) { said.push_back(line.event == VrrpEvent::master ? "master" : "other"); };
    callbacks.on_dead = [this] { said.emplace_back("dead"); };
    callbacks.on_alive = [this] { said.emplace_back("alive"); };
    callbacks.on_garbage = [this] { said.emplace_back("garbage"); };
    reader = FifoReader::create(io, {path, std::chrono::milliseconds(5), paused}, callbacks).value();
  }
  void until(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (said.size() < count && std::chrono::steady_clock::now() < deadline) io.run_one_for(std::chrono::milliseconds(50));
  }
  boost::asio::io_context io;
  std::vector<std::string> said;
  std::unique_ptr<FifoReader> reader;
};

TEST(FifoReader, SaysDeadAliveAndEveryLine) {
  const ScratchFolder directory;
  Follower follower(directory / "fifo");
  follower.until(1);
  int writer = ::open((directory / "fifo").c_str(), O_WRONLY | O_NONBLOCK);
  ASSERT_GE(writer, 0);
  follower.until(2);
  ASSERT_GT(::write(writer, "INSTANCE \"MGMT\" MASTER 250\n", 27), 0);
  follower.until(3);
  ::close(writer);
  follower.until(4);
  EXPECT_THAT(follower.said, ElementsAre("dead", "alive", "master", "dead"));
}

TEST(FifoReader, PausedItKeepsTheLinesForLater) {  // H12: the gatekeeper's end
  const ScratchFolder directory;
  Follower follower(directory / "fifo", true);
  const int writer = ::open((directory / "fifo").c_str(), O_WRONLY | O_NONBLOCK);
  ASSERT_GE(writer, 0);
  ASSERT_GT(::write(writer, "INSTANCE \"MGMT\" MASTER 250\n", 27), 0);
  follower.io.run_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(follower.said.empty());
  follower.io.restart();
  follower.reader->resume();
  follower.until(2);
  EXPECT_THAT(follower.said, ElementsAre("master", "alive"));
  ::close(writer);
}

TEST(FifoReader, OrdinaryFileIsRefused) {
  const ScratchFolder directory;
  std::ofstream(directory / "fifo") << "x";
  boost::asio::io_context io;
  EXPECT_FALSE(FifoReader::create(io, {directory / "fifo"}, {}));
}

}  // namespace
}  // namespace distributor::keepalived
