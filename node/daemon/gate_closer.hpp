// Closes the ARP/ND gate of a bridge without the daemon: one flow-mod and a barrier on a connection of its own. For the gatekeeper (H12).
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <tl/expected.hpp>

namespace distributor::node {

enum class GateClosing : std::uint8_t { closed, no_switch };  // no_switch: nobody listens there, so nobody answers ARP either

// Blocks for at most `limit`. Error: what was tried and what the switch said.
tl::expected<GateClosing, std::string> close_gate(const std::filesystem::path& management_socket, std::chrono::milliseconds limit);

}  // namespace distributor::node
