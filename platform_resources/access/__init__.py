"""Access: every read by a consumer becomes a guarded relation. Imports contracts, lake and
the SQL guard of quality; no Dagster.

SQL written by a consumer never meets a connection that has a lake attached: 70 of 184 attacks leak from one whatever
its settings. It runs on a copy of the ports that it names, with masked columns masked, in a closed DuckDB.
"""

from platform_resources.access.query import QueryError, QueryResult, query_ports

__all__ = ["QueryError", "QueryResult", "query_ports"]
