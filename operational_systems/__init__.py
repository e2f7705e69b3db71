"""The retailer's own systems: point of sale, CRM and warehouse, replayed from the shipped year of receipts.

They drop Parquet files into `<home>/landing/<system>/<feed>/` and know nothing of the mesh: this package imports
nothing of `platform_resources` and nothing there imports this. Files appear whole or not at all, every event lands
in exactly one file, and the clock is always handed in, so that a replay can be repeated to the second.

Not real, and said so wherever it shows: names and contacts of customers are synthetic (`crm.py`), the stock of the
warehouse is derived from the sales (`warehouse.py`). The receipts are published by dunnhumby/84.51°.
"""

from operational_systems.errors import ReplayError
from operational_systems.faults import Fault, FaultKind
from operational_systems.feeds import FEEDS, Feed
from operational_systems.replay import Batch, Replay

__all__ = ["FEEDS", "Batch", "Fault", "FaultKind", "Feed", "Replay", "ReplayError"]
