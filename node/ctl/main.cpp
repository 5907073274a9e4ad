// distributorctl: the REST API from the command line.
#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <functional>
#include <iostream>

#include "node/ctl/admin_client.hpp"
#include "node/ctl/bodies.hpp"
#include "node/ctl/https_client.hpp"
#include "node/ctl/human.hpp"
#include "node/ctl/settings.hpp"

namespace distributor::ctl {
namespace {

constexpr int kOk = 0;
constexpr int kRefused = 1;
constexpr int kUsage = 2;
constexpr int kCannotConnect = 3;
constexpr int kTls = 4;

constexpr const char* kFooter =
    "Exit codes: 0 done; 1 refused by the server (the reason is printed); 2 wrong usage;\n"
    "            3 no connection, or no answer in time; 4 TLS: a certificate is missing, unusable or refused.\n"
    "Options come from the command line, else from the environment (DISTRIBUTOR_ADDRESS, _PORT, _CERT, _KEY, _CA,\n"
    "_SERVER_NAME, _ADMIN_SOCKET, _TIMEOUT, _CONFIG), else from /etc/distributor/ctl.toml (keys address, port, cert, "
    "key,\n"
    "ca, server_name, admin_socket, timeout_s).";

struct Arguments {
  Settings said;
  std::string config_file;
  bool json = false;
  std::string lb;
  PlugArguments plug;
  std::vector<std::string> amphorae;
  bool standby_role = false;
  std::string failed;
  std::string standby;
  std::string client;
  std::uint16_t client_port = 0;
  std::string protocol = "tcp";
  bool alone = false;
};

int usage(const std::string& problem) {
  std::cerr << "distributorctl: " << problem << "\n";
  return kUsage;
}

class Calls {
 public:
  Calls(const Arguments& arguments, Settings settings) : arguments_(arguments), settings_(std::move(settings)) {}

  using Human = std::string (*)(const std::string&);

  int call(const std::string& method, const std::string& path, const std::string& body, Human human) const {
    const auto reply = ask(method, path, body);
    return reply ? print(*reply, human) : reply.error();
  }

  int change(const std::string& verb, const Body& body) const {
    if (!body) return usage(body.error());
    return call("POST", "/1.0/loadbalancer/" + percent_encoded(arguments_.lb) + "/" + verb, *body, human_load_balancer);
  }

  // The list comes in pieces; this puts them together.
  int list() const {
    boost::json::array all;
    std::string after;
    while (true) {
      const auto reply =
          ask("GET", "/1.0/loadbalancer" + (after.empty() ? "" : "?after=" + percent_encoded(after)), "");
      if (!reply) return reply.error();
      if (reply->status != 200) return print(*reply, human_list);
      boost::json::error_code error;
      const auto piece = boost::json::parse(reply->body, error);
      const auto* object = piece.if_object();
      const auto* some = object == nullptr ? nullptr : object->if_contains("loadbalancers");
      if (some == nullptr || !some->is_array()) return print(*reply, human_list);
      all.insert(all.end(), some->get_array().begin(), some->get_array().end());
      const auto* next = object->if_contains("next");
      if (next == nullptr || !next->is_string() || some->get_array().empty()) break;
      after = std::string(next->get_string());
    }
    const auto total = all.size();
    return print(
        Reply{200, boost::json::serialize(boost::json::object{{"loadbalancers", std::move(all)}, {"total", total}})},
        human_list);
  }

  int admin(const std::string& command) const {
    const std::chrono::seconds limit =
        settings_.timeout_s ? std::chrono::seconds(*settings_.timeout_s) : kDefaultTimeLimit;
    const auto reply = ask_admin(settings_.admin_socket.value_or(kDefaultAdminSocket), command, limit);
    if (!reply) {
      std::cerr << "distributorctl: " << reply.error() << "\n";
      return kCannotConnect;
    }
    (reply->ok ? std::cout : std::cerr) << (arguments_.json ? reply->line : reply->message) << "\n";
    return reply->ok ? kOk : kRefused;
  }

 private:
  // The error is the exit code; the reason has been printed.
  tl::expected<Reply, int> ask(const std::string& method, const std::string& path, const std::string& body) const {
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
    auto reply = request(target, method, path, body);
    if (reply) return std::move(*reply);
    std::cerr << "distributorctl: " << reply.error().message << "\n";
    return tl::unexpected(reply.error().failure == Failure::tls ? kTls : kCannotConnect);
  }

  int print(const Reply& reply, Human human) const {
    const bool ok = reply.status >= 200 && reply.status < 300;
    if (arguments_.json) {
      std::cout << reply.body << "\n";
    } else if (ok) {
      std::cout << human(reply.body);
    } else {
      std::cerr << human_error(reply.status, reply.body);
    }
    return ok ? kOk : kRefused;
  }

  const Arguments& arguments_;
  Settings settings_;
};

void add_global_options(CLI::App& app, Arguments& a) {
  app.add_option("--address", a.said.address, "address of the distributor, usually the management address")
      ->envname("DISTRIBUTOR_ADDRESS");
  app.add_option("--port", a.said.port, "port [9443]")->envname("DISTRIBUTOR_PORT");
  app.add_option("--cert", a.said.cert, "client certificate, PEM")->envname("DISTRIBUTOR_CERT");
  app.add_option("--key", a.said.key, "its key, PEM [in the file of --cert]")->envname("DISTRIBUTOR_KEY");
  app.add_option("--ca", a.said.ca, "CA of the distributor's certificate, PEM")->envname("DISTRIBUTOR_CA");
  app.add_option("--server-name", a.said.server_name,
                 "name that the distributor's certificate must have [any of that CA]")
      ->envname("DISTRIBUTOR_SERVER_NAME");
  app.add_option("--timeout", a.said.timeout_s, "longest wait, seconds [60]")
      ->check(CLI::Range(1, 3600))
      ->envname("DISTRIBUTOR_TIMEOUT");
  app.add_option("--admin-socket", a.said.admin_socket, "the daemon's local socket [/run/distributor/admin.sock]")
      ->envname("DISTRIBUTOR_ADMIN_SOCKET");
  app.add_option("--config", a.config_file, "file with these options [/etc/distributor/ctl.toml]")
      ->envname("DISTRIBUTOR_CONFIG");
  app.add_flag("--json", a.json, "print the server's JSON answer, also of an error");
}

CLI::App* with_lb(CLI::App* command, Arguments& a) {
  command->add_option("lb_id", a.lb, "id of the load balancer")->required();
  return command;
}

CLI::App* add_plug(CLI::App& app, Arguments& a) {
  auto* plug = with_lb(app.add_subcommand("plug", "put a VIP on the distributor"), a);
  plug->add_option("--vip", a.plug.vip, "VIP address")->required();
  plug->add_option("--subnet", a.plug.subnet, "its subnet, 192.0.2.0/24")->required();
  plug->add_option("--gateway", a.plug.gateway, "its gateway");
  plug->add_option("--node", a.plug.nodes, "interface of a node: NODE=MAC[,VRRP_IP[,VLAN]]; repeat for the other node")
      ->allow_extra_args(false);
  plug->add_option("--mac", a.plug.mac, "instead of --node: MAC of the receiving node's interface");
  plug->add_option("--vrrp-ip", a.plug.vrrp_ip, "with --mac: the node's own address on the VIP network");
  plug->add_option("--route", a.plug.routes, "host route DESTINATION=NEXTHOP; may be repeated")
      ->allow_extra_args(false);
  plug->add_option("--additional-vip", a.plug.additional_vips, "ADDRESS,SUBNET[,GATEWAY[,HAIRPIN_ADDRESS]]; may be repeated")
      ->allow_extra_args(false);
  plug->add_option("--affinity", a.plug.affinity, "Source_IP or Source_IP_AND_port");
  plug->add_option("--hash-classes-max", a.plug.hash_classes_max,
                   "at most so many classes of clients per family and protocol, 16 to 65536; none: each client is one");
  plug->add_option("--hash-seed", a.plug.hash_seed, "16 hexadecimal digits, as an earlier answer gave them");
  plug->add_option("--forwarding-mode", a.plug.forwarding_mode, "direct_return or hairpin");
  plug->add_option("--hairpin-address", a.plug.hairpin_address,
                   "in hairpin mode: the pair's address that the amphorae send replies to");
  plug->add_option("--cluster-size", a.plug.cluster_size, "number of positions");
  plug->add_option("--mtu", a.plug.mtu, "of the VIP network, bytes");
  return plug;
}

// A command and what it does.
using Action = std::function<int(const Calls&)>;
using Actions = std::vector<std::pair<CLI::App*, Action>>;

Actions add_commands(CLI::App& app, Arguments& a) {
  Actions actions;
  actions.emplace_back(app.add_subcommand("status", "state of the pair"),
                       [](const Calls& c) { return c.call("GET", "/1.0/pair", "", human_pair); });
  actions.emplace_back(add_plug(app, a), [&a](const Calls& c) { return c.change("plug", plug_body(a.plug)); });

  auto* reg = with_lb(app.add_subcommand("register", "register amphorae"), a);
  reg->add_option("amphora", a.amphorae, "MAC[@POSITION][=AMPHORA_ID]")->required();
  reg->add_flag("--standby", a.standby_role, "as spares");
  actions.emplace_back(
      reg, [&a](const Calls& c) { return c.change("register", register_body(a.amphorae, a.standby_role)); });

  auto* unreg = with_lb(app.add_subcommand("unregister", "take amphorae out"), a);
  unreg->add_option("mac", a.amphorae, "MAC of an amphora")->required();
  actions.emplace_back(unreg, [&a](const Calls& c) { return c.change("unregister", unregister_body(a.amphorae)); });

  auto* replace = with_lb(app.add_subcommand("replace", "a spare takes the position of a failed amphora"), a);
  replace->add_option("--failed", a.failed, "MAC of the failed amphora")->required();
  replace->add_option("--standby", a.standby, "MAC of the spare [the first one]");
  actions.emplace_back(replace,
                       [&a](const Calls& c) { return c.change("replace", replace_body(a.failed, a.standby)); });

  actions.emplace_back(with_lb(app.add_subcommand("unplug", "take a VIP off the distributor"), a),
                       [](const Calls& c) { return c.change("unplug", std::string("{}")); });

  auto* where = with_lb(app.add_subcommand("where", "the amphora that a client maps to"), a);
  where->add_option("client", a.client, "IP address of the client")->required();
  where->add_option("--client-port", a.client_port, "its source port");
  where->add_option("--protocol", a.protocol, "tcp, udp, sctp, icmp or icmp6 [tcp]");
  actions.emplace_back(where, [&a](const Calls& c) {
    const auto query = "client=" + percent_encoded(a.client) + "&port=" + std::to_string(a.client_port) +
                       "&protocol=" + percent_encoded(a.protocol);
    return c.call("GET", "/1.0/loadbalancer/" + percent_encoded(a.lb) + "/where?" + query, "", human_where);
  });

  auto* lb = app.add_subcommand("lb", "load balancers")->require_subcommand(1)->fallthrough();
  actions.emplace_back(lb->add_subcommand("list", "all of them"), [](const Calls& c) { return c.list(); });
  actions.emplace_back(with_lb(lb->add_subcommand("show", "one, with its counters"), a), [&a](const Calls& c) {
    return c.call("GET", "/1.0/loadbalancer/" + percent_encoded(a.lb), "", human_load_balancer);
  });

  auto* init = app.add_subcommand("init", "start a pair on this node, while the other one is not there");
  init->add_flag("--alone", a.alone, "this empty node is the pair now")->required();
  actions.emplace_back(init, [](const Calls& c) { return c.admin("init-alone"); });
  actions.emplace_back(app.add_subcommand("acknowledge-losses", "the listed lost changes have been dealt with"),
                       [](const Calls& c) { return c.admin("acknowledge-losses"); });
  return actions;
}

int run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Configures and inspects a distributor pair over its REST API.", "distributorctl"};
  app.footer(kFooter);
  app.set_version_flag("--version", DISTRIBUTOR_VERSION);
  app.require_subcommand(1)->fallthrough();
  add_global_options(app, arguments);
  auto actions = add_commands(app, arguments);
  for (auto& [command, action] : actions) command->fallthrough();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  const bool named = !arguments.config_file.empty();
  const auto from_file = load_settings(named ? arguments.config_file : kDefaultConfigFile, named);
  if (!from_file) return usage(from_file.error());
  const Calls calls(arguments, merged(arguments.said, *from_file));
  for (const auto& [command, action] : actions) {
    if (command->parsed()) return action(calls);
  }
  return kUsage;
}

}  // namespace
}  // namespace distributor::ctl

int main(int argc, char** argv) {
  return distributor::ctl::run(argc, argv);
}
