// The smallest ordered list of changes that turns what stands in a bridge into what is desired. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "openflow/programmer/programmer.hpp"
#include "openflow/wire/error.hpp"
#include "openflow/wire/rule.hpp"

namespace distributor::programmer {

// Rules seen from outside: pointers stay the caller's, and must outlive the view and every change made from it.
struct View {
  struct Flow {
    const wire::FlowRule* rule = nullptr;
    std::optional<Key> owner;  // none: found in the bridge
    bool plain = true;         // false: differs from every rule of ours (wire::FlowDescription::plain)
  };
  struct Group {
    const wire::Group* group = nullptr;
    std::optional<Key> owner;
    bool plain = true;
  };
  std::vector<Flow> flows;
  std::vector<Group> groups;

  void add(Key owner, const wire::Rules& rules);
};

enum class ChangeKind : std::uint8_t { add_group, modify_group, put_flow, delete_flow, delete_group };

struct Change {
  ChangeKind kind = ChangeKind::put_flow;
  std::optional<Key> owner;              // whose wish it is; of a deletion whose it was, if known
  const wire::FlowRule* flow = nullptr;  // put_flow, delete_flow
  const wire::Group* group = nullptr;    // the others
  bool is_group() const { return group != nullptr; }
  std::string text() const;
};

// Groups come before the flows that use them, and go after them. An equal rule is not touched, so its counters go on
// (O4). A changed flow is one add over it, which keeps its counters. A changed group is one modify (F2); Open
// vSwitch 3.1 starts the counters of that group and its buckets anew then, those of its flows go on. If `desired` names
// a flow or a group twice, the first one counts.
std::vector<Change> difference(View actual, View desired);

wire::Decoded<std::string> encode(const Change& change, std::uint32_t xid);

}  // namespace distributor::programmer
