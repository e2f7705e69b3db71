"""What a query is found to use: columns and how, gathered over the relations that it is built of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from platform_resources.lineage.model import DIRECT_SUBTYPES, EdgeType

TableName = tuple[str, str, str]  # (domain, schema, table)
Columns = dict[TableName, list[tuple[str, str]]]  # table -> [(column, type)]


@dataclass(frozen=True, order=True)
class Use:
    """A table's column, and how it is used."""

    table: TableName
    column: str
    type: EdgeType
    subtype: str


Uses = frozenset[Use]
NONE: Uses = frozenset()


class UnreadableQueryError(ValueError):
    """A text that can't be followed; the message says why."""


@dataclass(frozen=True)
class Relation:
    """Of what stands in a FROM, or a query gives: its columns in order, and what decides which rows it has.

    `open`: it may have more columns than are known, of files and UNNEST; what flows into those is `other`.
    """

    columns: Mapping[str, Uses] = field(default_factory=dict)
    rows: Uses = NONE
    other: Uses = NONE
    open: bool = False
    tables: frozenset[TableName] = frozenset()  # that it reads

    @property
    def whole(self) -> Uses:
        """What a row is made of."""
        return self.other.union(*self.columns.values())

    def column(self, name: str) -> Uses | None:
        """None when it has no such column."""
        return self.columns.get(name, self.other if self.open else None)

    def renamed(self, names: Sequence[str]) -> Relation:
        """With an alias's names for its first columns."""
        if not names or self.open:  # of what is open any name is known already
            return self
        kept = list(self.columns.items())
        named = [(name.lower(), uses) for name, (_, uses) in zip(names, kept, strict=False)]
        return replace(self, columns=by_name([*named, *kept[len(named) :]]))


def by_name(columns: Iterable[tuple[str, Uses]]) -> dict[str, Uses]:
    """Columns under the names that DuckDB gives them: the second `a` is `a_1`.

    A star over both may write `a` for either, so each of them has the uses of all.
    """
    groups: dict[str, list[str]] = {}
    found: dict[str, Uses] = {}
    for name, uses in columns:
        group, own, number = groups.setdefault(name, []), name, 0
        while own in found:
            number += 1
            own = f"{name}_{number}"
        group.append(own)
        found[own] = uses
    for group in groups.values():
        if len(group) > 1:
            found |= dict.fromkeys(group, union(found[own] for own in group))
    return found


def union(some: Iterable[Uses]) -> Uses:
    return NONE.union(*some)


def indirect(uses: Iterable[Uses], subtype: str) -> Uses:
    """The same, only deciding."""
    return frozenset(
        use if use.type == "INDIRECT" else Use(use.table, use.column, "INDIRECT", subtype)
        for some in uses
        for use in some
    )


def changed(uses: Uses, subtype: str) -> Uses:
    """The same, after a step that does `subtype` to the value."""
    return frozenset(
        use if use.type == "INDIRECT" else Use(use.table, use.column, "DIRECT", stronger(use.subtype, subtype))
        for use in uses
    )


def stronger(first: str, second: str) -> str:
    return max(first, second, key=DIRECT_SUBTYPES.index)
