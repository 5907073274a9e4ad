// CURVE key pairs of the sync link and the files they live in (X2). Files hold Z85 text (ZeroMQ RFC 32), 40 characters
// per key.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace distributor::link {

inline constexpr std::size_t kKeyTextBytes = 40;
inline constexpr std::size_t kPeerKeysMax = 2;  // the present one and, while it is being rotated, the next one

struct KeyPair {
  std::string public_key;  // Z85
  std::string secret_key;  // Z85; never log it
};

enum class KeyErrorCode {
  unreadable,        // missing, not a regular file, too long
  permissions_wide,  // readable (secret) or writable (peer's key) by others, or owned by another user
  malformed,         // not Z85, wrong length, wrong labels
  published_key,     // the pair printed in ZeroMQ's manual: everybody has it
  mismatch,          // public and secret key do not belong together
  unwritable,
};
struct KeyError {
  KeyErrorCode code;
  std::string message;  // what was wanted, what was found, what to do
};

KeyPair generate_key_pair();

// Refuses malformed keys, halves that do not belong together and the manual's keys.
tl::expected<void, KeyError> check_key_pair(const KeyPair& pair);
tl::expected<void, KeyError> check_public_key(std::string_view public_key);

// File of two lines, `public: <Z85>` and `secret: <Z85>`; lines that start with '#' are comments. Mode 0600 or
// narrower, owned by root or the caller.
tl::expected<KeyPair, KeyError> read_key_pair(const std::filesystem::path& path);

// Writes the secret file (0600) and beside it `<path>.pub` (0644, one line `public: <Z85>`, to be carried to the peer).
// Never overwrites an existing file.
tl::expected<void, KeyError> write_key_pair(const std::filesystem::path& path, const KeyPair& pair);

// File of one or two lines `public: <Z85>`; may be readable by all, writable only by its owner.
tl::expected<std::vector<std::string>, KeyError> read_peer_public_keys(const std::filesystem::path& path);

}  // namespace distributor::link
