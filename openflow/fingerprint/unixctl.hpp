// One call on the control socket of a running Open vSwitch daemon (JSON-RPC, RFC 7047 4 without its database methods):
// what ovs-appctl does, without a process.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace distributor::fingerprint {

inline constexpr std::size_t kUnixctlAnswerBytesMax = 1U << 20U;

// Socket of the ovs-vswitchd whose pid file is in `run_dir`; error: why it is not known.
tl::expected<std::filesystem::path, std::string> control_socket(const std::filesystem::path& run_dir);

// `done` is called once, from the event loop: the text that the daemon answers, or why there is none. An answer that
// takes longer than `timeout` or is larger than the bound is an error.
void call(boost::asio::io_context& io, const std::filesystem::path& socket, const std::string& method,
          const std::vector<std::string>& arguments, std::function<void(tl::expected<std::string, std::string>)> done,
          std::chrono::milliseconds timeout = std::chrono::milliseconds(2000));

}  // namespace distributor::fingerprint
