"""Operations: probes of each port through its real door, availability over the promised window and error budget.

Imports everything below it; no Dagster. What counts as down is told in `docs/availability.md`.

`Prober(settings).run()` asks every port once and stores what it saw; `availability_of(control, mesh, address, now)`
adds it up and holds it against the contract.
"""

from platform_resources.operations.availability import Availability, availability_of
from platform_resources.operations.identity import PROBE_IDENTITY
from platform_resources.operations.model import Probe, ProbeReport, ProbeSettings, Unprobed
from platform_resources.operations.probing import Prober, probe

__all__ = [
    "PROBE_IDENTITY",
    "Availability",
    "Probe",
    "ProbeReport",
    "ProbeSettings",
    "Prober",
    "Unprobed",
    "availability_of",
    "probe",
]
