"""The program `octavia-distributor`: services beside Octavia's own, the schema, and pairs by hand.

It reads octavia.conf like Octavia's programs (--config-file).
"""

import signal
import sys
import threading
from typing import Any

from octavia.common import base_taskflow
from octavia.common import config as octavia_config
from octavia_distributor import balancers, config, exceptions, flows, health, housekeeping
from octavia_distributor.db import distributors, migration
from oslo_config import cfg

CONF = cfg.CONF


def _serve(service: Any) -> int:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    signal.signal(signal.SIGHUP, lambda *_: CONF.mutate_config_files())
    service.serve(stopping)
    return 0


def _db(options: Any) -> int:
    if options.action == "upgrade":
        migration.upgrade()
    elif options.action == "downgrade":
        migration.downgrade()
    print(f"distributor tables: revision {migration.current() or 'none'}")
    return 0


def _node(text: str) -> dict[str, Any]:
    node_id, _, rest = text.partition("=")
    address, _, compute_id = rest.partition(",")
    if not node_id or not address:
        raise ValueError(f"--node: wanted NODE_ID=ADDRESS[,COMPUTE_ID], found {text!r}")
    return {"node_id": node_id, "lb_network_ip": address, "compute_id": compute_id or None}


def _pair(options: Any) -> int:
    if options.action == "add":
        nodes = [_node(text) for text in options.node or []]
        if not options.address or len(nodes) not in (1, 2):
            raise ValueError("pair add: wanted --address and one --node per node (two, or one for a standalone distributor)")
        print(distributors.add(options.address, nodes, distributor_id=options.id, project_id=options.project))
    elif options.action == "list":
        for row in distributors.every():
            print(health.describe(row))
    elif options.action == "remove":
        distributors.delete(_wanted(options))
    else:
        engine = base_taskflow.BaseTaskFlowEngine().taskflow_load(
            flows.restore_distributor(), store={"distributor_id": _wanted(options)})
        engine.run()
        distributors.give_back(options.id)  # whoever had taken it before, and died
        print(f"{engine.storage.fetch('distributor_restored')} load balancers")
    return 0


def _balancer(options: Any) -> int:
    lb_id = _wanted(options)
    if options.action == "place":
        balancers.place(lb_id, options.persistence)
    elif options.action == "replace":
        if not options.amphora:
            raise ValueError("lb replace: wanted --amphora, the id of the amphora that failed")
        balancers.replace(lb_id, options.amphora)
    elif options.action == "remove":
        balancers.remove(lb_id)
    print(balancers.describe(lb_id))
    return 0


def _wanted(options: Any) -> str:
    if not options.id:
        raise ValueError(f"{options.action}: wanted --id, found none")
    return options.id


def _add_parsers(commands: Any) -> None:
    commands.add_parser("health-manager", help="receive heartbeats; rebuild what is lost").set_defaults(
        run=lambda _: _serve(health))
    commands.add_parser("housekeeping", help="rotate certificates before they end").set_defaults(
        run=lambda _: _serve(housekeeping))
    schema = commands.add_parser("db", help="the driver's tables in Octavia's database")
    schema.add_argument("action", choices=["upgrade", "downgrade", "current"])
    schema.set_defaults(run=_db)
    pair = commands.add_parser("pair", help="pairs that this driver knows")
    pair.add_argument("action", choices=["add", "list", "remove", "restore"])
    pair.add_argument("--id", help="the pair_id of its nodes, and the name in their certificate")
    pair.add_argument("--address", help="its management address")
    pair.add_argument("--node", action="append", help="NODE_ID=ADDRESS[,COMPUTE_ID]; once per node")
    pair.add_argument("--project", help="serve load balancers of this project only")
    pair.set_defaults(run=_pair)
    balancer = commands.add_parser("lb", help="Octavia's load balancers on pairs")
    balancer.add_argument("action", choices=["place", "show", "replace", "remove"])
    balancer.add_argument("--id", help="of the load balancer")
    balancer.add_argument("--persistence", help="Source_IP or Source_IP_AND_port; unset: [distributor] affinity")
    balancer.add_argument("--amphora", help="replace: the id of the amphora that failed")
    balancer.set_defaults(run=_balancer)


def main(arguments: list[str] | None = None) -> int:
    config.register()
    CONF.register_cli_opt(cfg.SubCommandOpt("command", title="commands", handler=_add_parsers))
    octavia_config.init(sys.argv[1:] if arguments is None else arguments)
    octavia_config.setup_logging(CONF)
    try:
        return CONF.command.run(CONF.command)
    except (ValueError, exceptions.DistributorException) as error:
        print(f"octavia-distributor: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
