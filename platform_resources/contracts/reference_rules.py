"""A rule that holds rows against a reference: how accurate are they? Pure.

ODCS knows no metric for it, and allows an engine of one's own: `type: custom`, `engine: mesh`, and in `implementation`
what is compared. The operator stands there too, because ODCS 3.1 allows none beside a custom rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

ENGINE = "mesh"
METRIC = "differingValues"
AGGREGATES = ("sum", "min", "max", "count")

_AGGREGATE = re.compile(rf"({'|'.join(AGGREGATES)})\(\s*(\*|[^()]+?)\s*\)")
_KNOWN = ("metric", "reference", "key", "compare", "upTo", "tolerance", "unmatched")


class ReferenceRuleError(ValueError):
    """What is wrong with an `implementation`: the field, what it is, and what to write."""

    def __init__(self, field: str, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.field, self.message, self.remedy = field, message, remedy


@dataclass(frozen=True)
class Counterpart:
    """A column, and what it must agree with: a column of the reference, or an aggregate of the rows with one key."""

    column: str
    other: str  # column of the reference; "*" for count(*)
    aggregate: Literal["sum", "min", "max", "count"] | None = None

    def __str__(self) -> str:
        return self.other if self.aggregate is None else f"{self.aggregate}({self.other})"


@dataclass(frozen=True)
class ReferenceRule:
    """What is compared with what. `key` and `up_to` are pairs (own column, column of the reference).

    Numbers agree when they differ by no more than `absolute`, or than the share `relative` of the reference's value.
    `up_to`: rows of the reference beyond the greatest own value are not known here yet, and are left out.
    """

    reference: str  # "sales.bookings.v1", or a table of the domain
    key: tuple[tuple[str, str], ...]
    compare: tuple[Counterpart, ...]
    up_to: tuple[str, str] | None = None
    absolute: float = 0.0
    relative: float = 0.0
    unmatched_differ: bool = False  # rows whose key the reference doesn't have; else they are told, and not compared

    @property
    def columns(self) -> tuple[str, ...]:
        """Own columns, each once: those that are compared first."""
        also = [own for own, _ in (*self.key, *((self.up_to,) if self.up_to else ()))]
        return tuple(dict.fromkeys([*(each.column for each in self.compare), *also]))

    @property
    def reference_columns(self) -> tuple[str, ...]:
        """Columns of the reference, each once."""
        also = [other for _, other in (*self.key, *((self.up_to,) if self.up_to else ()))]
        return tuple(dict.fromkeys(name for name in [*also, *(each.other for each in self.compare)] if name != "*"))


def is_reference_rule(engine: object, implementation: object) -> bool:
    """Whether a custom rule is for this engine."""
    return engine == ENGINE and isinstance(implementation, Mapping)


def reference_rule_of(implementation: Mapping[str, Any]) -> ReferenceRule:
    """The comparison that an `implementation` describes; its operator is read by `contract_view`.

    Raises
    ------
    ReferenceRuleError
        when it can't be run as it is written.
    """
    _check_words(implementation)
    reference = implementation.get("reference")
    if not isinstance(reference, str) or not reference.strip():
        raise ReferenceRuleError("reference", "It names no `reference`.", "Write an input port: sales.bookings.v1.")
    absolute, relative = _tolerance(implementation.get("tolerance"))
    return ReferenceRule(
        reference.strip(),
        tuple(_pairs("key", implementation.get("key"))),
        tuple(_counterparts(implementation.get("compare"))),
        _up_to(implementation.get("upTo")),
        absolute,
        relative,
        implementation.get("unmatched") == "differ",
    )


def _check_words(implementation: Mapping[str, Any]) -> None:
    metric = implementation.get("metric")
    if metric != METRIC:
        raise ReferenceRuleError("metric", f"The engine mesh has no metric {metric!r}.", f"Write metric: {METRIC}.")
    unknown = [str(name) for name in implementation if name not in _KNOWN and not str(name).startswith("must")]
    if unknown:
        raise ReferenceRuleError(unknown[0], f"`{unknown[0]}` means nothing here.", f"Known are {', '.join(_KNOWN)}.")
    if implementation.get("unmatched") not in (None, "tell", "differ"):
        raise ReferenceRuleError("unmatched", "`unmatched` says neither of its two words.", "Write tell or differ.")


def _pairs(field: str, value: Any) -> Iterator[tuple[str, str]]:
    """(own column, column of the reference), of a list of common names or a mapping from one to the other."""
    pairs = value.items() if isinstance(value, Mapping) else [(each, each) for each in _listed(value)]
    texts = [(own, other) for own, other in pairs if _is_name(own) and _is_name(other)]
    if not texts or len(texts) < len(pairs):
        remedy = "Write [column, ...], or {column: column of the reference, ...} where the names differ."
        raise ReferenceRuleError(field, f"`{field}` names no columns.", remedy)
    yield from texts


def _counterparts(value: Any) -> Iterator[Counterpart]:
    for own, other in _pairs("compare", value):
        made = _AGGREGATE.fullmatch(other.strip())
        if made is None:
            yield Counterpart(own, other)
            continue
        aggregate, column = made.groups()
        if column == "*" and aggregate != "count":
            raise ReferenceRuleError("compare", f"{other} adds up nothing.", "Name the column; only count takes *.")
        yield Counterpart(own, column, aggregate)


def _up_to(value: Any) -> tuple[str, str] | None:
    if value is None:
        return None
    pairs = list(_pairs("upTo", [value] if isinstance(value, str) else value))
    if len(pairs) != 1:
        raise ReferenceRuleError("upTo", "`upTo` names several columns.", "Name the one that tells what is known here.")
    return pairs[0]


def _tolerance(value: Any) -> tuple[float, float]:
    if value is None:
        return 0.0, 0.0
    given = value if isinstance(value, Mapping) else {"": None}
    for name, limit in given.items():
        number = isinstance(limit, int | float) and not isinstance(limit, bool) and 0 <= limit < float("inf")
        if name not in ("absolute", "relative") or not number:
            remedy = "Write {absolute: 0.01}, or {relative: 0.001} for a thousandth of the reference's value."
            raise ReferenceRuleError("tolerance", f"`tolerance` is {value!r}.", remedy)
    return given.get("absolute", 0.0), given.get("relative", 0.0)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
