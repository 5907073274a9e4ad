"""Run by alembic, with the connection that octavia_distributor.db.migration handed in."""

from alembic import context
from octavia_distributor.db import migration

context.configure(connection=context.config.attributes["connection"], target_metadata=None,
                  version_table=migration.VERSION_TABLE, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
