"""What a replayed year tells: false alarms by product and month, faults that were found and how soon. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from benchmarks.anomalies.faults import KINDS
from benchmarks.anomalies.replaying import Finding
from platform_resources.quality.anomalies import NEEDED, Anomaly

MONTH = 365.25 / 12  # days


@dataclass(frozen=True)
class FalseAlarm:
    """An alarm that began with a version of the year as it was."""

    product: str
    day: date
    anomalies: tuple[Anomaly, ...]  # those that began


@dataclass(frozen=True)
class Quiet:
    """How quiet a product was over some days."""

    product: str
    days: int
    alarms: int  # versions with which one began
    figures: int  # that began, of all these versions

    @property
    def per_month(self) -> float:
        return self.alarms / self.days * MONTH if self.days else 0.0


@dataclass(frozen=True)
class Found:
    """Of the faults of a kind that changed a product, how many were found and after how many versions."""

    kind: str
    product: str
    touched: int
    found: int
    versions: float | None  # median; 1 is the first version that held the fault


def false_alarms(product: str, days: Sequence[date], alarms: Mapping[int, Sequence[Anomaly]]) -> list[FalseAlarm]:
    """`alarms`: by number of the version, which is 1 on the first of `days`."""
    found = []
    for number, anomalies in alarms.items():
        before = {one.feature.group for one in alarms.get(number - 1, ())}
        begun = tuple(one for one in anomalies if one.feature.group not in before)
        if begun:
            found.append(FalseAlarm(product, days[number - 1], begun))
    return found


def quiet(product: str, alarms: Sequence[FalseAlarm], first: date, last: date) -> Quiet:
    """From one day to another, both included."""
    within = [one for one in alarms if one.product == product and first <= one.day <= last]
    figures = sum(len(one.anomalies) for one in within)
    return Quiet(product, (last - first).days + 1, len(within), figures)


def found_of(findings: Sequence[Finding]) -> list[Found]:
    """By kind and product."""
    told = []
    for kind in KINDS:
        for product in dict.fromkeys(one.product for one in findings):
            touched = [
                one for one in findings if (one.fault.kind, one.product) == (kind, product) and one.touched is not None
            ]
            took = [one.versions for one in touched if one.versions is not None]
            told.append(Found(kind, product, len(touched), len(took), median(took) if took else None))
    return told


def halves(days: Sequence[date]) -> tuple[tuple[date, date], tuple[date, date]]:
    """The days on which versions are judged: those that the detector was tuned on, and those held out."""
    middle = days[len(days) // 2]
    return (days[NEEDED], middle), (middle + timedelta(days=1), days[-1])
