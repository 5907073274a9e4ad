// What every command needs: the way to the node, and how its answers are printed.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "node/ctl/admin_client.hpp"
#include "node/ctl/exit_codes.hpp"
#include "node/ctl/https_client.hpp"
#include "node/ctl/settings.hpp"

namespace distributor::ctl {

class Context {
 public:
  using Human = std::string (*)(const std::string& body);

  Context(Settings settings, bool json) : settings_(std::move(settings)), json_(json) {}

  bool json() const { return json_; }
  const Settings& settings() const { return settings_; }

  // One request to the REST API. The error is the exit code; the reason has been printed.
  tl::expected<Reply, int> ask(const std::string& method, const std::string& path, const std::string& body = "") const;
  // The answer on the terminal, or as JSON; returns the exit code.
  int print(const Reply& reply, Human human) const;
  int call(const std::string& method, const std::string& path, const std::string& body, Human human) const;

  // One command to the daemon's local socket. The error is the exit code; the reason has been printed.
  tl::expected<AdminReply, int> ask_daemon(const std::string& command, const boost::json::object& with = {}) const;
  int admin(const std::string& command, const boost::json::object& with = {}) const;  // asks and prints the message

 private:
  Settings settings_;
  bool json_;
};

int usage(const std::string& problem);  // prints it, returns kUsage

}  // namespace distributor::ctl
