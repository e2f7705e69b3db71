"""Access: every read by a consumer becomes a guarded relation. Imports control, contracts, lake, governance, the SQL
guard of quality and pipeline's reader of documents; no Dagster.

`Access.authenticate(credential)` -> `Caller`; `Access.guard.open(caller, port)` -> `GuardedRelation`; `.read(query)` ->
record batches. There is no other way to data for HTTP, client, command line, samples or agents.

SQL written by a consumer never meets a connection that has a lake attached: 70 of 184 attacks leak from one whatever
its settings. `Access.sql.run(caller, text)` -> `SqlReading` runs it in a confined process that holds nothing but
masked copies of the ports that it names.
"""

from platform_resources.access.consumer_sql.reading import SqlReading
from platform_resources.access.consumer_sql.sandbox import SqlLimits
from platform_resources.access.errors import AccessError
from platform_resources.access.guard import Guard
from platform_resources.access.model import Caller, Condition, Grant, Identity, ReadQuery
from platform_resources.access.platform import Access
from platform_resources.access.relations.relation import GuardedRelation, Reading
from platform_resources.access.requests.approvals import AccessRequest

__all__ = [
    "Access",
    "AccessError",
    "AccessRequest",
    "Caller",
    "Condition",
    "Grant",
    "Guard",
    "GuardedRelation",
    "Identity",
    "ReadQuery",
    "Reading",
    "SqlLimits",
    "SqlReading",
]
