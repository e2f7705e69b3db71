"""Who may see what: classifications, masks, row filters, roles and their approvers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from platform_resources.contracts.changes.differences import same
from platform_resources.contracts.changes.model import Verdict
from platform_resources.contracts.changes.verdicts import (
    both,
    listed,
    loosens,
    neutral,
    promises_less,
    promises_more,
    rank,
    texts,
    tightens,
    verdict,
)
from platform_resources.contracts.mask_order import STRENGTH, hides_as_much

_ACCESS = ("none", "read", "write", "admin")
_ACCESS_WORDS = {"readwrite": "write", "read/write": "write", "read-write": "write", "rw": "write", "all": "admin"}
_ROLE_PROPERTIES = ("clearances", "purposes", "rowFilter")
_LEVELS = {"firstLevelApprovers": "first", "secondLevelApprovers": "second"}


def grade_classification(before: Any, after: Any, order: Sequence[str]) -> Verdict:
    if before is None:
        return promises_more("The column gets a classification.")
    if after is None:
        return loosens("The column has no classification any more, so nothing protects it.")
    old, new = rank(before, order), rank(after, order)
    if old is None or new is None:
        return both("How the two classifications compare is not known.")
    return loosens("The column is less protected.") if new < old else tightens("The column is protected more.")


def grade_mask(before: Any, after: Any) -> Verdict:
    """The custom property `mask` of a column: {strategy, clearance} and the options of the strategy."""
    if same(before, after):
        return neutral("The same mask.")
    old, new = _mask(before), _mask(after)
    levels = tuple(rank(side.get("strategy"), STRENGTH) for side in (old, new))
    if None in levels:
        return both("How strong the two masks are is not known.")
    if levels[1] < levels[0]:
        return loosens("Values that were hidden are shown." if levels[1] == 0 else "The mask hides less.")
    if levels[1] > levels[0]:
        return both("Readers without the clearance see less than before.", "consumers")
    if not same(old.get("clearance"), new.get("clearance")):
        if new.get("clearance") is None:
            return both("No clearance opens the mask any more.", "consumers")
        return both("Another clearance opens the mask: some see values that others lose.", "consumers")
    if new.get("strategy") == "generalise":
        return _grade_generalised(old, new)
    return both("The mask leaves another part of the value, or another form of it.", "consumers")


def _grade_generalised(old: dict[str, Any], new: dict[str, Any]) -> Verdict:
    try:
        coarser, finer = hides_as_much(new, old), hides_as_much(old, new)
    except (TypeError, ValueError, ZeroDivisionError):  # options that are no numbers
        return both("How coarse the two masks are is not known.")
    if coarser and finer:
        return neutral("The same mask in other words.")
    if finer:
        return loosens("The mask hides less: values are told more finely.")
    if coarser:
        return both("Values are told more coarsely than before.", "consumers")
    return both("The mask cuts the values in other places.", "consumers")


def _mask(value: Any) -> dict[str, Any]:
    """As `access` reads it: a bare text is the strategy, no mask hides nothing."""
    if value is None:
        return {"strategy": "none"}
    return value if isinstance(value, dict) else {"strategy": str(value)}


def grade_row_filter(before: Any, after: Any) -> Verdict:
    """The custom property `rowFilter` of a table or a role: {where, clearance}."""
    if same(before, after):
        return neutral("The same row filter.")
    if before is None:
        return both("Some readers no longer see every row.", "consumers")
    if after is None:
        return loosens("Rows that were hidden from some readers are shown to all.")
    old, new = (side if isinstance(side, dict) else {"where": side} for side in (before, after))
    if same(old.get("where"), new.get("where")) and old.get("clearance") is None:
        return loosens("Readers with a clearance see every row from now on.")
    return both("Other rows are shown than before.", "consumers")


def grade_role_clearances(before: Any, after: Any) -> Verdict:
    """The custom property `clearances` of a role: which masks it lifts."""
    lost, gained = texts(before) - texts(after), texts(after) - texts(before)
    if gained:
        return promises_less(f"The role lifts the masks of {listed(gained)} for readers who hold that clearance.")
    if lost:
        return both(f"The role no longer lifts the masks of {listed(lost)}.", "consumers")
    return neutral("The same masks are lifted.")


def grade_role_purposes(before: Any, after: Any) -> Verdict:
    """The custom property `purposes` of a role; without it, the role serves every purpose."""
    if before is None and after is None:
        return neutral("The role serves every purpose.")
    if after is None:
        return promises_less("The role serves every purpose from now on.")
    if before is None:
        return both(f"The role serves no other purpose any more than {listed(texts(after))}.", "consumers")
    lost, gained = texts(before) - texts(after), texts(after) - texts(before)
    if lost:
        return both(f"The role no longer serves {listed(lost)}.", "consumers")
    return promises_less(f"The role serves {listed(gained)} too.") if gained else neutral("The same purposes.")


def grade_visibility(before: Any, after: Any) -> Verdict:
    """The custom property `visibility` of a product: organisation (where nothing is said) or granted."""
    old, new = (value or "organisation" for value in (before, after))
    if old == new:
        return neutral("Everybody here finds it where nothing is said.")
    if new == "granted":
        return both("Only those who may read it know of it from now on.", "consumers")
    return loosens("Everybody here finds what only readers knew of.")


def grade_clearance(before: Any, after: Any) -> Verdict:
    if before is None:
        return both("Reading needs a clearance that it did not need.", "consumers")
    if after is None:
        return loosens("Reading no longer needs a clearance.")
    return both("Reading needs another clearance.", "consumers")


def grade_role(
    before: dict[str, Any] | None, after: dict[str, Any] | None, field: tuple[str, ...], known: Sequence[dict[str, Any]]
) -> Verdict:
    """A difference at `field` of a role; `known` are the roles of the old contract."""
    if before is None or after is None:
        return _whole_role(before, after or {}, known)
    name = field[0] if field else ""
    if name == "access":
        return _grade_access(before.get("access"), after.get("access"))
    if name in _LEVELS:
        return _grade_approvers(_LEVELS[name], texts(before.get(name)), texts(after.get(name)))
    if name == "customProperties" and len(field) > 1 and field[1] in ("clearance", *_ROLE_PROPERTIES):
        return neutral(f"See `{field[1]}` itself.")
    return neutral("Wording: who may do what stays the same.")


def _whole_role(before: dict[str, Any] | None, after: dict[str, Any], known: Sequence[dict[str, Any]]) -> Verdict:
    if before is not None:
        return loosens("Whoever reads in this role loses access.")
    guarded = [role for role in known if texts(role.get("firstLevelApprovers"))]
    if known and len(guarded) == len(known) and not texts(after.get("firstLevelApprovers")):
        return loosens("A way in that nobody has to approve; every other role needs approval.")
    double = [role for role in known if texts(role.get("secondLevelApprovers"))]
    if known and len(double) == len(known) and not texts(after.get("secondLevelApprovers")):
        return loosens("A way in without the second approval that every other role needs.")
    return promises_more("One more way to get access.")


def _grade_access(before: Any, after: Any) -> Verdict:
    old, new = (rank(_access(value), _ACCESS) for value in (before, after))
    if old is None or new is None:
        return both("How far the two kinds of access reach is not known.")
    if old == new:
        return neutral("The same access by another name.")
    if new > old:
        return loosens("The role may do more with the data than before.")
    return verdict("tightens", "The role may do less with the data than before.", ("consumers",))


def _access(value: Any) -> str:
    word = str(value or "none").strip().lower()
    return _ACCESS_WORDS.get(word, word)


def _grade_approvers(level: str, before: set[str], after: set[str]) -> Verdict:
    lost, gained = before - after, after - before
    if not lost and not gained:
        return neutral("The same approvers.")
    if lost and not after:
        return loosens(f"Nobody has to give the {level} approval any more.")
    if len(after) < len(before):
        return loosens(f"{listed(lost)} no longer gives the {level} approval.")
    if lost:
        return neutral(f"Another person gives the {level} approval; as many have to as before.")
    if not before:
        return verdict("tightens", f"Access needs a {level} approval that it did not need.", ())
    return promises_more(f"{listed(gained)} gives the {level} approval too.")
