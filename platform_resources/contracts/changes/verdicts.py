"""How verdicts are made, and the comparisons that several kinds of fields share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from platform_resources.contracts.changes.differences import same
from platform_resources.contracts.changes.model import Affected, Effect, Verdict

_BREAKS: dict[Effect, tuple[Affected, ...]] = {
    "tightens": ("producers",),
    "loosens": ("consumers",),
    "both": ("consumers", "producers"),
    "neutral": (),
}


def verdict(effect: Effect, reason: str, breaks: tuple[Affected, ...] | None = None) -> Verdict:
    """A verdict that breaks whom its effect says, unless it is known better."""
    return Verdict(effect, _BREAKS[effect] if breaks is None else breaks, reason)


def tightens(reason: str, *breaks: Affected) -> Verdict:
    return verdict("tightens", reason, breaks or None)


def promises_more(reason: str) -> Verdict:
    """More is promised, and the producer can't fail it by the data as it is."""
    return verdict("tightens", reason, ())


def loosens(reason: str) -> Verdict:
    return verdict("loosens", reason)


def promises_less(reason: str) -> Verdict:
    """Less is promised, but nothing that data or code can rely on."""
    return verdict("loosens", reason, ())


def both(reason: str, *breaks: Affected) -> Verdict:
    return verdict("both", reason, breaks or None)


def neutral(reason: str) -> Verdict:
    return verdict("neutral", reason)


def presence(before: Any, after: Any, gained: str, lost: str, changed: str) -> Verdict:
    """A promise that is there or not: new ones tighten, dropped ones loosen, another one does both."""
    if before is None or same(before, after):
        return tightens(gained) if after is not None else neutral("Nothing is said either way.")
    return loosens(lost) if after is None else both(changed)


def flag(before: Any, after: Any, gained: str, lost: str) -> Verdict:
    """A promise that is off when it is absent."""
    if bool(before) == bool(after):
        return neutral("It is off where it is not said, so this says the same.")
    return tightens(gained) if after else loosens(lost)


def rank(value: Any, order: Sequence[str]) -> int | None:
    return order.index(value) if value in order else None


def number(value: Any) -> float | None:
    """A number of a document; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def texts(value: Any) -> set[str]:
    """The entries of a list, or of a text with commas."""
    parts = value if isinstance(value, list) else [] if value is None else str(value).split(",")
    return {str(part).strip() for part in parts} - {""}


def listed(names: Sequence[str] | set[str]) -> str:
    """`a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in sorted(names)]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)
