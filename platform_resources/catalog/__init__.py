"""The catalog: what the mesh offers now, read from the domains' files and the lakes' publication logs.

Imports contracts, lake and pipeline; no Dagster. The publication logs are the truth: everything here can be read anew
from them.
"""

from platform_resources.catalog.state import DomainState, Freshness, PortState, mesh_state

__all__ = ["DomainState", "Freshness", "PortState", "mesh_state"]
