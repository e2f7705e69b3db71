"""The control database: what no lake owns. Identities, tokens, requests, grants, usage, the audit log, probes of ports.

One SQLAlchemy database with alembic migrations: SQLite (WAL) in `$MESH_HOME` by default, PostgreSQL by
`MESH_CONTROL_DATABASE`. The room stores and returns rows; what they mean is decided in `access`. Imports `lake` for
settings and the clock; no Dagster.
"""

from platform_resources.control.database import ControlDatabase, ControlError

__all__ = ["ControlDatabase", "ControlError"]
