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
    promises_more,
    rank,
    texts,
    tightens,
    verdict,
)

_MASKS = ("none", "partial", "hash", "redact", "null")  # in rising strength: what is left of the value
_ACCESS = ("none", "read", "write", "admin")
_ACCESS_WORDS = {"readwrite": "write", "read/write": "write", "read-write": "write", "rw": "write", "all": "admin"}
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
    """The custom property `mask` of a column: {strategy, clearance, format}."""
    if same(before, after):
        return neutral("The same mask.")
    old, new = _mask(before), _mask(after)
    levels = tuple(rank(side.get("strategy"), _MASKS) for side in (old, new))
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
    return both("The mask leaves another part of the value, or another form of it.", "consumers")


def _mask(value: Any) -> dict[str, Any]:
    """As `access` reads it: a bare text is the strategy, no mask hides nothing."""
    if value is None:
        return {"strategy": "none"}
    return value if isinstance(value, dict) else {"strategy": str(value)}


def grade_row_filter(before: Any, after: Any) -> Verdict:
    if before is None:
        return both("Some readers no longer see every row.", "consumers")
    if after is None:
        return loosens("Rows that were hidden from some readers are shown to all.")
    return both("Other rows are shown than before.", "consumers")


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
    if name == "customProperties" and len(field) > 1 and field[1] == "clearance":
        return neutral("See the clearance itself.")
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
