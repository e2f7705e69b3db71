"""What is unusual about the version that a port serves."""

from __future__ import annotations

from platform_resources.catalog.state import PortState
from platform_resources.quality.anomalies import Judged
from platform_resources.quality.judgement_record import judged_in


def anomalies_of(state: PortState) -> Judged:
    """As it was judged when it was published, and is kept with its audit; of a port that serves nothing, nothing.

    A roll back has the record of the version that it goes back to.
    """
    return judged_in({} if state.publication is None else state.publication.audit)
