#include "ha/keepalived/fifo_parser.hpp"

#include <gmock/gmock.h>

#include <random>
#include <vector>

#include "ha/keepalived/state_query.hpp"

namespace distributor::keepalived {
namespace {

using testing::ElementsAre;

std::vector<VrrpEvent> events_of(FifoParser& parser, std::string_view bytes) {
  std::vector<VrrpEvent> events;
  parser.feed(bytes, [&](const FifoLine& line) { events.push_back(line.event); });
  return events;
}

TEST(FifoParser, KnowsEveryWordOfKeepalived) {  // H5
  FifoParser parser;
  EXPECT_THAT(
      events_of(parser,
                "INSTANCE \"MGMT\" BACKUP 100\n"
                "INSTANCE \"MGMT\" BACKUP_PRIORITY 250\n"
                "INSTANCE \"MGMT\" MASTER 250\n"
                "INSTANCE \"MGMT\" MASTER_RX_LOWER_PRI 250\n"
                "INSTANCE \"MGMT\" MASTER_PRIORITY 100\n"
                "INSTANCE \"MGMT\" FAULT 100\n"
                "INSTANCE \"MGMT\" STOP 100\n"
                "INSTANCE \"MGMT\" DELETED 100\n"),
      ElementsAre(VrrpEvent::backup, VrrpEvent::priority_changed, VrrpEvent::master, VrrpEvent::rx_lower_priority,
                  VrrpEvent::priority_changed, VrrpEvent::fault, VrrpEvent::stop, VrrpEvent::stop));
  EXPECT_EQ(parser.garbage_lines(), 0U);
}

TEST(FifoParser, TakesBytesInAnyPortions) {
  const std::string text = "INSTANCE \"MGMT\" MASTER 250\nINSTANCE \"OTHER_one\" BACKUP 7\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    FifoParser parser;
    std::vector<FifoLine> lines;
    const auto collect = [&](const FifoLine& line) { lines.push_back(line); };
    parser.feed(std::string_view(text).substr(0, cut), collect);
    parser.feed(std::string_view(text).substr(cut), collect);
    ASSERT_EQ(lines.size(), 2U) << cut;
    EXPECT_EQ(lines[0].instance, "MGMT");
    EXPECT_EQ(lines[0].priority, 250);
    EXPECT_EQ(lines[1].instance, "OTHER_one");
    EXPECT_EQ(lines[1].event, VrrpEvent::backup);
  }
}

TEST(FifoParser, GarbageCostsItsLineOnly) {  // X3
  for (const std::string bad : {"INSTANCE MGMT MASTER 250", "INSTANCE \"MGMT MASTER 250", "INSTANCE \"MGMT\" MASTER",
                                "INSTANCE \"MGMT\" MASTER x", "INSTANCE \"MGMT\" MASTER 999",
                                "INSTANCE \"MGMT\" MASTER -1", "INSTANCE \"MGMT\" master 100", "INSTANCE \"MGMT\"",
                                "ANCE \"MGMT\" MASTER 250", "\x01\x02\x03", "INSTANCE \"MGMT\" MASTER 250 extra"}) {
    FifoParser parser;
    EXPECT_THAT(events_of(parser, bad + "\nINSTANCE \"MGMT\" BACKUP 100\n"), ElementsAre(VrrpEvent::backup)) << bad;
    EXPECT_EQ(parser.garbage_lines(), 1U) << bad;
  }
  FifoParser parser;
  EXPECT_THAT(events_of(parser, "GROUP \"G\" MASTER 0\nINSTANCE \"MGMT\" NEW_WORD 1\n"), ElementsAre());
  EXPECT_EQ(parser.foreign_lines(), 2U);
}

TEST(FifoParser, AnEndlessLineIsDroppedWithinItsBound) {  // X3
  FifoParser parser;
  EXPECT_THAT(events_of(parser, std::string(1'000'000, 'x')), ElementsAre());
  EXPECT_THAT(events_of(parser, std::string(kFifoLineBytesMax, 'y')), ElementsAre());
  EXPECT_THAT(events_of(parser, "\nINSTANCE \"MGMT\" MASTER 250\n"), ElementsAre(VrrpEvent::master));
  EXPECT_EQ(parser.garbage_lines(), 1U);
}

TEST(FifoParser, RandomBytesNeverSpoilALaterLine) {  // X3
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    FifoParser parser;
    std::string noise(random() % 600, '\0');
    for (char& c : noise) c = static_cast<char>("INSTANCE \"\n MASTER019\xff"[random() % 21]);
    events_of(parser, noise + "\n");
    EXPECT_THAT(events_of(parser, "INSTANCE \"MGMT\" FAULT 100\n"), ElementsAre(VrrpEvent::fault));
  }
}

TEST(StateDump, StateOfTheInstance) {  // H5
  const std::string dump = R"([{"data":{"iname":"OTHER","state":1}},{"data":{"iname":"MGMT","state":2,"x":[1,2]}}])";
  EXPECT_EQ(parse_state_dump(dump, "MGMT").value(), VrrpState::master);
  EXPECT_EQ(parse_state_dump(dump, "OTHER").value(), VrrpState::backup);
  EXPECT_EQ(parse_state_dump(R"([{"data":{"iname":"MGMT","state":3}}])", "MGMT").value(), VrrpState::fault);
  EXPECT_EQ(parse_state_dump(R"([{"data":{"iname":"MGMT","state":0}}])", "MGMT").value(), VrrpState::unknown);
  EXPECT_FALSE(parse_state_dump(dump, "ABSENT"));
}

TEST(StateDump, GarbageIsAnError) {  // X3
  for (const char* bad : {"", "[", "{}", "[]", "null", "[1,2]", R"([{"data":5}])", R"([{"data":{"iname":"MGMT"}}])",
                          R"([{"data":{"iname":"MGMT","state":"2"}}])", R"([{"data":{"iname":"MGMT","state":9}}])",
                          R"([{"data":{"iname":"MGMT","state":1.5}}])", R"([{"data":{"iname":7,"state":2}}])",
                          R"([{"data":{"iname":"MGMT","state":1e300}}])"}) {
    EXPECT_FALSE(parse_state_dump(bad, "MGMT")) << bad;
  }
  EXPECT_FALSE(parse_state_dump(std::string(100'000, '['), "MGMT"));
}

}  // namespace
}  // namespace distributor::keepalived
