"""alembic's entry: migrations run on the connection that `ControlDatabase` hands in."""

from alembic import context

from platform_resources.control.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
