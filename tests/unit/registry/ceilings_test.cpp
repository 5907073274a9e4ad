// What a pair's operator allows, below the hard limits (L6).
#include "sync/registry/ceilings.hpp"

#include <gtest/gtest.h>

#include "tests/unit/registry/values.hpp"

namespace distributor {
namespace {

using test::item;
using test::lb_id;
using test::plug_of;
using test::reg;
using test::spare;
using test::unreg;

class CeilingsTest : public testing::Test {
 protected:
  void stands(const Command& command) { ASSERT_TRUE(registry.apply(command)); }

  // "" = allowed, else the field that is refused.
  std::string verdict(const Ceilings& ceilings, const Command& command) const {
    const auto above = above_ceilings(ceilings, registry, command);
    if (!above) return "";
    EXPECT_EQ(above->code, RegistryErrorCode::limit);
    EXPECT_FALSE(above->fix.empty());
    return above->field;
  }

  Registry registry;
};

PlugCommand sized(unsigned n, std::uint32_t size) {
  auto command = plug_of(n);
  command.cluster_size = size;
  return command;
}

TEST_F(CeilingsTest, DefaultsAreTheHardLimits) {
  stands(plug_of(1));
  EXPECT_EQ(verdict({}, plug_of(2)), "");
  EXPECT_EQ(verdict({}, sized(2, limits::kSlotsMax)), "");
  EXPECT_EQ(verdict({}, reg(1, {item(1, limits::kSlotsMax - 1)})), "");
}

TEST_F(CeilingsTest, LoadBalancersAreCounted) {
  const Ceilings two{.load_balancers_max = 2};
  stands(plug_of(1));
  EXPECT_EQ(verdict(two, plug_of(2)), "");
  stands(plug_of(2));
  EXPECT_EQ(verdict(two, plug_of(3)), "lb_id");
  EXPECT_EQ(verdict(two, plug_of(2)), "") << "one that stands may be plugged again: a rebuilt node brings a new MAC";
  stands(UnplugCommand{lb_id(1)});
  EXPECT_EQ(verdict(two, plug_of(3)), "");
}

TEST_F(CeilingsTest, DedicatedIsForOne) {
  const Ceilings dedicated{.dedicated = true};
  EXPECT_EQ(verdict(dedicated, plug_of(1)), "");
  stands(plug_of(1));
  EXPECT_EQ(verdict(dedicated, plug_of(2)), "lb_id");
  EXPECT_EQ(verdict(dedicated, UnplugCommand{lb_id(1)}), "");
}

TEST_F(CeilingsTest, SlotsAreCountedBySizeAndByPosition) {
  const Ceilings four{.slots_max = 4};
  EXPECT_EQ(verdict(four, sized(1, 5)), "cluster_size");
  EXPECT_EQ(verdict(four, sized(1, 4)), "");
  stands(plug_of(1));
  EXPECT_EQ(verdict(four, reg(1, {item(1, 4)})), "amphorae");
  EXPECT_EQ(verdict(four, reg(1, {item(1), item(2), item(3), item(4), item(5)})), "amphorae");
  EXPECT_EQ(verdict(four, reg(1, {item(1), item(2), item(3), item(4), spare(5)})), "") << "a spare has no position";
}

TEST_F(CeilingsTest, WhatStandsAboveALoweredCeilingStaysAndMayShrink) {
  stands(sized(1, 8));
  stands(plug_of(2));
  stands(reg(1, {item(1, 5), item(2, 0)}));
  const Ceilings lowered{.load_balancers_max = 1, .slots_max = 4};
  EXPECT_EQ(verdict(lowered, reg(1, {item(3, 2)})), "") << "no more positions than before";
  EXPECT_EQ(verdict(lowered, reg(1, {item(3, 6)})), "amphorae");
  EXPECT_EQ(verdict(lowered, sized(1, 6)), "");
  EXPECT_EQ(verdict(lowered, sized(1, 9)), "cluster_size");
  EXPECT_EQ(verdict(lowered, unreg(1, {1})), "");
}

TEST_F(CeilingsTest, TextTellsUnequalOnesApart) {
  EXPECT_EQ(Ceilings{}.text(), "shared, 4096 load balancers, 256 slots each");
  EXPECT_NE(Ceilings{}.text(), Ceilings{.slots_max = 4}.text());
  EXPECT_NE(Ceilings{}.text(), Ceilings{.dedicated = true}.text());
}

}  // namespace
}  // namespace distributor
