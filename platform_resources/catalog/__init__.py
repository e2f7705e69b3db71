"""The catalog: what the mesh offers now, read from the domains' files and the lakes' publication logs.

Imports contracts, governance, lake, pipeline, quality and the warm lakes of access; no Dagster. The publication logs are the truth: everything
here can be read anew from them.
"""

from platform_resources.catalog.interoperability import Form, Join, JoinReport, is_joined, prove_joins, typed_columns
from platform_resources.catalog.state import DomainState, Freshness, PortState, age_of, mesh_state
from platform_resources.catalog.view import CatalogView, Documents

__all__ = [
    "CatalogView",
    "Documents",
    "DomainState",
    "Form",
    "Freshness",
    "Join",
    "JoinReport",
    "PortState",
    "age_of",
    "is_joined",
    "mesh_state",
    "prove_joins",
    "typed_columns",
]
