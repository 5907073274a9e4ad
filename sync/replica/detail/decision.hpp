// Who leads after a contact (H13: history picks the leader, VRRP follows). A pure, symmetric function of the two Hellos and of what each
// node found in its own history about the other's floor: both nodes come to the same answer.
#pragma once

#include <optional>
#include <string>

#include "sync/replica/message.hpp"

namespace distributor::replica {

struct Candidate {
  const Hello& hello;
  bool contains_peer_floor = false;  // its history holds every entry that the other may have acknowledged as `pair`
};

struct Decision {
  std::optional<NodeId> leader;  // absent: neither may lead, an operator has to say
  bool init_together = false;    // two empty nodes begin a history together
  bool double_fault = false;     // each lacks what the other may have acknowledged: something was lost for sure
  std::string reason;            // for the log
};

// 1. Both never synced: both empty -> they begin together; else nobody.
// 2. Entitled = ever synced, and holding the other's floor (the floor of a never-synced node does not count). Only one -> it leads.
// 3. Both entitled: the only VRRP master; else the present leader of the higher term; else the longer log; else the higher node id.
// 4. Neither, though both were synced (disks lost on both sides): the higher floor, then the higher last term, the longer log, the VRRP
//    master, the higher node id. What the other had beyond is cut, below its floor too, and listed.
Decision decide_leader(const Candidate& one, const Candidate& other);

}  // namespace distributor::replica
