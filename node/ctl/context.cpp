#include "node/ctl/context.hpp"

#include <iostream>

#include "node/ctl/human.hpp"
#include "node/ctl/terminal.hpp"

namespace distributor::ctl {

int usage(const std::string& problem) {
  std::cerr << "distributorctl: " << problem << "\n";
  return kUsage;
}

tl::expected<Reply, int> Context::ask(const std::string& method, const std::string& path, const std::string& body) const {
  if (!settings_.address) return tl::unexpected(usage("wanted the address of a distributor; give --address"));
  if (!settings_.cert || !settings_.ca)
    return tl::unexpected(usage("wanted a client certificate and the server's CA; give --cert and --ca"));
  const Target target{
      .address = *settings_.address,
      .port = settings_.port.value_or(kDefaultPort),
      .cert_file = *settings_.cert,
      .key_file = settings_.key.value_or(*settings_.cert),
      .ca_file = *settings_.ca,
      .server_name = settings_.server_name.value_or(""),
      .time_limit = settings_.timeout_s ? std::chrono::seconds(*settings_.timeout_s) : kDefaultTimeLimit};
  const Progress progress("waiting for " + *settings_.address);
  auto reply = request(target, method, path, body);
  if (reply) return std::move(*reply);
  std::cerr << "distributorctl: " << reply.error().message << "\n";
  return tl::unexpected(reply.error().failure == Failure::tls ? kTls : kCannotConnect);
}

int Context::print(const Reply& reply, Human human) const {
  const bool ok = reply.status >= 200 && reply.status < 300;
  if (json_) {
    std::cout << reply.body << "\n";
  } else if (ok) {
    std::cout << human(reply.body);
  } else {
    std::cerr << human_error(reply.status, reply.body);
  }
  return ok ? kOk : kRefused;
}

int Context::call(const std::string& method, const std::string& path, const std::string& body, Human human) const {
  const auto reply = ask(method, path, body);
  return reply ? print(*reply, human) : reply.error();
}

tl::expected<AdminReply, int> Context::ask_daemon(const std::string& command, const boost::json::object& with) const {
  const auto limit = settings_.timeout_s ? std::chrono::seconds(*settings_.timeout_s) : kDefaultTimeLimit;
  const Progress progress("waiting for the daemon");
  auto reply = ask_admin(settings_.admin_socket.value_or(kDefaultAdminSocket), command, limit, with);
  if (reply) return std::move(*reply);
  std::cerr << "distributorctl: " << reply.error() << "\n";
  return tl::unexpected(kCannotConnect);
}

int Context::admin(const std::string& command, const boost::json::object& with) const {
  const auto reply = ask_daemon(command, with);
  if (!reply) return reply.error();
  (reply->ok ? std::cout : std::cerr) << (json_ ? reply->line : reply->message) << "\n";
  return reply->ok ? kOk : kRefused;
}

}  // namespace distributor::ctl
