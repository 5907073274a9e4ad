// What the daemon tells the role machine, its peer and the operator.
#include "node/daemon/facts.hpp"

#include <gmock/gmock.h>

namespace distributor::node {
namespace {

using testing::HasSubstr;

TEST(Facts, DifferentHashesPutAffinityAtRisk) {  // DESIGN: the guarantee; A4
  replica::Status status;
  EXPECT_EQ(affinity_risk("murmur3", status), "") << "nothing is known of the peer";
  status.peer.facts.hash_fingerprint = "murmur3";
  EXPECT_EQ(affinity_risk("murmur3", status), "");
  EXPECT_EQ(affinity_risk("", status), "") << "nothing is known of this node";
  status.peer.facts.hash_fingerprint = "crc32c";
  EXPECT_THAT(affinity_risk("murmur3", status), testing::AllOf(HasSubstr("murmur3"), HasSubstr("crc32c"), HasSubstr("same build")));
}

TEST(Facts, ThePeerIsToldWhatItNeedsToKnow) {  // H6
  role::Status role;
  role.vrrp = keepalived::VrrpState::master;
  role.keepalived_alive = true;
  role.gate = role::Gate::open;
  role.readiness = 150;
  Forwarding::Health health;
  health.synchronised = true;
  health.links_up = 3;
  health.links_wanted = 4;
  const auto facts = node_facts(role, health, "murmur3");
  EXPECT_TRUE(facts.vrrp_master && facts.gate_open && facts.ready && facts.ovs_programmed);
  EXPECT_EQ(facts.vip_links_up, 3U);
  EXPECT_EQ(facts.vip_links_wanted, 4U);
  EXPECT_EQ(facts.hash_fingerprint, "murmur3");
  role.keepalived_alive = false;
  EXPECT_FALSE(node_facts(role, health, "").vrrp_master) << "a dead keepalived owns nothing";
}

TEST(Facts, AFollowerThatIsBehindIsNotProgrammed) {  // H6
  Forwarding::Health health;
  health.synchronised = health.programmed = true;
  replica::Status status;
  status.committed = Seq{7};
  status.programmed = Seq{6};
  EXPECT_FALSE(health_facts(status, health).ovs_programmed);
  status.programmed = Seq{7};
  EXPECT_TRUE(health_facts(status, health).ovs_programmed);
}

}  // namespace
}  // namespace distributor::node
