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
  ForwardingHealth health;
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

TEST(Facts, TheStandbySaysWhyItCannotTakeOver) {  // H7
  role::Status role;
  role.vrrp_known = true;
  role.vrrp = keepalived::VrrpState::backup;
  role.readiness = 150;
  replica::Status status;
  status.phase = replica::Phase::following;
  status.last = status.programmed = Seq{7};
  EXPECT_EQ(why_not_take_over(role, status, Seq{7}), std::nullopt);
  EXPECT_THAT(why_not_take_over(role, status, Seq{8}).value(), HasSubstr("change 8"));
  status.phase = replica::Phase::catching_up;
  EXPECT_THAT(why_not_take_over(role, status, Seq{7}).value(), HasSubstr("not in sync"));
  role.readiness = 50;
  role.readiness_reason = "in maintenance";
  EXPECT_THAT(why_not_take_over(role, status, Seq{7}).value(), HasSubstr("in maintenance"));
  role.vrrp = keepalived::VrrpState::fault;
  EXPECT_THAT(why_not_take_over(role, status, Seq{7}).value(), HasSubstr("BACKUP"));
}

TEST(Facts, OnlyASettledOwnerHandsOverAndOnlyToAReadyPeer) {  // H7
  role::Status role;
  replica::Status status;
  const auto peer = NodeId::parse("node-2").value();
  EXPECT_THAT(switchover_facts(role, status, std::nullopt).not_owner, HasSubstr("no peer"));
  role.vrrp_known = true;
  role.vrrp = keepalived::VrrpState::master;
  role.gate = role::Gate::open;
  EXPECT_FALSE(switchover_facts(role, status, peer).owner) << "it does not lead";
  status.leads = true;
  EXPECT_TRUE(switchover_facts(role, status, peer).owner);
  EXPECT_THAT(switchover_facts(role, status, peer).peer_missing, HasSubstr("node-2 is away"));
  status.peer.facts.ready = true;
  EXPECT_FALSE(switchover_facts(role, status, peer).peer_ready) << "an old word of a peer that is away";
  status.peer.alive = true;
  EXPECT_TRUE(switchover_facts(role, status, peer).peer_ready);
  role.vrrp = keepalived::VrrpState::backup;
  EXPECT_THAT(switchover_facts(role, status, peer).not_owner, HasSubstr("ask node-2"));
}

TEST(Facts, AFollowerThatIsBehindIsNotProgrammed) {  // H6
  ForwardingHealth health;
  health.synchronised = health.programmed = true;
  replica::Status status;
  status.committed = Seq{7};
  status.programmed = Seq{6};
  EXPECT_FALSE(health_facts(status, health).ovs_programmed);
  status.programmed = Seq{7};
  EXPECT_TRUE(health_facts(status, health).ovs_programmed);
}

TEST(Facts, ANodeThatMayBeBehindSaysWhy) {  // H3
  role::Status role;
  role.vrrp_known = true;
  role.vrrp = keepalived::VrrpState::backup;
  replica::Status follower;
  follower.phase = replica::Phase::following;
  follower.entitled = follower.peer.alive = follower.peer.leads = true;
  EXPECT_EQ(why_stale(role, follower, true), "");
  follower.peer.leads = false;
  EXPECT_THAT(why_stale(role, follower, true), HasSubstr("the other node does not lead"));
  follower.peer.alive = false;
  EXPECT_THAT(why_stale(role, follower, true), HasSubstr("does not hear the other node")) << "its leader is solo by now";
  replica::Status behind;
  for (const auto phase : {replica::Phase::fenced, replica::Phase::catching_up, replica::Phase::waiting, replica::Phase::failed}) {
    behind.phase = phase;
    behind.why_not = "it was deposed";
    behind.peer.alive = behind.peer.leads = true;
    EXPECT_EQ(why_stale(role, behind, true), "this node may show what is old: it was deposed; read again at the management address");
  }
  behind.takes_changes = true;
  EXPECT_THAT(why_stale(role, behind, true), HasSubstr("does not lead yet")) << "what the last owner answered is applied when the term is on disk";
}

TEST(Facts, ALeaderIsBehindOnlyWhereKeepalivedMayHaveAnother) {  // H3
  role::Status role;
  role.vrrp_known = true;
  role.vrrp = keepalived::VrrpState::backup;
  replica::Status leader;
  leader.phase = replica::Phase::leading;
  leader.leads = leader.takes_changes = leader.peer.alive = true;
  EXPECT_EQ(why_stale(role, leader, true), "") << "history picks the leader, keepalived follows";
  leader.phase = replica::Phase::solo;
  leader.peer.alive = false;
  EXPECT_THAT(why_stale(role, leader, true), HasSubstr("may lead now"));
  EXPECT_EQ(why_stale({}, leader, false), "") << "standalone";
  role.vrrp = keepalived::VrrpState::master;
  EXPECT_EQ(why_stale(role, leader, true), "");
  role.vrrp_known = false;
  EXPECT_THAT(why_stale(role, leader, true), HasSubstr("may lead now")) << "keepalived died as MASTER";
}

TEST(Facts, UnequalLimitsAreSaid) {  // L6
  replica::Status status;
  EXPECT_EQ(unequal_ceilings(Ceilings{}.text(), status), "") << "the peer's are not known yet";
  status.peer.facts = node_facts({}, {}, "", Ceilings{}.text());
  EXPECT_EQ(unequal_ceilings(Ceilings{}.text(), status), "");
  EXPECT_THAT(unequal_ceilings(Ceilings{.dedicated = true}.text(), status), testing::HasSubstr("dedicated to one"));
}

}  // namespace
}  // namespace distributor::node
