"""The driver's tables, beside Octavia's in the same database.

`distributor`, `distributor_health` and `amphora_registration` have the columns of Octavia's distributor specification.
A distributor is a pair: one id, one certificate name, one management address, two nodes.
"""

from typing import Any

from octavia.db import base_models
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy_utils import ScalarListType

# No foreign keys into Octavia's tables: its housekeeping must be able to delete a load balancer whatever is recorded here.
_CASCADE = {"ondelete": "CASCADE"}


def _of_distributor(name: str, **options: Any) -> sa.Column:
    return sa.Column(sa.String(36), sa.ForeignKey("distributor.id", name=name, **_CASCADE), nullable=False, **options)


class Distributor(base_models.BASE):
    __tablename__ = "distributor"

    id = sa.Column(sa.String(36), primary_key=True, nullable=False)
    compute_id = sa.Column(sa.String(36), nullable=True)  # of a distributor of one VM; a pair's are in distributor_node
    lb_network_ip = sa.Column(sa.String(64), nullable=True)  # the management address that the two nodes share
    status = sa.Column(sa.String(36), nullable=True)
    vip_port_ids = sa.Column(ScalarListType(str), nullable=True)  # of all nodes: what distributor_port has, as one list
    project_id = sa.Column(sa.String(36), nullable=True)  # whose load balancers alone it may serve
    vips_max = sa.Column(sa.Integer, nullable=True)  # learnt from the pair when it said that it is full
    management_port_id = sa.Column(sa.String(36), nullable=True)  # of lb_network_ip, if this driver made it
    cert_expiration = sa.Column(sa.DateTime, nullable=True)  # unknown: rotated at the next opportunity
    cert_busy_since = sa.Column(sa.DateTime, nullable=True)

    nodes = orm.relationship("DistributorNode", order_by="DistributorNode.node_id", cascade="all, delete-orphan",
                             passive_deletes=True)


class DistributorHealth(base_models.BASE):
    __tablename__ = "distributor_health"

    distributor_id = _of_distributor("fk_distributor_health_distributor", primary_key=True)
    last_update = sa.Column(sa.DateTime, nullable=False)
    busy = sa.Column(sa.Boolean, nullable=False, default=False)


class DistributorNode(base_models.BASE):
    """One VM of a pair."""
    __tablename__ = "distributor_node"

    distributor_id = _of_distributor("fk_distributor_node_distributor", primary_key=True)
    node_id = sa.Column(sa.String(64), primary_key=True, nullable=False)
    compute_id = sa.Column(sa.String(36), nullable=True)  # none: not started by this driver, and not rebuilt by it
    lb_network_ip = sa.Column(sa.String(64), nullable=False)
    management_port_id = sa.Column(sa.String(36), nullable=True)
    sync_keys = sa.Column(sa.Text, nullable=True)  # key files of the replication link, encrypted as Octavia does server PEMs
    last_update = sa.Column(sa.DateTime, nullable=True)  # of its heartbeats
    heartbeat_seq = sa.Column(sa.BigInteger, nullable=True)
    role = sa.Column(sa.String(16), nullable=True)


class DistributorLoadBalancer(base_models.BASE):
    """Which distributor serves a load balancer, and everything that is needed to plug it again as it was."""
    __tablename__ = "distributor_load_balancer"

    lb_id = sa.Column(sa.String(36), primary_key=True, nullable=False)
    distributor_id = _of_distributor("fk_distributor_load_balancer_distributor", index=True)
    cluster_size = sa.Column(sa.Integer, nullable=True)
    hash_seed = sa.Column(sa.String(16), nullable=True)
    plug_request = sa.Column(sa.Text, nullable=True)  # JSON, without the seed; none: not plugged yet


class DistributorPort(base_models.BASE):
    """A node's port on a load balancer's VIP network."""
    __tablename__ = "distributor_port"

    lb_id = sa.Column(sa.String(36), primary_key=True, nullable=False)
    node_id = sa.Column(sa.String(64), primary_key=True, nullable=False)
    distributor_id = _of_distributor("fk_distributor_port_distributor", index=True)
    port_id = sa.Column(sa.String(36), nullable=False)
    mac_address = sa.Column(sa.String(17), nullable=False)
    vrrp_ip = sa.Column(sa.String(64), nullable=True)


class AmphoraRegistration(base_models.BASE):
    __tablename__ = "amphora_registration"
    __table_args__ = (sa.UniqueConstraint("lb_id", "position", name="uq_amphora_registration_position"),)

    lb_id = sa.Column(sa.String(36), primary_key=True, nullable=False)
    distributor_id = _of_distributor("fk_amphora_registration_distributor", index=True)
    amphora_id = sa.Column(sa.String(36), primary_key=True, nullable=False)
    position = sa.Column(sa.Integer, nullable=True)  # none: the spare
    mac_address = sa.Column(sa.String(17), nullable=False)


MODELS = (Distributor, DistributorHealth, DistributorNode, DistributorLoadBalancer, DistributorPort, AmphoraRegistration)
