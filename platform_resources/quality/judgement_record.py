"""What was judged unusual of a version, as JSON in the record of its audit: judged once, told by whoever asks. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from platform_resources.quality.anomalies import Anomaly, Judged, Point
from platform_resources.quality.features import Feature

UNJUDGED = Judged(0, profiled=False)

_IN_THE_LOG = "anomalies"  # key in the record of an audit
_FORM = 1  # of that entry: what another version of the platform wrote otherwise is not told
_DRAWN = 24  # anomalies whose points are kept, 2 KB each: a table that is emptied is unusual in all of its figures
_NAMES = ("kind", "column", "of", "title", "subject")
_WHOLE = 1e7  # up to here seven digits tell a whole number

_Version = tuple[int | None, date]


@dataclass(frozen=True)
class ToldFeature:
    """A `Feature` under the names that it had when it was judged; its kind may be one that is not known here."""

    kind: str
    column: str | None
    of: str | None
    title: str
    subject: str

    @property
    def is_share(self) -> bool:
        return self._plain.is_share

    @property
    def upward_only(self) -> bool:
        return self._plain.upward_only

    @property
    def _plain(self) -> Feature:
        return Feature(self.kind, self.column, self.of)  # type: ignore[arg-type]


def record_of(judged: Judged, number: int) -> dict[str, Any]:
    """The entry of an audit's record, numbers in seven digits; `judged_in` reads it back.

    `number`: that the version was judged under. Where it names itself it is left out: see `numbered`.
    """
    drawn = [point for one in judged.anomalies[:_DRAWN] for point in one.points]
    versions = list(dict.fromkeys(_version(point, number) for point in drawn))
    places = {version: at for at, version in enumerate(versions)}
    found = [_anomaly_json(one, number) for one in judged.anomalies]
    for one, record in zip(judged.anomalies[:_DRAWN], found, strict=False):
        record["points"] = [_point_json(point, places[_version(point, number)]) for point in one.points]
    entry = {
        **{"form": _FORM, "number": number, "known": judged.known, "needed": judged.needed, "watched": judged.watched},
        **{"versions": [[named, day.isoformat()] for named, day in versions], "found": found},
    }
    return {_IN_THE_LOG: entry}


def numbered(audit: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The record of an audit whose version gets a number: another run may have published since it was judged."""
    return {**audit, **({_IN_THE_LOG: {**audit[_IN_THE_LOG], "number": number}} if _IN_THE_LOG in audit else {})}


def judged_in(audit: Mapping[str, Any]) -> Judged:
    """What the record of an audit says; `UNJUDGED` where it has no judgement, or one of another form."""
    try:
        return _judged(audit[_IN_THE_LOG])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return UNJUDGED


def _version(point: Point, number: int) -> _Version:
    return (None if point.number == number else point.number), point.day


def _anomaly_json(one: Anomaly, number: int) -> dict[str, Any]:
    plain = {
        **{name: getattr(one.feature, name) for name in _NAMES},
        **{"says": one.says},
        **{"since": None if one.since == number else one.since, "at": one.since_at.isoformat()},
        **{"versions": one.versions, "deviations": _plain(one.deviations), "weekday": bool(one.weekday) or None},
        **{name: _plain(getattr(one, name)) for name in ("seen", "expected", "low", "high")},
    }
    return {name: value for name, value in plain.items() if value is not None}


def _point_json(point: Point, at: int) -> list[float | int | None]:
    values = [_plain(value) for value in (point.seen, point.expected, point.low, point.high)]
    return [at, *values, *([1] if point.unusual else [])]


def _plain(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.7g}") if abs(value) < _WHOLE else float(round(value))


def _judged(found: Mapping[str, Any]) -> Judged:
    if found["form"] != _FORM:
        raise ValueError(f"a judgement of the form {found['form']!r}, not {_FORM}")
    number = int(found["number"])
    versions = [(number if named is None else named, date.fromisoformat(day)) for named, day in found["versions"]]
    return Judged(
        known=found["known"],
        watched=found["watched"],
        anomalies=tuple(_anomaly(one, number, versions) for one in found["found"]),
        needed=found["needed"],
    )


def _anomaly(found: Mapping[str, Any], number: int, versions: Sequence[tuple[int, date]]) -> Anomaly:
    return Anomaly(
        feature=ToldFeature(**{name: found.get(name) for name in _NAMES}),  # type: ignore[arg-type]
        since=found.get("since", number),
        since_at=datetime.fromisoformat(found["at"]),
        versions=found["versions"],
        says=found["says"],
        deviations=found.get("deviations", 0.0),
        weekday=found.get("weekday", False),
        **{name: found.get(name) for name in ("seen", "expected", "low", "high")},
        points=tuple(_point(values, versions) for values in found.get("points", ())),
    )


def _point(values: Sequence[Any], versions: Sequence[tuple[int, date]]) -> Point:
    at, seen, expected, low, high, *unusual = values
    return Point(*versions[at], seen, expected, low, high, bool(unusual))
