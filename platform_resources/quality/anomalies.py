"""What is unusual about a version, by the profiles of those before it. Pure: profiles in, anomalies out.

Each figure is foretold from its own past alone: the median of the last versions, and what its weekday usually adds (or
what it usually grows by, where that foretells better). How far off such forecasts were tells how far is unusual. All
are medians and quantiles, which an outlier does not move; a figure that stays elsewhere is normal after eight versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from platform_resources.contracts.wording import counted
from platform_resources.quality.features import Feature
from platform_resources.quality.profile import Profile

NOT_JUDGED = "not judged: this version was published without a judgement; the next one is judged when it is published"
NEEDED = 14  # versions of other days before one is judged
MOST = 240  # versions of other days that are looked back at: the longest chain of windows is 229
PLOTTED = 42  # versions, of an anomaly


@dataclass(frozen=True)
class Observed:
    """A version that was published, as far as it is compared."""

    number: int
    at: datetime
    contract_sha256: str
    profile: Profile

    @property
    def day(self) -> date:
        """Of which it tells: the last whole day of its rows, else the one on which it was published (UTC)."""
        return self.profile.day or self.at.astimezone(UTC).date()


@dataclass(frozen=True)
class Point:
    """One version of the past beside what was foretold of it; None while that was being learned."""

    number: int
    day: date
    seen: float | None
    expected: float | None
    low: float | None
    high: float | None
    unusual: bool = False


@dataclass(frozen=True)
class Anomaly:
    """A figure that is not as its past foretells. `deviations`: how many times the usual one it is off.

    Figures are in the feature's own unit: rows, days, shares 0-1, or what the column holds. Of the schema there are
    none, and `says` tells what changed.
    """

    feature: Feature
    since: int  # number of the first version that was so
    since_at: datetime
    versions: int  # that were so
    says: str
    deviations: float = 0.0
    seen: float | None = None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    weekday: bool = False  # whether it is foretold by weekday
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Judged:
    """What was found of the newest version. `known`: versions of other days before it, of at most `NEEDED`.

    `profiled`: whether it was judged.
    """

    known: int
    watched: int = 0  # figures
    anomalies: tuple[Anomaly, ...] = ()
    needed: int = NEEDED
    profiled: bool = True

    @property
    def learning(self) -> bool:
        return self.known < self.needed

    @property
    def says(self) -> str:
        """In a line."""
        if not self.profiled:
            return NOT_JUDGED
        if self.learning:
            return f"still learning: {self.known} of {counted(self.needed, 'version')} of other days"
        if not self.anomalies:
            return f"nothing unusual in {counted(self.watched, 'figure')}"
        return "; ".join(one.says for one in self.anomalies)


def judge(history: Sequence[Observed]) -> Judged:
    """Judge the last version of a port by those before it, oldest first.

    Of a day only the last version counts. A version of which too little is known raises no alarm.
    """
    days = _last_of_days(history)
    known = min(max(len(days) - 1, 0), NEEDED)
    if known < NEEDED:
        return Judged(known)
    from platform_resources.quality.foretelling import Walk  # noqa: PLC0415  (pandas: 0.3 s, and only this needs it)

    walk = Walk(days, last=PLOTTED)
    return Judged(known, walk.watched(len(days) - 1), tuple(walk.anomalies(len(days) - 1)))


def _last_of_days(history: Sequence[Observed]) -> list[Observed]:
    found = {one.at.astimezone(UTC).date(): one for one in history}
    return list(found.values())[-MOST:]
