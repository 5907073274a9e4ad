// Pieces that several messages share.
#pragma once

#include <cstdint>
#include <string>

#include "openflow/wire/detail/bytes.hpp"
#include "openflow/wire/error.hpp"
#include "openflow/wire/message.hpp"

namespace distributor::wire::detail {

// A header whose length finish() fills in. finish() throws std::logic_error above 65,535 bytes: callers check before.
std::string begin(MessageType type, std::uint32_t xid);
std::string finish(std::string message);

// ofp_match with its padding.
void put_match(std::string& out, const Match& match);
Decoded<Match> take_match(Reader& reader);

// ofp_port.
Decoded<Port> take_port(Reader& reader);

}  // namespace distributor::wire::detail
