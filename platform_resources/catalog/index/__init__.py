"""The catalog's index: every product, port, column, term and column edge of the mesh in one file that tells quickly.

The publication logs, the documents and the control database are the truth; `$MESH_HOME/catalog/` can be deleted at any
time and is made again from them, byte for byte the same in its export.
"""

from platform_resources.catalog.index.entries import (
    Changes,
    ColumnEntry,
    FreshnessState,
    PortEntry,
    ProductEntry,
    RelationEntry,
    TermEntry,
)

__all__ = [
    "Changes",
    "ColumnEntry",
    "FreshnessState",
    "PortEntry",
    "ProductEntry",
    "RelationEntry",
    "TermEntry",
]
