"""What the tables know about distributors: which there are, who has room, who is silent, whose certificate ends."""

import datetime
from typing import Any, Sequence

from octavia.common import constants
from octavia_distributor import exceptions
from octavia_distributor.db import models
from octavia_distributor.db.session import now, transaction
from oslo_utils import uuidutils
import sqlalchemy as sa
from sqlalchemy import orm

Row = Any  # a row of models, detached


def get(distributor_id: str) -> Row:
    with transaction() as session:
        row = session.get(models.Distributor, distributor_id, options=[orm.selectinload(models.Distributor.nodes)])
        if row is None:
            raise exceptions.UnknownDistributor(distributor_id=distributor_id)
        return row


def every() -> list[Row]:
    with transaction() as session:
        return session.query(models.Distributor).options(orm.selectinload(models.Distributor.nodes)).order_by(
            models.Distributor.id).all()


def add(lb_network_ip: str, nodes: Sequence[dict[str, Any]], distributor_id: str | None = None,
        project_id: str | None = None, status: str = constants.ACTIVE) -> str:
    """Records a pair; nodes: [{"node_id", "lb_network_ip", "compute_id"?}]."""
    with transaction() as session:
        row = models.Distributor(id=distributor_id or uuidutils.generate_uuid(), lb_network_ip=lb_network_ip,
                                 status=status, project_id=project_id, vip_port_ids=[])
        row.nodes = [models.DistributorNode(**node) for node in nodes]
        session.add(row)
        return row.id


def update(distributor_id: str, **values: Any) -> None:
    with transaction() as session:
        session.query(models.Distributor).filter_by(id=distributor_id).update(values)


def update_node(distributor_id: str, node_id: str, **values: Any) -> None:
    with transaction() as session:
        session.query(models.DistributorNode).filter_by(distributor_id=distributor_id, node_id=node_id).update(values)


def put_node(distributor_id: str, node_id: str, **values: Any) -> None:
    with transaction() as session:
        session.merge(models.DistributorNode(distributor_id=distributor_id, node_id=node_id, **values))


def delete(distributor_id: str) -> None:
    """Forgets a distributor that serves nobody."""
    with transaction() as session:
        count = _served(session, distributor_id)
        if count:
            raise exceptions.DistributorInUse(distributor_id=distributor_id, count=count)
        for model in (models.DistributorHealth, models.DistributorNode):
            session.query(model).filter_by(distributor_id=distributor_id).delete()
        session.query(models.Distributor).filter_by(id=distributor_id).delete()


# -- placement ---------------------------------------------------------------------------------------------------------


def _served(session: Any, distributor_id: str) -> int:
    return session.query(models.DistributorLoadBalancer).filter_by(distributor_id=distributor_id).count()


def served(distributor_id: str) -> int:
    """How many load balancers it serves."""
    with transaction() as session:
        return _served(session, distributor_id)


def choose(lb_id: str, project_id: str | None, *, vips_max: int, sharing: str, may_start: bool) -> str:
    """Associates a load balancer with a distributor that has room, and returns its id: the one that it has already, else
    the fullest that has room, else a new one in PENDING_CREATE."""
    with transaction() as session:
        present = session.get(models.DistributorLoadBalancer, lb_id)
        if present is not None:
            return present.distributor_id
        # Locked, so that two workers do not both take the last place.
        rows = session.query(models.Distributor).with_for_update().order_by(models.Distributor.id).all()
        owner = project_id if sharing == "project" else None
        chosen, most = None, -1
        for row in rows:
            count = _served(session, row.id)
            limit = 1 if sharing == "dedicated" else min(vips_max, row.vips_max if row.vips_max is not None else vips_max)
            foreign = row.project_id is not None and row.project_id != project_id
            unowned = sharing == "project" and row.project_id is None and count > 0
            if row.status == constants.ACTIVE and count < limit and not foreign and not unowned and count > most:
                chosen, most = row, count
        if chosen is None:
            if not may_start:
                raise exceptions.NoDistributorAvailable(lb_id=lb_id)
            chosen = models.Distributor(id=uuidutils.generate_uuid(), status=constants.PENDING_CREATE, vip_port_ids=[])
            session.add(chosen)
        if owner is not None and chosen.project_id is None:
            chosen.project_id = owner
        session.flush()
        session.add(models.DistributorLoadBalancer(lb_id=lb_id, distributor_id=chosen.id))
        return chosen.id


def release(lb_id: str) -> None:
    """Undoes choose(), if nothing was plugged since."""
    with transaction() as session:
        row = session.get(models.DistributorLoadBalancer, lb_id)
        if row is None or row.plug_request is not None:
            return
        if session.query(models.DistributorPort).filter_by(lb_id=lb_id).count() == 0:
            session.delete(row)


def learn_limit(distributor_id: str) -> None:
    """The pair said that it is full: it holds one less than are associated with it now."""
    with transaction() as session:
        row = session.get(models.Distributor, distributor_id)
        if row is not None:
            row.vips_max = max(_served(session, distributor_id) - 1, 0)


# -- health ------------------------------------------------------------------------------------------------------------


def beat(distributor_id: str, node_id: str, seq: int | None, role: str | None, at: datetime.datetime) -> bool:
    """Notes a heartbeat. False: no such node, and nothing is noted."""
    with transaction() as session:
        node = session.get(models.DistributorNode, (distributor_id, node_id))
        if node is None:
            return False
        node.last_update, node.heartbeat_seq, node.role = at, seq, role
        health = session.get(models.DistributorHealth, distributor_id)
        if health is None:
            session.add(models.DistributorHealth(distributor_id=distributor_id, last_update=at, busy=False))
        else:
            health.last_update = at
        return True


def health(distributor_id: str) -> Row | None:
    with transaction() as session:
        return session.get(models.DistributorHealth, distributor_id)


def take(distributor_id: str) -> bool:
    """Marks it busy. False: somebody else works on it, or it never beat."""
    with transaction() as session:
        return session.query(models.DistributorHealth).filter_by(distributor_id=distributor_id, busy=sa.false()).update(
            {"busy": True}) == 1


def give_back(distributor_id: str) -> None:
    with transaction() as session:
        session.query(models.DistributorHealth).filter_by(distributor_id=distributor_id).update({"busy": False})


def silent_nodes(timeout_s: float) -> list[tuple[str, str]]:
    """(distributor, node) of those that beat once and have been silent for longer, worst first."""
    limit = now() - datetime.timedelta(seconds=timeout_s)
    with transaction() as session:
        rows = session.query(models.DistributorNode).join(
            models.Distributor, models.Distributor.id == models.DistributorNode.distributor_id).filter(
                models.Distributor.status == constants.ACTIVE, models.DistributorNode.last_update < limit).order_by(
                    models.DistributorNode.last_update).all()
        return [(row.distributor_id, row.node_id) for row in rows]


# -- certificates ------------------------------------------------------------------------------------------------------


def take_expiring(buffer_s: float, retry_after_s: float) -> str | None:
    """A distributor whose certificate ends soon, or whose end is unknown; marked, so that no other process takes it."""
    at = now()
    limit, abandoned = at + datetime.timedelta(seconds=buffer_s), at - datetime.timedelta(seconds=retry_after_s)
    table = models.Distributor
    with transaction() as session:
        row = session.query(table).filter(
            table.status == constants.ACTIVE,
            sa.or_(table.cert_expiration.is_(None), table.cert_expiration < limit),
            sa.or_(table.cert_busy_since.is_(None), table.cert_busy_since < abandoned)).with_for_update().first()
        if row is None:
            return None
        row.cert_busy_since = at
        return row.id
