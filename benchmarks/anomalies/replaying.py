"""Versions of the products, day by day: profiled and judged by the functions that the mesh itself uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.anomalies.faults import Fault, NoFault
from benchmarks.anomalies.products import Products
from benchmarks.anomalies.year import landed_at
from platform_resources.contracts.model import Contract
from platform_resources.lake import MeshSettings, qualified
from platform_resources.pipeline.documents import read_mesh
from platform_resources.pipeline.profiling import open_columns
from platform_resources.quality.anomalies import MOST, PLOTTED, Anomaly, Observed
from platform_resources.quality.foretelling import Walk
from platform_resources.quality.profile import Profile, profile

History = list[Observed]
_WATCHED_DAYS = 10  # versions after a fault began


@dataclass(frozen=True)
class Finding:
    """What became of a fault in one product. `touched`: number of the first version that differs; None: none does."""

    product: str
    fault: Fault
    touched: int | None
    found: int | None = None  # number of the first version with an alarm that the year as it was has not
    anomaly: Anomaly | None = None

    @property
    def versions(self) -> int | None:
        """How many versions it took: 1 is the first one that held it."""
        return None if self.found is None or self.touched is None else self.found - self.touched + 1


class Replayed:
    """The products over the days of a year, from `first` on."""

    def __init__(self, con: duckdb.DuckDBPyConnection, project: Path, first: date, built: Sequence[str]) -> None:
        self.con, self.first = con, first
        mesh, council = read_mesh(MeshSettings(project=project, home=project / ".mesh"))
        ports = {product.address: product.ports[0] for product in mesh.products if product.address in built}
        self._contracts: Mapping[str, Contract] = {name: ports[name].contract for name in built}
        self._opened = {name: open_columns(contract, council) for name, contract in self._contracts.items()}
        self._products = Products(con, frozenset(built))
        self.days: list[date] = []
        self.histories: dict[str, History] = {name: [] for name in built}

    def year(self, days: int, told: Callable[[date], None]) -> None:
        """The year as it was."""
        for number in range(1, days + 1):
            day = self.first + timedelta(days=number - 1)
            for name, observed in self._version(day, number, NoFault()).items():
                self.histories[name].append(observed)
            self.days.append(day)
            told(day)
        self._products.keep()

    def faulty(self, fault: Fault) -> list[Finding]:
        """The same with a fault, for some days from it on."""
        at = self.days.index(fault.day)
        self._products.back_to(fault.day, at + 1)
        versions = [
            self._version(day, at + 1 + offset, fault) for offset, day in enumerate(self.days[at : at + _WATCHED_DAYS])
        ]
        return [self._finding(name, fault, at, [one[name] for one in versions]) for name in self.histories]

    def _finding(self, name: str, fault: Fault, at: int, versions: Sequence[Observed]) -> Finding:
        clean = self.histories[name]
        differs = (one.number for one, was in zip(versions, clean[at:], strict=False) if one.profile != was.profile)
        touched = next(differs, None)
        if touched is None:
            return Finding(name, fault, None)
        start = max(0, at - MOST)
        was = alarms_of(clean[start : at + len(versions)], at - start)
        now = alarms_of([*clean[start:at], *versions], at - start)
        for number, found in now.items():
            known = {anomaly.feature.group for anomaly in was.get(number, ())}
            new = [anomaly for anomaly in found if anomaly.feature.group not in known]
            if new:
                return Finding(name, fault, touched, number, new[0])
        return Finding(name, fault, touched)

    def _version(self, day: date, number: int, feed: Fault | NoFault) -> dict[str, Observed]:
        self._products.advance(day, number, feed)
        return {name: self._observed(name, day, number) for name in self.histories}

    def _observed(self, name: str, day: date, number: int) -> Observed:
        contract, (domain, table) = self._contracts[name], name.split(".")
        now = landed_at(day)
        found = profile(self.con, contract, qualified(domain, "internal", table), now, self._opened[name])
        assert found is not None
        return Observed(number, now, contract.sha256, Profile.from_json(found.as_json()))


def alarms_of(history: Sequence[Observed], since: int = 0) -> dict[int, list[Anomaly]]:
    """Number of a version -> its anomalies, of those that have some; judged at the place `since` and after."""
    walk = Walk(history, last=len(history) - max(0, since - PLOTTED))
    found = {history[at].number: list(walk.anomalies(at)) for at in range(since, len(history))}
    return {number: anomalies for number, anomalies in found.items() if anomalies}
