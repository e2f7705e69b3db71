"""Quality rules: what is checked, against which limit, and how seriously."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from platform_resources.contracts.changes.differences import CHECKED, hashable
from platform_resources.contracts.changes.model import Verdict
from platform_resources.contracts.changes.of_reference_rules import grade_reference_rule, is_comparing, limited
from platform_resources.contracts.changes.verdicts import (
    both,
    loosens,
    neutral,
    number,
    presence,
    promises_less,
    promises_more,
    tightens,
)
from platform_resources.contracts.contract_view import OPERATORS

_SEVERITIES = ("info", "warning", "error")
_LIMITS = (*OPERATORS, "unit")
# What one more entry in a list does: more bad rows are found (tightens), or fewer.
_ENTRY_FINDS_MORE = {"validValues": False, "missingValues": True, "properties": False, "invalidValues": True}

Region = tuple[float, bool, float, bool]  # low, low included, high, high included


def grade_rule(before: dict[str, Any] | None, after: dict[str, Any] | None, field: tuple[str, ...]) -> Verdict:
    """A difference at `field` of a rule; an empty `field` is the whole rule, come or gone."""
    if before is None or after is None or not field:
        return _whole(before, after)
    comparing = field[0] == "implementation" and len(field) > 1 and is_comparing(before) and is_comparing(after)
    if field[0] in _LIMITS or (comparing and field[1] in OPERATORS):
        return grade_limit(limited(before), limited(after))
    if field[0] == "severity":
        return _severity(before, after)
    if comparing:
        return grade_reference_rule(before, after, field[1])
    if field[0] in CHECKED:
        return both("The rule checks something else.")
    if field[0] == "arguments":
        return _argument(before, after, field)
    return neutral("Wording: the rule checks the same.")


def _whole(before: dict[str, Any] | None, after: dict[str, Any] | None) -> Verdict:
    rule = before if after is None else after
    if rule is None or rule.get("type") == "text" or severity_of(rule) == "info":
        gone = promises_less("A rule that nothing depended on is gone.")
        return gone if after is None else promises_more("A rule is written down that stops nothing.")
    if after is None:
        return loosens("This is no longer checked.")
    if severity_of(rule) == "warning":
        return promises_more("A rule more; it warns and stops nothing.")
    return tightens("This was not checked before.")


def severity_of(rule: dict[str, Any]) -> str:
    """`error` unless something weaker is said."""
    severity = rule.get("severity")
    return severity if severity in _SEVERITIES else "error"


def _severity(before: dict[str, Any], after: dict[str, Any]) -> Verdict:
    if not {before.get("severity"), after.get("severity")} <= {None, *_SEVERITIES}:
        return both("How serious the rule is can't be told: the platform doesn't know this severity.")
    old, new = (_SEVERITIES.index(severity_of(rule)) for rule in (before, after))
    if old == new:
        return neutral("A rule is an error where nothing else is said.")
    if new < old:
        return loosens("Data that breaks the rule is published where it was refused, or is told less loudly.")
    return tightens("Data that breaks the rule is taken more seriously.")


def _argument(before: dict[str, Any], after: dict[str, Any], field: tuple[str, ...]) -> Verdict:
    sides = [rule.get("arguments") if isinstance(rule.get("arguments"), dict) else {} for rule in (before, after)]
    name = field[1] if len(field) > 1 else ""
    old, new = (side.get(name) for side in sides)
    if name not in _ENTRY_FINDS_MORE:
        gained, lost = "The rule checks more closely.", "The rule checks less closely."
        return presence(old, new, gained, lost, "The rule checks something else.")
    if not isinstance(old, list) or not isinstance(new, list):
        return both("The rule checks something else: a list that it needs has come or gone.")
    was, is_now = set(map(hashable, old)), set(map(hashable, new))
    more, fewer = bool(is_now - was), bool(was - is_now)
    if more and fewer:
        return both("Other values pass the rule than before.")
    finds_more = more == _ENTRY_FINDS_MORE[name]
    return tightens("Fewer values pass the rule.") if finds_more else loosens("More values pass the rule.")


def grade_limit(before: dict[str, Any], after: dict[str, Any]) -> Verdict:
    """The limits of a rule (operator, threshold and unit are one promise)."""
    old, new = (_accepted(rule) for rule in (before, after))
    if old is None or new is None:
        written = [next((rule[name] for name in OPERATORS if name in rule), None) for rule in (before, after)]
        return presence(
            *written, "The rule gets a limit.", "The rule has no limit any more.", "The rule has another limit."
        )
    if (before.get("unit") == "percent") != (after.get("unit") == "percent"):
        return both("The limit counts rows where it counted percent, or the other way round.")
    whole = all(rule.get("type") in (None, "library") and rule.get("unit") != "percent" for rule in (before, after))
    wider, narrower = _not_within(new, old, whole), _not_within(old, new, whole)
    if wider and narrower:
        return both("Other results pass the rule than before.")
    if wider:
        return loosens("Results pass the rule that did not pass before.")
    return tightens("Results fail the rule that passed before.") if narrower else neutral("The same limit.")


def _accepted(rule: dict[str, Any]) -> tuple[Region, ...] | None:
    """Ranges of results that pass; None when the limit is no number."""
    operator = next((name for name in OPERATORS if rule.get(name) is not None), None)
    if operator is None:
        return None
    limit, infinite = rule[operator], math.inf
    if operator in ("mustBeBetween", "mustNotBeBetween"):
        pair = [number(value) for value in limit] if isinstance(limit, list) else []
        if len(pair) != 2 or pair[0] is None or pair[1] is None:
            return None
        low, high = pair[0], pair[1]
        if operator == "mustBeBetween":
            return ((low, True, high, True),)
        return ((-infinite, False, low, False), (high, False, infinite, False))
    value = number(limit)
    if value is None:
        return None
    regions: dict[str, tuple[Region, ...]] = {
        "mustBe": ((value, True, value, True),),
        "mustNotBe": ((-infinite, False, value, False), (value, False, infinite, False)),
        "mustBeGreaterThan": ((value, False, infinite, False),),
        "mustBeGreaterOrEqualTo": ((value, True, infinite, False),),
        "mustBeLessThan": ((-infinite, False, value, False),),
        "mustBeLessOrEqualTo": ((-infinite, False, value, True),),
    }
    return regions[operator]


def _not_within(inner: tuple[Region, ...], outer: tuple[Region, ...], whole: bool) -> bool:
    """Whether some result passes `inner` but not `outer`. `whole`: results are counts of rows, which have no halves."""
    limits = sorted({limit for region in (*inner, *outer) for limit in (region[0], region[2]) if math.isfinite(limit)})
    points = [limits[0] - 1, *limits, *((a + b) / 2 for a, b in pairwise(limits)), limits[-1] + 1]
    if whole:
        points = [point + step for limit in limits for point in (math.floor(limit),) for step in (-1, 0, 1, 2)]
    return any(_passes(point, inner) and not _passes(point, outer) for point in points)


def _passes(value: float, regions: tuple[Region, ...]) -> bool:
    return any(
        (value > low or (value == low and low_in)) and (value < high or (value == high and high_in))
        for low, low_in, high, high_in in regions
    )
