// Hearing of what others change in the bridge (O5): flow monitor (OpenFlow 1.5.1, 7.3.5.15) and request forwarding
// (7.4.8). Both are sent by Open vSwitch on its management socket, also for what went through a bundle or ovs-ofctl.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "openflow/wire/error.hpp"

namespace distributor::wire {

// From now on, forwards group and meter changes that other connections make. What else is sent unasked stays as it is.
std::string encode_set_async_forwarding(std::uint32_t xid);

// From now on, tells of every flow that is added, removed or changed, in any table. Own changes come abbreviated.
std::string encode_flow_monitor_request(std::uint32_t xid);

// Body of a multipart reply of type kFlowMonitor. True: somebody else changed a flow, or Open vSwitch had to leave
// events out, so that what stands is not known.
Decoded<bool> decode_foreign_flow_change(std::string_view multipart_body);
bool is_flow_monitor_reply(std::string_view multipart_body);

}  // namespace distributor::wire
