"""Custom properties: those that the mesh gives a meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from platform_resources.contracts.changes.model import Verdict
from platform_resources.contracts.changes.of_promises import ENDS, grade_promise
from platform_resources.contracts.changes.verdicts import (
    both,
    loosens,
    neutral,
    number,
    presence,
    promises_less,
    promises_more,
    rank,
    tightens,
)

_MEANINGS = {
    "currency": "Amounts are in another currency.",
    "unit": "Values are in another unit.",
    "units": "Values are in another unit.",
    "unitOfMeasure": "Values are in another unit.",
    "semanticType": "The values are another kind of thing, so joins by them change.",
    "timeZone": "Times are told in another time zone.",
}

_NOTICES = {
    "replacedBy": "It tells readers what to read instead; the port itself promises the same.",
    "retirement": "It tells why the port ends; whether it may is judged by its status and its readers.",
}


def grade_property(name: str, before: Any, after: Any, field: tuple[str, ...], old: Any, new: Any) -> Verdict:
    """The custom property `name`, which was `before` and is `after`; at `field` of its value it was `old`, is `new`."""
    if name in _MEANINGS:
        return presence(before, after, f"`{name}` is said.", f"`{name}` is no longer said.", _MEANINGS[name])
    if name in ENDS:
        sides = [None if value is None else {"value": value} for value in (before, after)]
        return grade_promise("endOfSupport", sides[0], sides[1], ("value",) if None not in sides else (), False)
    known: dict[str, Callable[[Any, Any, tuple[str, ...], Any, Any], Verdict]] = {
        "scoreWeights": _weights,
        "accuracyReference": _reference,
        "kAnonymity": _anonymity,
        "quasiIdentifier": _quasi_identifier,
    }
    if name in known:
        return known[name](before, after, field, old, new)
    if name in _NOTICES:
        return neutral(_NOTICES[name])
    return neutral(f"The platform gives `{name}` no meaning, so it can't tell whether anybody relies on it.")


def grade_tier(before: Any, after: Any, order: Sequence[str]) -> Verdict:
    """The custom property `tier`. `order`: the tiers from that which promises least."""
    ranks = rank(before, order), rank(after, order)
    if before is None or after is None:
        return presence(before, after, "The product joins a tier.", "The product belongs to no tier any more.", "")
    if ranks[0] is None or ranks[1] is None:
        return both("How the two tiers compare is not known.")
    return loosens("A lower tier promises less.") if ranks[1] < ranks[0] else tightens("A higher tier promises more.")


def _weights(_before: Any, _after: Any, _field: tuple[str, ...], old: Any, new: Any) -> Verdict:
    values = number(old) if old is not None else 0.0, number(new) if new is not None else 0.0
    if isinstance(old, dict) or isinstance(new, dict):
        if new is None:
            return loosens("The score no longer weighs what matters to this product.")
        return promises_more("The score weighs what matters to this product.")
    if values[0] is None or values[1] is None:
        return both("How the two weights compare can't be told.")
    if values[1] < values[0]:
        return loosens("This counts less in the score, so a fault in it shows less.")
    return promises_more("This counts more in the score.")


def _reference(before: Any, after: Any, _field: tuple[str, ...], _old: Any, _new: Any) -> Verdict:
    return presence(
        before,
        after,
        "What the accuracy is measured against is said.",
        "The accuracy is measured against nothing any more.",
        "The accuracy is measured against something else.",
    )


def _anonymity(before: Any, after: Any, field: tuple[str, ...], old: Any, new: Any) -> Verdict:
    if before is None or after is None or not field:
        return presence(
            before, after, "A privacy promise is made.", "The privacy promise is gone.", "Another privacy promise."
        )
    if field[0] == "k":
        values = number(old), number(new)
        if values[0] is None or values[1] is None or values[1] < values[0]:
            return loosens("A person hides among fewer others.")
        return tightens("A person hides among more others.")
    if field[0] == "shownWithoutClearance":
        if old is None:
            return loosens("A column that could single out a person is shown to everybody.")
        return both("A column is no longer shown to everybody.", "consumers")
    if field[0] == "masked":
        if new is None:
            return loosens("A column that could single out a person is no longer promised to be masked.")
        return both("A column is masked from now on.", "consumers")
    return both("Another privacy promise.")


def _quasi_identifier(before: Any, after: Any, _field: tuple[str, ...], _old: Any, _new: Any) -> Verdict:
    if bool(before) == bool(after):
        return neutral("It is off where it is not said.")
    if after:
        return promises_more("The column counts among those that can single out a person.")
    return promises_less("The column no longer counts among those that can single out a person.")
