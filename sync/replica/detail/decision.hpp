// Who leads after a contact (H13: history picks the leader, VRRP follows). A pure, symmetric function of the two Hellos and of what each
// node found in its own history about the other's promises: both nodes come to the same answer.
#pragma once

#include <optional>
#include <string>

#include "sync/replica/message.hpp"

namespace distributor::replica {

struct Candidate {
  const Hello& hello;
  HelloAnswer answer;  // what this node found in its history of the other's floor and ceiling
};

struct Decision {
  std::optional<NodeId> leader;  // absent: neither may lead, an operator has to say
  bool init_together = false;    // two empty nodes begin a history together
  bool below_floor = false;      // the other one may have to cut below its floor
  bool double_fault = false;     // the leader lacks what the other knows to be on both disks: something was lost for sure
  std::string reason;            // for the log
};

// 1. Both never synced: both empty -> they begin together; else nobody.
// 2. Entitled = ever synced, and holding all that the other may have helped to answer `pair`: its floor and its ceiling (what a
//    never-synced node says does not count). Only one -> it leads.
// 3. Both entitled: of two that were never paired and of which one is empty the other one; else the only VRRP master; else the present
//    leader of the higher term; else the longer log; else the higher node id.
// 4. Neither, though both were synced: the one that was paired in the higher term (whoever was paired later held all of the earlier
//    pairing, unless its disk was lost since), then the higher ceiling and floor, the higher last term, the longer log, the VRRP master,
//    the higher node id. What the other has beyond is cut, below its floor too, and listed.
Decision decide_leader(const Candidate& one, const Candidate& other);

}  // namespace distributor::replica
