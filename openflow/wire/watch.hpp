// Hearing of what others change in the bridge (O5): flow monitor (OpenFlow 1.5.1, 7.3.5.15) and request forwarding
// (7.4.8). Both are sent by Open vSwitch on its management socket, also for what went through a bundle or ovs-ofctl.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "openflow/wire/error.hpp"
#include "openflow/wire/rule.hpp"

namespace distributor::wire {

// From now on, forwards group and meter changes that other connections make. What else is sent unasked stays as it is.
std::string encode_set_async_forwarding(std::uint32_t xid);

// From now on, tells of every flow that is added, removed or changed, in any table. Own changes come abbreviated.
std::string encode_flow_monitor_request(std::uint32_t xid);

// What somebody else did, as far as it was told.
struct ForeignChanges {
  struct Flow {
    FlowKey name;
    bool stands = false;  // added or changed; else removed
  };
  struct Group {
    std::uint32_t id = 0;
    bool stands = false;
  };
  std::vector<Flow> flows;  // in the order of the events
  std::vector<Group> groups;
  bool incomplete = false;  // more than these changed, or it cannot be said what: all must be read back
};

bool is_flow_monitor_reply(std::string_view multipart_body);
Decoded<ForeignChanges> decode_flow_monitor(std::string_view multipart_body);
Decoded<ForeignChanges> decode_request_forward(std::string_view body);

}  // namespace distributor::wire
