"""Octavia's load balancers on distributors, by hand: what a worker would do with the driver's subflows.

Nothing in Octavia 11 calls a distributor driver. These do, with Octavia's own records and task engine."""

import json
from typing import Any

from octavia.common import base_taskflow, constants
from octavia.db import repositories
from octavia_distributor import exceptions, flows
from octavia_distributor.db import load_balancers
from octavia_distributor.db.session import transaction


def _load_balancer(lb_id: str) -> Any:
    with transaction() as session:
        found = repositories.LoadBalancerRepository().get(session, id=lb_id)
    if found is None:
        raise exceptions.DistributorException(why=f"Octavia knows no load balancer {lb_id}")
    return found


def _run(flow: Any, **store: Any) -> dict[str, Any]:
    engine = base_taskflow.BaseTaskFlowEngine().taskflow_load(flow, store=store)
    engine.run()
    return engine.storage.fetch_all()


def _distributor_of(lb_id: str) -> str:
    row = load_balancers.find(lb_id)
    if row is None:
        raise exceptions.DistributorException(why=f"load balancer {lb_id} is on no distributor; `lb place` puts it on one")
    return row.distributor_id


def place(lb_id: str, persistence: str | None = None) -> str:
    """Plugs it on a pair that has room, and registers its allocated amphorae; may be run again at any time."""
    lb = _load_balancer(lb_id)
    distributor_id = _run(flows.place_vip(), load_balancer=lb, vip=lb.vip, vip_alg="hash",
                          vip_persistence=persistence)["distributor_id"]
    amphorae = tuple(sorted((one for one in lb.amphorae if one.status == constants.AMPHORA_ALLOCATED), key=lambda one: one.id))
    if amphorae:
        _run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=amphorae)
    return distributor_id


def replace(lb_id: str, amphora_id: str) -> None:
    """The spare takes the place of an amphora that failed, whether or not Octavia still knows it."""
    _run(flows.replace_amphora(), distributor_id=_distributor_of(lb_id),
         failed_amphora={"id": amphora_id, "load_balancer_id": lb_id})


def remove(lb_id: str) -> None:
    """Takes its VIP off the pair, and deletes the pair if this driver started it and it serves nobody else."""
    distributor_id = _distributor_of(lb_id)
    # Octavia may have deleted its own record; the VIP's id is all that the flow needs.
    _run(flows.remove_vip().add(flows.delete_distributor()), distributor_id=distributor_id, vip={"load_balancer_id": lb_id})


def describe(lb_id: str) -> str:
    row = load_balancers.find(lb_id)
    return json.dumps({
        "lb_id": lb_id, "distributor_id": row.distributor_id if row else None, "hash_seed": row.hash_seed if row else None,
        "ports": load_balancers.ports(lb_id),
        "amphorae": [{"amphora_id": one.amphora_id, "position": one.position, "mac_address": one.mac_address}
                     for one in load_balancers.registrations(lb_id)]})
