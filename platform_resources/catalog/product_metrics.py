"""How a product does, in five figures: each with its formula and a sentence. Pure, but for `adoption_in`."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import func, select

from platform_resources.catalog.fitness.evidence import floored, length
from platform_resources.catalog.served_time import Kept
from platform_resources.contracts.wording import counted
from platform_resources.control import ControlDatabase
from platform_resources.control.tables import usage

RELIABLE_DAYS = 30
SOUND_DAYS = 90
ADOPTION_DAYS = 90  # a report that is made once a quarter is still a reader

Name = Literal["reliability", "integrity", "impact", "adoption", "satisfaction"]


@dataclass(frozen=True)
class Figure:
    name: Name
    value: float | None  # None: not enough is known
    unit: str
    formula: str
    says: str


def reliability(port: str, fresh: Kept, promised_up: float | None, measured_up: float | None) -> Figure:
    """The lower of two shares: of time in which the data was as fresh, and of availability kept, as promised."""
    formula = (
        f"the lower of: share of the last {RELIABLE_DAYS} days in which the data was as fresh as promised; measured "
        "availability over the promised one, at most 100 %"
    )
    shares, told = [], []
    if fresh.share is not None:
        shares.append(100 * fresh.share)
        told.append(f"as fresh as promised in {floored(100 * fresh.share)} % of {length(fresh.counted)}")
    if promised_up and measured_up is not None:
        shares.append(min(100.0, 100 * measured_up / promised_up))
        told.append(f"up in {floored(measured_up, 3)} % of the time that was probed, {promised_up:g} % promised")
    says = f"{port} was {' and '.join(told)}" if told else f"{port} was not observed yet"
    return Figure("reliability", min(shares, default=None), "percent", formula, says)


def integrity(port: str, score: float | None, passed: int, refused: int) -> Figure:
    """`passed` and `refused` are versions of the last `SOUND_DAYS` days."""
    formula = f"quality score of what is served x share of the versions of the last {SOUND_DAYS} days that passed"
    if score is None:
        return Figure("integrity", None, "percent", formula, f"{port} serves nothing yet")
    versions = passed + refused
    value = score * (passed / versions if versions else 1.0)
    history = f"{passed:,} of {versions:,} versions passed" if versions else "no version was made"
    says = f"{port} scores {floored(score)}; {history} in the last {SOUND_DAYS} days"
    return Figure("integrity", value, "percent", formula, says)


def impact(consumers: Set[str], products: Set[str]) -> Figure:
    """`consumers`: of its ports, by name; `products`: built on it, however indirectly, by address."""
    formula = "its consumers, and the products that are built on it, however indirectly; each counted once"
    are = "is" if len(products) == 1 else "are"
    built = f"{counted(len(products), 'product')} {are} built on it, however indirectly"
    says = f"it has {counted(len(consumers), 'consumer')}; {built}"
    return Figure("impact", float(len(consumers | products)), "dependants", formula, says)


@dataclass(frozen=True)
class Adoption:
    consumers: int
    reads: int


def adoption(now: Adoption, before: Adoption) -> Figure:
    formula = f"distinct consumers who read it in the last {ADOPTION_DAYS} days"
    says = f"{_read(now)} in the last {ADOPTION_DAYS} days; {_read(before)} in the {ADOPTION_DAYS} before"
    return Figure("adoption", float(now.consumers), "consumers", formula, says)


def satisfaction(mean: float | None, count: int) -> Figure:
    says = "nobody has rated it yet" if mean is None else f"{mean:g} of 5 stars from {counted(count, 'rating')}"
    return Figure("satisfaction", mean, "stars", "mean of its ratings, 1-5 stars", says)


def adoption_in(
    control: ControlDatabase, ports: Sequence[str], today: date, told: Callable[[str], bool]
) -> tuple[Adoption, Adoption]:
    """Use in the last 90 days and in the 90 before, by the consumers that `told` lets count."""
    begins = today - timedelta(days=ADOPTION_DAYS - 1)
    sides = []
    for first, last in ((begins, today), (begins - timedelta(days=ADOPTION_DAYS), begins - timedelta(days=1))):
        query = (
            select(usage.c.consumer, func.sum(usage.c.reads))
            .where(usage.c.port.in_(list(ports)), usage.c.column == "")
            .where(usage.c.day >= first.isoformat(), usage.c.day <= last.isoformat())
            .group_by(usage.c.consumer)
        )
        with control.reading() as connection:
            rows = [(who, int(reads)) for who, reads in connection.execute(query) if told(who)]
        sides.append(Adoption(len(rows), sum(reads for _, reads in rows)))
    return sides[0], sides[1]


def _read(use: Adoption) -> str:
    if not use.reads:
        return "nobody read it"
    return f"{counted(use.consumers, 'consumer')} read it {'once' if use.reads == 1 else f'{use.reads:,} times'}"
