"""`slaProperties`, and how often a product is refreshed."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from platform_resources.contracts.changes.model import Verdict
from platform_resources.contracts.changes.verdicts import (
    both,
    listed,
    loosens,
    neutral,
    number,
    presence,
    texts,
    tightens,
)
from platform_resources.contracts.durations import DurationError, parse_duration

_SHORTER_IS_BETTER = ("freshness", "latency", "frequency", "timeToDetect", "timeToNotify", "timeToRepair")
_LOWER_IS_BETTER = ("errorRate",)
_HIGHER_IS_BETTER = ("availability", "completeness", "throughput")
ENDS = ("endOfSupport", "endOfLife", "sunset", "sunsetDate")  # of a port, however it is called
_BEGINS = ("generalAvailability",)
_VALUE = ("value", "valueExt", "unit")
_WORDS = ("description", "driver", "id", "scheduler", "schedule", "customProperties", "authoritativeDefinitions")


def grade_promise(
    name: str, before: dict[str, Any] | None, after: dict[str, Any] | None, field: tuple[str, ...], personal: bool
) -> Verdict:
    """A difference at `field` of the promise `name`; an empty `field` is the whole promise, come or gone.

    `personal`: the contract has personal columns, so that keeping data longer is no service.
    """
    if not field or before is None or after is None:
        return _whole(name, before)
    if field[0] in _VALUE:
        return _value(name, before, after, personal)
    if field[0] == "element":
        return _element(name, texts(before.get("element")), texts(after.get("element")))
    if field[0] in _WORDS:
        return neutral("Wording: what is promised stays the same.")
    return neutral(f"`{field[0]}` is not a part of what is measured.")


def _whole(name: str, before: dict[str, Any] | None) -> Verdict:
    if name in ENDS:
        if before is None:
            return loosens("The port gets an end; until now it had none.")
        return tightens("The end of the port is taken back.", "producers")
    if before is None:
        return tightens(f"`{name}` was not promised before.")
    return loosens(f"`{name}` is no longer promised.")


def _value(name: str, before: dict[str, Any], after: dict[str, Any], personal: bool) -> Verdict:
    if name in ENDS or name in _BEGINS:
        return _date(name, before.get("value"), after.get("value"))
    if before.get("value") is None or after.get("value") is None:
        return presence(
            before.get("value"),
            after.get("value"),
            f"`{name}` was not promised before.",
            f"`{name}` is no longer promised.",
            "",
        )
    if name == "retention":
        return _retention(before, after, personal)
    old, new = _measures(name, before, after)
    if old is None or new is None:
        return both(f"How the two values of `{name}` compare can't be told.")
    if old == new:
        return neutral("The same length or amount, written another way.")
    percent = {str(side.get("unit")) for side in (before, after)} <= {"percent", "%"}
    if name in _SHORTER_IS_BETTER or name in _LOWER_IS_BETTER:
        worse = new > old
    elif name in _HIGHER_IS_BETTER or percent:
        worse = new < old
    else:
        return both(f"The platform doesn't know which way `{name}` is better.")
    if name == "freshness":
        reason = "The data may be older than before." if worse else "The data must be younger than before."
        return loosens(reason) if worse else tightens(reason)
    return loosens(f"Less `{name}` is promised.") if worse else tightens(f"More `{name}` is promised.")


def _measures(name: str, before: dict[str, Any], after: dict[str, Any]) -> tuple[float | None, float | None]:
    """Both values on one scale: seconds where they are lengths of time, else numbers of one unit."""
    lengths = tuple(_seconds(side) for side in (before, after))
    if None not in lengths or name in _SHORTER_IS_BETTER:
        return lengths[0], lengths[1]
    if len({_unit(name, side.get("unit")) for side in (before, after)}) > 1:
        return None, None
    return number(before.get("value")), number(after.get("value"))


def _unit(name: str, unit: Any) -> str:
    return "percent" if unit == "%" or (unit is None and name in _HIGHER_IS_BETTER) else str(unit)


def _seconds(promise: dict[str, Any]) -> float | None:
    """`m` stays a length without a name: its meaning is in dispute (see `durations`)."""
    try:
        return parse_duration(promise.get("value"), promise.get("unit")).total_seconds()
    except (DurationError, AttributeError):  # a unit that is no text
        return None


def _retention(before: dict[str, Any], after: dict[str, Any], personal: bool) -> Verdict:
    old, new = _seconds(before), _seconds(after)
    if old is None or new is None:
        return both("How long the data is kept can't be compared.")
    if old == new:
        return neutral("The same length of time, written another way.")
    if new < old:
        return loosens("History is kept for a shorter time.")
    if personal:
        return loosens("Personal data is kept longer than was promised to the persons.")
    return tightens("History is kept longer.")


def _date(name: str, before: Any, after: Any) -> Verdict:
    try:
        old, new = (date.fromisoformat(str(value)[:10]) for value in (before, after))
    except ValueError:
        return both(f"How the two dates of `{name}` compare can't be told.")
    if old == new:
        return neutral("The same day.")
    if name in _BEGINS:
        return loosens("It is available later.") if new > old else tightens("It is available earlier.")
    return loosens("The port ends earlier than promised.") if new < old else tightens("The port is served longer.")


def _element(name: str, before: set[str], after: set[str]) -> Verdict:
    if before == after:
        return neutral("The same columns in another order.")
    if not before or not after:
        return presence(
            before or None, after or None, "The promise names its columns.", "The promise names no column any more.", ""
        )
    if name == "freshness":
        return both("The age of the data is read from another column.")
    lost, gained = before - after, after - before
    if lost and gained:
        return both(f"`{name}` is promised for {listed(gained)} instead of {listed(lost)}.")
    if lost:
        return loosens(f"`{name}` is no longer promised for {listed(lost)}.")
    return tightens(f"`{name}` is promised for {listed(gained)} too.")


def grade_objective(before: Any, after: Any) -> Verdict:
    """The custom property `objective` of a promise: in how many percent of the time it has to hold; always, without."""
    old, new = (100.0 if side is None else number(side) for side in (before, after))
    if old is None or new is None:
        return both("In how much of the time it has to hold can't be compared.")
    if old == new:
        return neutral("It has to hold in as much of the time as before.")
    return loosens("It has to hold in less of the time.") if new < old else tightens("It has to hold more of the time.")


def grade_window(before: Any, after: Any) -> Verdict:
    """The custom property `window` of a promise, over which its share of the time is counted."""
    old, new = (_seconds({"value": "P30D" if side is None else side}) for side in (before, after))
    if old is not None and old == new:
        return neutral("The same length of time, written another way.")
    return both("What it allows to miss is counted over another length of time.")


def grade_refresh(before: Any, after: Any) -> Verdict:
    """The custom property `refresh`: `on_update`, or a cron text."""
    if before is None or after is None:
        return presence(before, after, "The refresh was not promised before.", "No refresh is promised any more.", "")
    old, new = refreshes_a_year(before), refreshes_a_year(after)
    if old is None or new is None:
        return both("How often the product is refreshed can't be compared.")
    if old == new:
        return neutral("As often as before, at another time.")
    return loosens("The product is refreshed less often.") if new < old else tightens("It is refreshed more often.")


_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_PART = re.compile(r"(?:(\*)|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([0-9]{1,2}))?")


def refreshes_a_year(refresh: Any) -> float | None:
    """About how many times a year; infinity for `on_update`, None for a text that is neither."""
    if refresh == "on_update":
        return float("inf")
    fields = str(refresh).split()
    if len(fields) != len(_FIELDS):
        return None
    counts = [_moments(text, low, high) for text, (low, high) in zip(fields, _FIELDS, strict=True)]
    if any(not moments for moments in counts):
        return None
    minutes, hours, days, months, weekdays = (moments or set() for moments in counts)
    by_weekday, by_day = len({day % 7 for day in weekdays}) / 7, len(days) / 31
    either = fields[2] != "*" and fields[4] != "*"  # then cron takes the days of both
    share = by_weekday + by_day - by_weekday * by_day if either else by_weekday * by_day
    return len(minutes) * len(hours) * share * 365 * len(months) / 12


def _moments(text: str, low: int, high: int) -> set[int] | None:
    """The values that one field of a cron text stands for; None when it is none."""
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            return None
        first = low if match[1] else int(match[2])
        last = high if match[1] else int(match[3]) if match[3] else high if match[4] else first
        if not low <= first <= last <= high or match[4] == "0":
            return None
        found.update(range(first, last + 1, int(match[4] or 1)))
    return found
