// REG, UNREG, REPLACE (P6, P7, O2, F1, F3, F6, H2).
#include <gtest/gtest.h>

#include "sync/registry/limits.hpp"
#include "tests/unit/registry/values.hpp"

namespace distributor {
namespace {

using test::amphora_mac;
using test::item;
using test::layout;
using test::lb_id;
using test::reg;
using test::replace;
using test::spare;
using test::unreg;
using Code = RegistryErrorCode;

class Amphorae : public testing::Test {
 protected:
  void SetUp() override {
    auto command = test::plug_of(1);
    command.cluster_size = 8;
    ASSERT_TRUE(registry.apply(command));
  }

  std::string now() const { return layout(*registry.find(lb_id(1))); }

  // Applies, and says how it stands then; or "same" if nothing changed.
  std::string after(const Command& command) {
    const auto applied = registry.apply(command);
    if (!applied) return "refused: " + applied.error().field + ": " + applied.error().message;
    return applied->changed ? now() : "same";
  }

  void expect_refused(const Command& command, Code code, const std::string& field, const std::string& says = "") {
    const auto digest = registry.digest();
    const auto refused = registry.apply(command);
    ASSERT_FALSE(refused) << field << " " << says;
    EXPECT_EQ(refused.error().code, code) << refused.error().message;
    EXPECT_EQ(refused.error().field, field) << refused.error().message;
    EXPECT_NE(refused.error().message.find(says), std::string::npos) << refused.error().message;
    EXPECT_FALSE(refused.error().fix.empty());
    EXPECT_EQ(registry.digest(), digest);
  }

  Registry registry;
};

TEST_F(Amphorae, TakeTheLowestFreePositions) {  // P6
  EXPECT_EQ(after(reg(1, {item(5), item(6)})), "5 6 |");
  EXPECT_EQ(after(reg(1, {item(7)})), "5 6 7 |");
  EXPECT_EQ(after(reg(1, {item(5), item(6), item(7)})), "same");
}

TEST_F(Amphorae, StoredPositionsRebuildTheSameList) {  // H1
  EXPECT_EQ(after(reg(1, {item(9, 4), item(8, 1)})), "- 8 - - 9 |");
  EXPECT_EQ(after(reg(1, {item(8, 1), item(9, 4)})), "same");
  EXPECT_EQ(after(reg(1, {item(8), item(9)})), "same");
}

TEST_F(Amphorae, ExplicitPositionsAreReservedBeforeFreeOnesAreHandedOut) {
  EXPECT_EQ(after(reg(1, {item(1), item(2, 0), item(3), item(4, 1)})), "2 4 1 3 |");
}

TEST_F(Amphorae, AnIdThatBecomesKnownIsAChangeAndAMissingOneIsNot) {
  ASSERT_EQ(after(reg(1, {item(1), spare(2)})), "1 | 2");
  auto named = item(1);
  named.amphora.amphora_id = "amphora-1";
  auto named_spare = item(2);
  named_spare.amphora.amphora_id = "amphora-2";
  EXPECT_EQ(after(reg(1, {named, named_spare})), "1 | 2");
  EXPECT_EQ(after(reg(1, {item(1), item(2)})), "same");
  EXPECT_EQ(after(replace(1, 1)), "2 |");
  EXPECT_EQ(registry.find(lb_id(1))->slots[0].occupant->amphora_id, "amphora-2");
}

TEST_F(Amphorae, SparesHaveNoPosition) {  // F3
  EXPECT_EQ(after(reg(1, {item(1), spare(2), spare(3)})), "1 | 2 3");
  EXPECT_EQ(after(reg(1, {spare(2), item(3)})), "same");
}

TEST_F(Amphorae, ASpareMovesIntoASlotWhenToldTo) {
  ASSERT_EQ(after(reg(1, {item(1), spare(2), spare(3), spare(4)})), "1 | 2 3 4");
  EXPECT_EQ(after(reg(1, {item(3, 2)})), "1 - 3 | 2 4");
  EXPECT_EQ(after(reg(1, {item(4, {}, AmphoraRole::active)})), "1 4 3 | 2");
  EXPECT_EQ(after(reg(1, {item(4, {}, AmphoraRole::active)})), "same");
}

TEST_F(Amphorae, ABatchMayFreeThePlaceAmongSparesThatItNeeds) {
  std::vector<RegisterCommand::Item> all;
  for (unsigned n = 0; n < limits::kSparesMax; ++n) all.push_back(spare(100 + n));
  ASSERT_TRUE(registry.apply(reg(1, all)));
  expect_refused(reg(1, {spare(1)}), Code::limit, "amphorae");
  EXPECT_TRUE(registry.apply(reg(1, {spare(1), item(100, 0)})));
  EXPECT_EQ(registry.find(lb_id(1))->spares.back().mac, amphora_mac(1));
}

TEST_F(Amphorae, UnregLeavesTheOthersWhereTheyAre) {  // O2, F6, P7
  ASSERT_EQ(after(reg(1, {item(1), item(2), item(3), spare(4)})), "1 2 3 | 4");
  EXPECT_EQ(after(unreg(1, {2})), "1 - 3 | 4");
  EXPECT_EQ(after(unreg(1, {2, 99})), "same");
  EXPECT_EQ(after(unreg(1, {4, 3, 4})), "1 |");
  EXPECT_EQ(after(reg(1, {item(5)})), "1 5 |");
}

TEST_F(Amphorae, EqualStatesAreEqualValuesWhateverTheHistory) {
  ASSERT_EQ(after(reg(1, {item(1)})), "1 |");
  const auto digest = registry.digest();
  ASSERT_EQ(after(reg(1, {item(2, 7), spare(3)})), "1 - - - - - - 2 | 3");
  ASSERT_EQ(after(replace(1, 2)), "1 - - - - - - 3 |");
  ASSERT_EQ(after(unreg(1, {3})), "1 |");
  EXPECT_EQ(registry.digest(), digest);
}

TEST_F(Amphorae, ReplacePutsTheSpareIntoTheSlot) {  // F1
  ASSERT_EQ(after(reg(1, {item(1), item(2), spare(3), spare(4)})), "1 2 | 3 4");
  EXPECT_EQ(after(replace(1, 1)), "3 2 | 4");
  EXPECT_EQ(after(replace(1, 2, 4)), "3 4 |");
}

TEST_F(Amphorae, ReplayedReplaceIsNoChange) {
  ASSERT_EQ(after(reg(1, {item(1), item(2), spare(3), spare(4)})), "1 2 | 3 4");
  ASSERT_EQ(after(replace(1, 1)), "3 2 | 4");
  EXPECT_EQ(after(replace(1, 1)), "same");
  EXPECT_EQ(after(replace(1, 1, 3)), "same");
  EXPECT_EQ(after(reg(1, {item(3), item(2, 1)})), "same");  // a REG of what stands does not forget
  ASSERT_EQ(after(reg(1, {spare(1)})), "3 2 | 4 1");        // recreated with its old MAC (F3)
  EXPECT_EQ(after(replace(1, 1)), "same");
  expect_refused(replace(1, 1, 4), Code::conflict, "failed", "holds no position");
}

TEST_F(Amphorae, ReplayIsRecognisedWhereTheFailedOneHoldsAnotherPositionMeanwhile) {
  ASSERT_EQ(after(reg(1, {item(1), item(2), spare(3)})), "1 2 | 3");
  ASSERT_EQ(after(replace(1, 1, 3)), "3 2 |");
  ASSERT_EQ(after(reg(1, {item(1), spare(4)})), "3 2 1 | 4");
  EXPECT_EQ(after(replace(1, 1, 3)), "same");
  EXPECT_EQ(after(replace(1, 1)), "3 2 4 |");
}

TEST_F(Amphorae, AVacatedSlotForgets) {
  ASSERT_EQ(after(reg(1, {item(1), item(2), spare(3)})), "1 2 | 3");
  ASSERT_EQ(after(replace(1, 1)), "3 2 |");
  ASSERT_EQ(after(unreg(1, {3})), "- 2 |");
  expect_refused(replace(1, 1), Code::not_found, "failed");
  ASSERT_EQ(after(reg(1, {item(3)})), "3 2 |");
  expect_refused(replace(1, 1), Code::not_found, "failed");
}

TEST_F(Amphorae, RegRefusals) {  // P6
  ASSERT_EQ(after(reg(1, {item(1), item(2), spare(3)})), "1 2 | 3");
  expect_refused(reg(2, {item(1)}), Code::not_found, "lb_id", "not plugged");
  expect_refused(reg(1, {}), Code::invalid, "amphorae");
  expect_refused(reg(1, std::vector(273, item(9))), Code::invalid, "amphorae");
  expect_refused(reg(1, {item(8), item(9), item(8)}), Code::invalid, "amphorae[2].mac_address", "twice");
  expect_refused(reg(1, {item(8, 4), item(9, 4)}), Code::invalid, "amphorae[1].position", "twice");
  expect_refused(reg(1, {item(8), item(9, 8)}), Code::invalid, "amphorae[1].position", "out of range");
  expect_refused(reg(1, {item(8, 4, AmphoraRole::standby)}), Code::invalid, "amphorae[0].position");
  expect_refused(reg(1, {item(8), item(9, 1)}), Code::conflict, "amphorae[1].position", amphora_mac(2).text());
  expect_refused(reg(1, {item(1, 2)}), Code::conflict, "amphorae[0].position", "holds position 0");
  expect_refused(reg(1, {item(1, {}, AmphoraRole::standby)}), Code::conflict, "amphorae[0].role", "holds position 0");
  expect_refused(reg(1, {item(8, {}, static_cast<AmphoraRole>(3))}), Code::invalid, "amphorae[0].role");
  auto bad = item(8);
  bad.amphora.mac = MacAddress{};
  expect_refused(reg(1, {bad}), Code::invalid, "amphorae[0].mac_address");
  bad.amphora.mac = test::mac("01:00:5e:00:00:01");
  expect_refused(reg(1, {bad}), Code::invalid, "amphorae[0].mac_address");
  bad.amphora.mac = test::node_mac(1, 1);
  expect_refused(reg(1, {bad}), Code::invalid, "amphorae[0].mac_address", "on node b");
  bad = item(8);
  bad.amphora.amphora_id = std::string(65, 'x');
  expect_refused(reg(1, {bad}), Code::invalid, "amphorae[0].amphora_id");
  bad.amphora.amphora_id = "two words";
  expect_refused(reg(1, {bad}), Code::invalid, "amphorae[0].amphora_id");
}

TEST_F(Amphorae, ABatchThatDoesNotFitChangesNothing) {
  ASSERT_EQ(after(reg(1, {item(1), item(2), item(3), item(4), item(5), item(6)})), "1 2 3 4 5 6 |");
  expect_refused(reg(1, {item(7), item(8), item(9)}), Code::limit, "amphorae[2].mac_address", "no free position");
  EXPECT_EQ(now(), "1 2 3 4 5 6 |");
}

TEST_F(Amphorae, WithoutClusterSizeThereAre256Positions) {
  ASSERT_TRUE(registry.apply(test::plug_of(2)));
  EXPECT_TRUE(registry.apply(reg(2, {item(1, 255)})));
  expect_refused(reg(2, {item(2, 256)}), Code::invalid, "amphorae[0].position", "out of range");
  std::vector<RegisterCommand::Item> rest;
  for (unsigned n = 2; n <= 256; ++n) rest.push_back(item(n));
  EXPECT_TRUE(registry.apply(reg(2, rest)));
  expect_refused(reg(2, {item(999)}), Code::limit, "amphorae[0].mac_address");
}

TEST_F(Amphorae, UnregRefusals) {  // P7
  expect_refused(unreg(2, {1}), Code::not_found, "lb_id");
  expect_refused(unreg(1, {}), Code::invalid, "amphorae");
  expect_refused(UnregisterCommand{lb_id(1), std::vector(273, amphora_mac(1))}, Code::invalid, "amphorae");
}

TEST_F(Amphorae, ReplaceRefusals) {  // F1
  ASSERT_EQ(after(reg(1, {item(1), item(2)})), "1 2 |");
  expect_refused(replace(2, 1), Code::not_found, "lb_id");
  expect_refused(replace(1, 9), Code::not_found, "failed", "not registered");
  expect_refused(replace(1, 1), Code::conflict, "standby", "no standby");
  expect_refused(replace(1, 1, 1), Code::invalid, "standby");
  expect_refused(replace(1, 1, 2), Code::conflict, "standby", "holds position 1");
  expect_refused(replace(1, 1, 9), Code::not_found, "standby");
  ASSERT_EQ(after(reg(1, {spare(3)})), "1 2 | 3");
  expect_refused(replace(1, 3), Code::conflict, "failed", "holds no position");
}

}  // namespace
}  // namespace distributor
