"""Lineage: which column comes from which: read from SQL, declared in contracts, checked against what was really read.

Imports everything below; no Dagster. It records what a build knows in the domain's lake and reads it back.
"""

from platform_resources.lineage.model import ColumnEdge, column_of, dataset_of, is_private
from platform_resources.lineage.published import input_edges, port_doubts, port_edges, port_edges_of, recorded_edges

__all__ = [
    "ColumnEdge",
    "column_of",
    "dataset_of",
    "input_edges",
    "is_private",
    "port_doubts",
    "port_edges",
    "port_edges_of",
    "recorded_edges",
]
