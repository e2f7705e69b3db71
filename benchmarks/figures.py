"""What was measured, as values: the floor, a run of the mesh split into phases and products, medians of several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.processes import Measured

# Phase -> what it is. Their sum is the wall time of a run.
PHASES = {
    "import": "Python, Dagster, the platform",
    "parse": "dbt manifests, kept till a change",
    "load": "contracts, assets, checks",
    "ingest": "landed files, checked, once",
    "build": "the models",
    "audit": "the contracts' promises",
    "publish": "view, publication log, seal",
    "orchestrate": "dbt's start, Dagster's records",
    "side by side": "gained: domains build at once",
    "rest": "what is due, instance, exit",
}
_INSIDE_A_RUN = ("build", "audit", "publish")


@dataclass(frozen=True)
class FloorFigures:
    wall: float
    cpu: float
    sql: float  # seconds of SQL alone
    peak_mb: float


@dataclass(frozen=True)
class MeshFigures:
    """One run of the mesh. `products`: product -> phase -> seconds."""

    wall: float
    cpu: float
    peak_mb: float
    rows: float  # ingested
    phases: Mapping[str, float]
    products: Mapping[str, Mapping[str, float]]


def mesh_figures(measured: Measured, told: Mapping[str, Any]) -> MeshFigures:
    """The figures of a run, from what was measured from outside and what the driver told from inside."""
    steps: Sequence[tuple[str, str, float]] = told["steps"]
    totals: dict[str, float] = defaultdict(float)
    products: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(_INSIDE_A_RUN, 0.0))
    addresses = {address.rpartition(".")[0] for address in told["built"]}
    private: list[tuple[str, float]] = []
    for phase, what, seconds in steps:
        totals[phase] += seconds
        if phase in {"audit", "publish"}:
            products[what.rpartition(".")[0]][phase] += seconds
        elif phase == "build":
            private.append((what, seconds))
    for phase, steps_of in (("build", private), ("dbt", [(what, s) for phase, what, s in steps if phase == "dbt"])):
        for table, seconds in steps_of:
            domain, _, name = table.split(".")
            if f"{domain}.{name}" in addresses:
                products[f"{domain}.{name}"][phase] = products[f"{domain}.{name}"].get(phase, 0.0) + seconds
    outside = measured.wall - told["inside"]  # the interpreter's start and end
    phases = {
        "import": told["imports"] + outside,
        # Domains are parsed side by side, so the longest is what it took.
        "parse": max((seconds for phase, _, seconds in steps if phase == "parse"), default=0.0),
        "load": totals["load"],
        "ingest": totals["ingest"],
        **{phase: totals[phase] for phase in _INSIDE_A_RUN},
        "orchestrate": totals["run"] - sum(totals[phase] for phase in _INSIDE_A_RUN),
    }
    phases["side by side"] = totals["builds"] - totals["run"]
    phases["rest"] = measured.wall - sum(phases.values())
    return MeshFigures(measured.wall, measured.cpu, measured.peak_mb, told["ingested_rows"], phases, dict(products))


def median_floor(runs: Sequence[FloorFigures]) -> FloorFigures:
    return FloorFigures(*(median(getattr(run, name) for run in runs) for name in ("wall", "cpu", "sql", "peak_mb")))


def median_mesh(runs: Sequence[MeshFigures]) -> MeshFigures:
    """Each figure's own median; so phases may add up to a little more or less than the median wall time."""
    return MeshFigures(
        *(median(getattr(run, name) for run in runs) for name in ("wall", "cpu", "peak_mb", "rows")),
        phases=_medians(run.phases for run in runs),
        products={
            product: _medians(run.products[product] for run in runs if product in run.products)
            for product in dict.fromkeys(name for run in runs for name in run.products)
        },
    )


def _medians(records: Iterable[Mapping[str, float]]) -> dict[str, float]:
    every = list(records)
    return {key: median(record[key] for record in every) for key in every[0]}
