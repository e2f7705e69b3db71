"""What is unusual about the version that a port serves."""

from __future__ import annotations

from platform_resources.catalog.state import PortState
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import PortAddress
from platform_resources.pipeline import judged
from platform_resources.quality.anomalies import Judged


def anomalies_of(view: CatalogView, state: PortState) -> Judged:
    """The version that is served beside those before it; of a port that serves nothing, nothing is known.

    Kept as long as that version is served: it is judged once, whoever asks.

    Raises
    ------
    duckdb.Error
        when the lake can't be read.
    """
    served = state.publication
    if served is None:
        return Judged(0)
    port = PortAddress.parse(state.port.address)
    return view.told(port, ("anomalies", served.number), lambda con: judged(con, port, served.snapshot), lasting=True)
