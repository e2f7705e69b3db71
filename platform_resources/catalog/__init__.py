"""The catalog: what the mesh offers now, read from the domains' files and the lakes' publication logs.

Imports contracts, governance, lake, pipeline and quality; no Dagster. The publication logs are the truth: everything
here can be read anew from them. `catalog.view` keeps the state in a process that serves; it alone imports access, and
with it SQLAlchemy (200 ms).
"""

from platform_resources.catalog.interoperability import Form, Join, JoinReport, is_joined, prove_joins, typed_columns
from platform_resources.catalog.state import DomainState, Freshness, PortState, age_of, by_preference_now, mesh_state

__all__ = [
    "DomainState",
    "Form",
    "Freshness",
    "Join",
    "JoinReport",
    "PortState",
    "age_of",
    "by_preference_now",
    "is_joined",
    "mesh_state",
    "prove_joins",
    "typed_columns",
]
