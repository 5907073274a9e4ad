// Messages as bytes (Protocol Buffers, sync/replica/replica_messages.proto). The bytes come from the peer, over an
// authenticated link; they are judged all the same (X3).
#pragma once

#include <string>
#include <string_view>

#include "sync/replica/message.hpp"

namespace distributor::replica {

// At most kMessageBytesMax for every message that the core makes.
std::string encode(const Message& message);

// Refuses what is longer than kMessageBytesMax, malformed, of an unknown kind or with unknown fields, or has a part
// beyond its bound (message.hpp, limits.hpp). A refused message is to be dropped; it must not end the connection.
Parsed<Message> decode(std::string_view bytes);

}  // namespace distributor::replica
