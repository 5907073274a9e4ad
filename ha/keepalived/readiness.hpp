// The file that keepalived's track_file watches: its number is added to the base priority.
#pragma once

#include <optional>
#include <string>

#include <tl/expected.hpp>

namespace distributor::keepalived {

// Replaces the file's content at once; keepalived sees it within a millisecond (inotify). Error: text.
tl::expected<void, std::string> write_readiness(const std::string& path, int value);

// Absent, empty or unreadable: nothing.
std::optional<int> read_readiness(const std::string& path);

}  // namespace distributor::keepalived
