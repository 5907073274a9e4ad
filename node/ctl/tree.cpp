#include "node/ctl/tree.hpp"

#include "node/ctl/commands/commands.hpp"

namespace distributor::ctl {
namespace {

constexpr const char* kFooter =
    "Without --address, what can be asked of this node's own daemon (status, watch, losses) is asked over its local socket, as root.\n"
    "Exit codes: 0 done; 1 refused (the reason is printed), or the answer is no (diff, check); 2 wrong usage;\n"
    "            3 no connection, or no answer in time; 4 TLS: a certificate is missing, unusable or refused.\n"
    "Options come from the command line, else from the environment (DISTRIBUTOR_ADDRESS, _PORT, _CERT, _KEY, _CA,\n"
    "_SERVER_NAME, _ADMIN_SOCKET, _TIMEOUT, _CONFIG), else from /etc/distributor/ctl.toml (keys address, port, cert, key,\n"
    "ca, server_name, admin_socket, timeout_s).";

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

void add_changes(Tree& tree, Arguments& a) {
  auto& app = *tree.app;
  tree.commands.emplace_back(add_plug(app, a), plug);

  auto* reg = with_lb(app.add_subcommand("register", "register amphorae"), a);
  reg->add_option("amphora", a.amphorae, "MAC[@POSITION][=AMPHORA_ID]")->required();
  reg->add_flag("--standby", a.standby_role, "as spares");
  tree.commands.emplace_back(reg, register_amphorae);

  auto* unreg = with_lb(app.add_subcommand("unregister", "take amphorae out"), a);
  unreg->add_option("mac", a.amphorae, "MAC of an amphora")->required();
  tree.commands.emplace_back(unreg, unregister);

  auto* rep = with_lb(app.add_subcommand("replace", "a spare takes the position of a failed amphora"), a);
  rep->add_option("--failed", a.failed, "MAC of the failed amphora")->required();
  rep->add_option("--standby", a.standby, "MAC of the spare [the first one]");
  tree.commands.emplace_back(rep, replace);

  tree.commands.emplace_back(with_lb(app.add_subcommand("unplug", "take a VIP off the distributor"), a), unplug);
}

void add_questions(Tree& tree, Arguments& a) {
  auto& app = *tree.app;
  tree.commands.emplace_back(app.add_subcommand("status", "state of the pair"), status);

  auto* live = app.add_subcommand("watch", "the pair and the traffic of each amphora, live; q ends");
  live->add_flag("--once", a.once, "one screen of plain text, after one interval");
  live->add_option("--interval", a.interval_s, "seconds between two looks [1]")->check(CLI::Range(0.1, 60.0));
  tree.commands.emplace_back(live, watch);

  auto* ask = with_lb(app.add_subcommand("where", "the amphora that a client maps to"), a);
  ask->add_option("client", a.client, "IP address of the client")->required();
  ask->add_option("--client-port", a.client_port, "its source port");
  ask->add_option("--protocol", a.protocol, "tcp, udp, sctp, icmp or icmp6 [tcp]");
  tree.commands.emplace_back(ask, where);

  auto* lb = app.add_subcommand("lb", "load balancers")->require_subcommand(1)->fallthrough();
  tree.commands.emplace_back(lb->add_subcommand("list", "all of them"), lb_list);
  tree.commands.emplace_back(with_lb(lb->add_subcommand("show", "one, with its counters"), a), lb_show);
}

// What this node's daemon is told over its local socket.
void add_local(Tree& tree, Arguments& a) {
  auto& app = *tree.app;
  auto* init = app.add_subcommand("init", "start a pair on this node, while the other one is not there");
  init->add_flag("--alone", a.alone, "this empty node is the pair now")->required();
  tree.commands.emplace_back(init, init_alone);
  auto* copy = app.add_subcommand("backup", "a consistent copy of this node's store, made while the daemon works; "
                                            "`distributord --restore FILE` puts it back");
  copy->add_option("file", a.file, "file to make; must not exist yet")->required();
  tree.commands.emplace_back(copy, backup);
  auto* hand_over = app.add_subcommand("switchover", "this node, the owner, hands over to its peer; nothing is lost");
  hand_over->add_flag("--wait", a.wait, "until this node is ready again: the pair is redundant");
  tree.commands.emplace_back(hand_over, switchover);
  auto* stay_away = app.add_subcommand("maintenance", "this node hands over and stays away from ownership");
  stay_away->add_option("on_or_off", a.on_or_off, "on or off; it outlives the daemon, not a boot")->required()->check(CLI::IsMember({"on", "off"}));
  tree.commands.emplace_back(stay_away, maintenance);
  auto* lost = app.add_subcommand("losses", "changes that were lost when the nodes met again");
  lost->add_option("--acknowledge", a.acknowledge, "those listed under this mark have been dealt with: this node forgets them")->type_name("MARK");
  tree.commands.emplace_back(lost, losses);
  tree.commands.emplace_back(app.add_subcommand("diff", "do both nodes hold the same? exit code 1 if not"), diff);
  tree.commands.emplace_back(app.add_subcommand("resync", "this follower takes the leader's whole state over"), resync);

  auto* fit = app.add_subcommand("check", "is this machine fit to be a node? each finding with its fix; exit code 1 if it is not");
  fit->add_option("--node-config", a.node_config, "the daemon's configuration [/etc/distributor/distributord.toml]");
  tree.commands.emplace_back(fit, check);
}

}  // namespace

Tree make_tree(Arguments& arguments) {
  Tree tree{std::make_unique<CLI::App>("Configures and inspects a distributor pair over its REST API.", "distributorctl"), {}, nullptr};
  tree.app->footer(kFooter);
  tree.app->set_version_flag("--version", DISTRIBUTOR_VERSION);
  tree.app->require_subcommand(1)->fallthrough();
  add_global_options(*tree.app, arguments);
  add_questions(tree, arguments);
  add_changes(tree, arguments);
  add_local(tree, arguments);
  tree.completion = tree.app->add_subcommand("completion", "print the completion script of a shell");
  tree.completion->add_option("shell", arguments.shell, "bash")->required()->check(CLI::IsMember({"bash"}));
  for (auto& [app, command] : tree.commands) app->fallthrough();
  return tree;
}

}  // namespace distributor::ctl
