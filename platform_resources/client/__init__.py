"""The Python client: read products as Arrow, pandas, polars or DuckDB, over HTTP or in-process, by the same guard.

    mesh = Mesh("https://mesh.example", token=...)     # or Mesh(): this project, in-process, without a server
    mesh.read("crm.customer_360.v1", columns=["household_id"], where={"region": "north"}).pandas()

Over HTTP it imports nothing of ours, only httpx and pyarrow. In-process (`embedded`) it imports `access` and what lies
below. It decides nothing: what comes was masked and filtered by the guard.
"""

from platform_resources.client.errors import (
    BadQueryError,
    DeniedError,
    DeprecatedPortWarning,
    MeshError,
    NotFoundError,
    PersonaWarning,
    StaleWarning,
    TruncatedError,
    UnauthenticatedError,
    UnavailableError,
)
from platform_resources.client.mesh import Mesh
from platform_resources.client.reading import Reading

__all__ = [
    "BadQueryError",
    "DeniedError",
    "DeprecatedPortWarning",
    "Mesh",
    "MeshError",
    "NotFoundError",
    "PersonaWarning",
    "Reading",
    "StaleWarning",
    "TruncatedError",
    "UnauthenticatedError",
    "UnavailableError",
]
