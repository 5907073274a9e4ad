// One command to the daemon's local administration socket: a JSON object a line, an answer a line.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <string>
#include <tl/expected.hpp>

namespace distributor::ctl {

struct AdminReply {
  bool ok = false;
  std::string message;
  std::string line;  // as received
};

// `with`: further fields of the request, as the command wants them. The error says what was wanted and found. Blocks, for at most the time limit.
tl::expected<AdminReply, std::string> ask_admin(const std::string& socket, const std::string& command,
                                                std::chrono::seconds time_limit, const boost::json::object& with = {});

}  // namespace distributor::ctl
