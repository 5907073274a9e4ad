// Stage times of a takeover, from events in the order in which they happen.
#include "node/daemon/takeover_clock.hpp"

#include <gmock/gmock.h>

#include <vector>

namespace distributor::node {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct ClockTest : testing::Test {
  TakeoverClock::TimePoint at(std::chrono::microseconds time) const { return TakeoverClock::TimePoint(1000s) + time; }
  std::vector<TakeoverClock::Takeover> told;
  TakeoverClock clock{[this](const TakeoverClock::Takeover& one) { told.push_back(one); }};
};

TEST_F(ClockTest, TellsOnceWhenAllStagesAreThrough) {
  clock.line_read(at(0us), false);
  clock.announced(at(900us), 2000);
  clock.owns(at(1000us), true);
  clock.gate_confirmed(at(1200us));
  clock.replica(at(1300us), false, false);
  clock.replica(at(5000us), true, false);
  EXPECT_TRUE(told.empty());
  clock.replica(at(6000us), true, true);
  clock.replica(at(7000us), true, true);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].gate, 1200us);
  EXPECT_EQ(told[0].announced, 900us);
  EXPECT_EQ(told[0].term, 5000us);
  EXPECT_EQ(told[0].writes, 6000us);
  EXPECT_EQ(told[0].text(), "takeover 1: gate confirmed after 1.20 ms, 2000 announcements sent after 0.90 ms, term on disk after 5.00 ms, changes taken after 6.00 ms");
  EXPECT_TRUE(clock.last()->complete());
}

TEST_F(ClockTest, AGateThatWasOpenAlreadyIsNoStage) {  // H7
  clock.line_read(at(0us), true);
  clock.announced(at(1us), 2);
  clock.owns(at(2us), true);
  clock.replica(at(3us), true, true);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_THAT(told[0].text(), HasSubstr("gate open already"));
}

TEST_F(ClockTest, ALineThatIsNoNewsIsNoTakeover) {
  clock.line_read(at(0us), true);
  clock.replica(at(3us), true, true);
  clock.owns(at(4us), false);
  EXPECT_TRUE(told.empty());
  EXPECT_FALSE(clock.last());
}

TEST_F(ClockTest, ATakeoverThatEndsTooSoonIsToldWithWhatItReached) {
  clock.line_read(at(0us), false);
  clock.owns(at(1us), true);
  clock.gate_confirmed(at(2us));
  clock.owns(at(3us), false);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_FALSE(told[0].complete());
  EXPECT_THAT(told[0].text(), HasSubstr("changes taken never"));
}

}  // namespace
}  // namespace distributor::node
