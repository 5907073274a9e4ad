"""Distributors, their nodes, health, ports, load balancers and registered amphorae

Revision ID: d1570001
Revises:
"""

from typing import Any

from alembic import op
import sqlalchemy as sa

revision = "d1570001"
down_revision = None


def _of_distributor(name: str) -> list[Any]:
    return [sa.Column("distributor_id", sa.String(36), nullable=False),
            sa.ForeignKeyConstraint(["distributor_id"], ["distributor.id"], name=name, ondelete="CASCADE")]


def upgrade() -> None:
    op.create_table(
        "distributor",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("compute_id", sa.String(36), nullable=True),
        sa.Column("lb_network_ip", sa.String(64), nullable=True),
        sa.Column("status", sa.String(36), nullable=True),
        sa.Column("vip_port_ids", sa.UnicodeText, nullable=True),
        sa.Column("project_id", sa.String(36), nullable=True),
        sa.Column("vips_max", sa.Integer, nullable=True),
        sa.Column("management_port_id", sa.String(36), nullable=True),
        sa.Column("cert_expiration", sa.DateTime, nullable=True),
        sa.Column("cert_busy_since", sa.DateTime, nullable=True))
    op.create_table(
        "distributor_health",
        *_of_distributor("fk_distributor_health_distributor"),
        sa.Column("last_update", sa.DateTime, nullable=False),
        sa.Column("busy", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("distributor_id"))
    op.create_table(
        "distributor_node",
        *_of_distributor("fk_distributor_node_distributor"),
        sa.Column("node_id", sa.String(64), nullable=False),
        sa.Column("compute_id", sa.String(36), nullable=True),
        sa.Column("lb_network_ip", sa.String(64), nullable=False),
        sa.Column("management_port_id", sa.String(36), nullable=True),
        sa.Column("sync_keys", sa.Text, nullable=True),
        sa.Column("last_update", sa.DateTime, nullable=True),
        sa.Column("heartbeat_seq", sa.BigInteger, nullable=True),
        sa.Column("role", sa.String(16), nullable=True),
        sa.PrimaryKeyConstraint("distributor_id", "node_id"))
    op.create_table(
        "distributor_load_balancer",
        sa.Column("lb_id", sa.String(36), primary_key=True, nullable=False),
        *_of_distributor("fk_distributor_load_balancer_distributor"),
        sa.Column("cluster_size", sa.Integer, nullable=True),
        sa.Column("hash_seed", sa.String(16), nullable=True),
        sa.Column("plug_request", sa.Text, nullable=True))
    op.create_table(
        "distributor_port",
        sa.Column("lb_id", sa.String(36), nullable=False),
        sa.Column("node_id", sa.String(64), nullable=False),
        *_of_distributor("fk_distributor_port_distributor"),
        sa.Column("port_id", sa.String(36), nullable=False),
        sa.Column("mac_address", sa.String(17), nullable=False),
        sa.Column("vrrp_ip", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("lb_id", "node_id"))
    op.create_table(
        "amphora_registration",
        sa.Column("lb_id", sa.String(36), nullable=False),
        *_of_distributor("fk_amphora_registration_distributor"),
        sa.Column("amphora_id", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer, nullable=True),
        sa.Column("mac_address", sa.String(17), nullable=False),
        sa.PrimaryKeyConstraint("lb_id", "amphora_id"),
        sa.UniqueConstraint("lb_id", "position", name="uq_amphora_registration_position"))
    for table in ("distributor_load_balancer", "distributor_port", "amphora_registration"):
        op.create_index(f"ix_{table}_distributor_id", table, ["distributor_id"])


def downgrade() -> None:
    for table in ("amphora_registration", "distributor_port", "distributor_load_balancer", "distributor_node",
                  "distributor_health", "distributor"):
        op.drop_table(table)
