"""Schema of the driver's tables: its own sequence, with its own version table, in Octavia's database.

A branch in Octavia's sequence would need files inside Octavia's package, and Octavia's next upgrade would not know it.
"""

import os

from alembic import command
from alembic import config as alembic_config
from octavia.db import api as db_apis
import sqlalchemy as sa

VERSION_TABLE = "alembic_version_distributor"


def _config(connection: sa.engine.Connection) -> alembic_config.Config:
    config = alembic_config.Config()
    config.set_main_option("script_location", os.path.dirname(__file__).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(revision: str = "head") -> None:
    with db_apis.get_engine().begin() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(revision: str = "base") -> None:
    with db_apis.get_engine().begin() as connection:
        command.downgrade(_config(connection), revision)


def current() -> str | None:
    """The revision of the database, None before the first upgrade."""
    with db_apis.get_engine().connect() as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return None
        return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
