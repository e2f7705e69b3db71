"""How far back data goes, what of that may be told, and whether it is far enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from platform_resources.catalog.fitness.evidence import Evidence, Verdict, length, seconds

# Readers who hold no grant are told in which of these steps the age of the oldest row lies, no value of a row: whoever
# asked again and again would else find the day.
STEPS = tuple(timedelta(days=days) for days in (0, 1, 7, 30, 90, 180, 365, 730, 1_095, 1_825, 3_650))


@dataclass(frozen=True)
class Reach:
    """How far back the data goes: how old the oldest days of a column are, exactly or as a step."""

    column: str
    at_least: timedelta
    below: timedelta | None  # None: `at_least` is exact, or the last step
    since: date | None = None  # told only where it is exact


@dataclass(frozen=True)
class Dated:
    """A column with dates or moments."""

    name: str
    in_key: bool = False
    is_kept: bool = False  # the element of the promised retention
    is_typed: bool = False  # of a semantic type of which the council says that it dates rows


def dating(columns: Sequence[Dated]) -> tuple[str, ...]:
    """The columns that say of which time rows are: those of the key, else those that contract or council name.

    A date is no history because it is old: when a store opened, or a customer was born, is a fact of a row of today.

    >>> dating([Dated("business_date", is_typed=True), Dated("store_opened_on")])
    ('business_date',)
    >>> dating([Dated("date_of_birth"), Dated("valid_until")])
    ()
    """
    key = tuple(c.name for c in columns if c.in_key)
    kept = tuple(c.name for c in columns if c.is_kept)
    return key or kept or tuple(c.name for c in columns if c.is_typed)


def in_steps(reach: Reach) -> Reach:
    """What a reader without a grant is told of it."""
    step = max(index for index, start in enumerate(STEPS) if start <= max(reach.at_least, timedelta(0)))
    return Reach(reach.column, STEPS[step], STEPS[step + 1] if step + 1 < len(STEPS) else None)


NO_DATES = (
    "no column says of which time a row is: a date in the key would, the element of a promised retention, or a column "
    "of a semantic type that dates rows"
)


def history(
    need: timedelta, reach: Reach | None, retention: timedelta | None, why_not: str = "", *, is_dated: bool = True
) -> Evidence:
    """`reach` None: it was not measured, or may not be told, and `why_not` says which.

    Where no row has a time (`is_dated` False), a promise to keep data for years says nothing of a past in it.
    """
    asked = f"reaches back {length(need)}"
    promised = seconds(retention)
    if not is_dated and (retention is None or retention >= need):
        return Evidence(asked, "unknown", promised, None, NO_DATES)
    if not is_dated:
        why_not = NO_DATES
    if reach is None:
        if retention is None:
            return Evidence(asked, "unknown", None, None, f"{why_not}, and its contract promises no retention")
        verdict: Verdict = "yes" if retention >= need else "no"
        told = f"by promise alone: its contract keeps data for {length(retention)}; {why_not}"
        return Evidence(asked, verdict, promised, None, told)
    measured = seconds(reach.at_least)
    if reach.since is not None or reach.below is None:
        exact = f"{length(reach.at_least)}, to {reach.since}" if reach.since else f"at least {length(reach.at_least)}"
        verdict = "yes" if reach.at_least >= need else "no" if reach.since is not None else "unknown"
        return Evidence(asked, verdict, promised, measured, f"{reach.column} reaches back {exact}")
    between = f"{length(reach.at_least)} to {length(reach.below)}" if reach.at_least else f"up to {length(reach.below)}"
    verdict = "yes" if reach.at_least >= need else "no" if reach.below <= need else "unknown"
    more = "; who holds a grant is told exactly" if verdict == "unknown" else ""
    return Evidence(asked, verdict, promised, measured, f"{reach.column} reaches back {between}{more}")
