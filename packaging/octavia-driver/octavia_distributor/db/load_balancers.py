"""What the tables know about load balancers on distributors: ports, PLUG as it was sent, hash seed, amphorae, positions."""

import json
from typing import Any

from octavia_distributor import exceptions
from octavia_distributor.db import models
from octavia_distributor.db.session import transaction
from oslo_log import log as logging

LOG = logging.getLogger(__name__)
Row = Any


def find(lb_id: str) -> Row | None:
    with transaction() as session:
        return session.get(models.DistributorLoadBalancer, lb_id)


def get(distributor_id: str, lb_id: str) -> Row:
    """The association of a load balancer that is plugged there."""
    row = find(lb_id)
    if row is None or row.distributor_id != distributor_id or row.plug_request is None:
        raise exceptions.NotPlugged(lb_id=lb_id, distributor_id=distributor_id)
    return row


def of_distributor(distributor_id: str) -> list[Row]:
    with transaction() as session:
        return session.query(models.DistributorLoadBalancer).filter_by(distributor_id=distributor_id).order_by(
            models.DistributorLoadBalancer.lb_id).all()


def adopt(distributor_id: str, lb_id: str) -> None:
    """The load balancer belongs to this distributor, also if nobody chose it (add_vip with a given distributor_id)."""
    with transaction() as session:
        row = session.get(models.DistributorLoadBalancer, lb_id)
        if row is None:
            session.add(models.DistributorLoadBalancer(lb_id=lb_id, distributor_id=distributor_id))
        elif row.distributor_id != distributor_id:
            raise exceptions.DistributorException(
                why=f"load balancer {lb_id} is on distributor {row.distributor_id}, wanted {distributor_id}; remove its "
                    "VIP there first")


def plugged(lb_id: str, request: dict[str, Any], hash_seed: str) -> None:
    """PLUG succeeded: what was sent, and the seed of the answer, are kept for the day when the pair is rebuilt."""
    with transaction() as session:
        row = session.get(models.DistributorLoadBalancer, lb_id)
        row.plug_request = json.dumps({key: value for key, value in request.items() if key != "hash_seed"},
                                      sort_keys=True)
        row.hash_seed = hash_seed
        row.cluster_size = request.get("cluster_size")


def request_of(row: Row) -> dict[str, Any]:
    """The PLUG that brings this load balancer back as it was."""
    return {**json.loads(row.plug_request), "hash_seed": row.hash_seed}


def forget(lb_id: str) -> None:
    """Its VIP is gone: nothing is kept."""
    with transaction() as session:
        row = session.get(models.DistributorLoadBalancer, lb_id)
        for model in (models.AmphoraRegistration, models.DistributorPort, models.DistributorLoadBalancer):
            session.query(model).filter_by(lb_id=lb_id).delete()
        if row is not None:
            _list_ports(session, row.distributor_id)


# -- ports -------------------------------------------------------------------------------------------------------------


def ports(lb_id: str) -> list[dict[str, Any]]:
    """Its ports on the nodes, as tasks pass them on."""
    with transaction() as session:
        rows = session.query(models.DistributorPort).filter_by(lb_id=lb_id).order_by(models.DistributorPort.node_id).all()
        return [{"node_id": row.node_id, "port_id": row.port_id, "mac_address": row.mac_address, "vrrp_ip": row.vrrp_ip}
                for row in rows]


def ports_of_node(distributor_id: str, node_id: str) -> list[str]:
    with transaction() as session:
        return [row.port_id for row in session.query(models.DistributorPort).filter_by(
            distributor_id=distributor_id, node_id=node_id).order_by(models.DistributorPort.lb_id)]


def add_port(distributor_id: str, lb_id: str, **port: Any) -> None:
    with transaction() as session:
        session.add(models.DistributorPort(distributor_id=distributor_id, lb_id=lb_id, **port))
        _list_ports(session, distributor_id)


def remove_port(lb_id: str, node_id: str) -> None:
    with transaction() as session:
        row = session.get(models.DistributorPort, (lb_id, node_id))
        if row is not None:
            session.delete(row)
            _list_ports(session, row.distributor_id)


def _list_ports(session: Any, distributor_id: str) -> None:
    session.flush()
    rows = session.query(models.DistributorPort.port_id).filter_by(distributor_id=distributor_id).order_by(
        models.DistributorPort.lb_id, models.DistributorPort.node_id)
    distributor = session.get(models.Distributor, distributor_id)
    if distributor is not None:
        distributor.vip_port_ids = [port_id for port_id, in rows]


# -- amphorae ----------------------------------------------------------------------------------------------------------


def registrations(lb_id: str) -> list[Row]:
    """Those with a position first, by position; then the spares."""
    table = models.AmphoraRegistration
    with transaction() as session:
        rows = session.query(table).filter_by(lb_id=lb_id).all()
        return sorted(rows, key=lambda row: (row.position is None, row.position or 0, row.amphora_id))


def registration(lb_id: str, amphora_id: str) -> Row | None:
    with transaction() as session:
        return session.get(models.AmphoraRegistration, (lb_id, amphora_id))


def store_answer(distributor_id: str, lb_id: str, answer: dict[str, Any]) -> None:
    """The complete list that every change is answered with becomes what the table has: nothing else writes positions."""
    listed: dict[str, tuple[int | None, str]] = {}
    for one in [*answer.get("amphorae", []), *answer.get("spares", [])]:
        if one.get("amphora_id"):
            listed[one["amphora_id"]] = (one.get("position"), one["mac_address"])
        else:
            LOG.warning("Load balancer %s on distributor %s has an amphora %s without an id: registered by somebody else, "
                        "and not recorded", lb_id, distributor_id, one["mac_address"])
    table = models.AmphoraRegistration
    with transaction() as session:
        for row in session.query(table).filter_by(lb_id=lb_id):
            if listed.get(row.amphora_id) == (row.position, row.mac_address):
                del listed[row.amphora_id]
            else:
                session.delete(row)
        session.flush()  # positions that change hands are free before they are taken
        for amphora_id, (position, mac) in listed.items():
            session.add(table(lb_id=lb_id, distributor_id=distributor_id, amphora_id=amphora_id, position=position,
                              mac_address=mac))


def unplugged(lb_id: str) -> None:
    """PLUG was taken back: the association stays, with its seed, for the next attempt."""
    with transaction() as session:
        row = session.get(models.DistributorLoadBalancer, lb_id)
        if row is not None:
            row.plug_request = None
        session.query(models.AmphoraRegistration).filter_by(lb_id=lb_id).delete()
