"""What differs between two documents, field by field, with entries of lists matched by what identifies them.

A column is the column of the same name wherever it stands in the file, a rule the rule of the same name, a server the
server of the same name; a list of texts is a set. What is in one document only and is an entry of such a list is one
difference; anything else is taken apart down to its single fields.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from platform_resources.contracts.changes.model import ChangeKind
from platform_resources.contracts.reading import KeyPath


class _Absent:
    """Not there, which is something else than `null`."""


ABSENT = _Absent()


@dataclass(frozen=True)
class Entry:
    """An entry of a list with identity, in both versions as far as they have it."""

    list: str  # "properties", "quality", "slaProperties" ...
    key: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True)
class Difference:
    keys: tuple[str, ...]
    kind: ChangeKind
    before: Any  # None when it is not there
    after: Any
    old: KeyPath  # place in the old document, or where it would be
    new: KeyPath
    entries: tuple[Entry, ...]  # that it lies in, from outside to inside; the last may be what was added or removed
    field: tuple[str, ...]  # path below the last entry; empty for the entry itself


Identity = Callable[[dict[str, Any]], Any]


def _by(*names: str) -> Identity:
    def identity(entry: dict[str, Any]) -> Any:
        values = tuple(hashable(entry.get(name)) for name in names)
        return None if values[0] is None else values

    return identity


CHECKED = ("type", "metric", "rule", "query", "engine", "implementation")  # what a rule looks at, beside its thresholds


def _check(rule: dict[str, Any]) -> Any:
    values = tuple(hashable(rule.get(name)) for name in CHECKED)
    return values if any(value is not None for value in values) else None


# Tried one after the other on what the ones before left over.
_IDENTITIES: dict[str, tuple[Identity, ...]] = {
    "schema": (_by("name"),),
    "properties": (_by("name"),),
    "quality": (_by("id"), _by("name"), _check),
    "slaProperties": (_by("property", "element"), _by("property")),
    "roles": (_by("role"),),
    "team": (_by("username"),),
    "members": (_by("username"),),
    "customProperties": (_by("property"),),
    "servers": (_by("server"),),
    "support": (_by("channel"),),
    "enum": (_by("value"),),
    "synonyms": (_by("synonym"), _by("id")),
    "verifiedStatements": (_by("id"), _by("question")),
    "constraints": (_by("id"), _by("constraint")),
    "relationships": (_by("id"), _by("to", "from", "type"), _by("to", "from")),
    "authoritativeDefinitions": (_by("id"), _by("type", "url"), _by("type")),
}
_ANY = tuple(_by(name) for name in ("id", "name", "property", "key", "role", "url", "value"))
_NAMES = ("name", "property", "role", "username", "server", "channel", "value", "synonym", "question", "constraint")
_ORDERED = frozenset({"mustBeBetween", "mustNotBeBetween", "from", "to"})  # lists that are one value
_WHOLE = frozenset({"mask", "rowFilter", "rowFilters"})  # custom properties whose parts mean nothing alone


def differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    """Every difference of two documents, in the order of the new one as far as it has the field."""
    yield from _Walk((), (), (), (), ()).values(before, after)


@dataclass(frozen=True)
class _Walk:
    """Where in both documents the comparison stands."""

    keys: tuple[str, ...]
    old: KeyPath
    new: KeyPath
    entries: tuple[Entry, ...]
    field: tuple[str, ...]

    def values(self, before: Any, after: Any) -> Iterator[Difference]:
        left, right = _opened(before, after), _opened(after, before)
        if isinstance(left, dict) and isinstance(right, dict):
            if self._is_whole() and not same(left, right):
                yield self._difference(before, after)
            elif not self._is_whole():
                yield from self._mappings(left, right)
        elif isinstance(left, list) and isinstance(right, list) and self.keys[-1] not in _ORDERED:
            yield from self._lists(left, right)
        elif not same(left, right):
            yield self._difference(before, after)

    def _is_whole(self) -> bool:
        inside = self.entries and self.entries[-1].list == "customProperties" and self.field == ("value",)
        return bool(inside) and self.entries[-1].key in _WHOLE

    def _difference(self, before: Any, after: Any) -> Difference:
        kind: ChangeKind = "added" if before is ABSENT else "removed" if after is ABSENT else "changed"
        old, new = (None if value is ABSENT else value for value in (before, after))
        return Difference(self.keys, kind, old, new, self.old, self.new, self.entries, self.field)

    def _mappings(self, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
        for name in (*after, *(name for name in before if name not in after)):
            inner = _Walk(
                (*self.keys, name), (*self.old, name), (*self.new, name), self.entries, (*self.field, name)
            )  # fmt: skip
            yield from inner.values(before.get(name, ABSENT), after.get(name, ABSENT))

    def _lists(self, before: list[Any], after: list[Any]) -> Iterator[Difference]:
        items = [*before, *after]
        if all(isinstance(item, dict) for item in items):
            yield from self._entries(before, after)
        elif not any(isinstance(item, dict | list) for item in items):
            yield from self._texts(before, after)
        elif not same(before, after):
            yield self._difference(before, after)

    def _texts(self, before: list[Any], after: list[Any]) -> Iterator[Difference]:
        """Lists of single values are sets."""
        for items, others, kind in ((after, before, "added"), (before, after, "removed")):
            told = set(map(hashable, others))
            for index, item in enumerate(items):
                if (mark := hashable(item)) in told:
                    continue
                told.add(mark)
                inner = _Walk(
                    (*self.keys, str(item)),
                    (*self.old, index) if kind == "removed" else self.old,
                    (*self.new, index) if kind == "added" else self.new,
                    self.entries,
                    (*self.field, str(item)),
                )
                yield inner._difference(*((ABSENT, item) if kind == "added" else (item, ABSENT)))

    def _entries(self, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[Difference]:
        pairs = _paired(self.keys[-1], before, after)
        for old, new in pairs:
            left = None if old is None else before[old]
            right = None if new is None else after[new]
            key = _key(right if right is not None else left or {}, new if new is not None else old)
            inner = _Walk(
                (*self.keys, key),
                self.old if old is None else (*self.old, old),
                self.new if new is None else (*self.new, new),
                (*self.entries, Entry(self.keys[-1], key, left, right)),
                (),
            )
            if left is not None and right is not None:
                yield from inner._mappings(left, right)
            else:
                yield inner._difference(ABSENT if left is None else left, ABSENT if right is None else right)
        if self.keys[-1] == "properties":
            yield from self._order([(b, a) for b, a in pairs if a is not None and b is not None], before, after)

    def _order(self, pairs: list[tuple[int, int]], before: list[Any], after: list[Any]) -> Iterator[Difference]:
        if [old for old, _ in pairs] != sorted(old for old, _ in pairs):
            names = [[_key(item, index) for index, item in enumerate(side)] for side in (before, after)]
            yield self._difference(*names)


def same(one: Any, other: Any) -> bool:
    """Equality of YAML values: 1 and 1.0 are one number, but true is no 1; lists keep their order."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def _opened(value: Any, other: Any) -> Any:
    """What is not there at all counts as empty, so that the fields of the other side are told one by one."""
    if value is not ABSENT or not other:
        return value
    return {} if isinstance(other, dict) else [] if isinstance(other, list) else value


def _paired(
    name: str, before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> list[tuple[int | None, int | None]]:
    """Indexes of entries that are one and the same: as in the new list, then those that only the old one has."""
    left: dict[int, int] = {}  # in after -> in before
    free = dict.fromkeys(range(len(before)))  # in their order, and quick to take one out
    for identity in (*_IDENTITIES.get(name, _ANY), hashable):
        known: dict[Any, deque[int]] = {}
        for index in free:
            if (key := identity(before[index])) is not None:
                known.setdefault(key, deque()).append(index)
        for index, entry in enumerate(after):
            key = None if index in left else identity(entry)
            if key is not None and known.get(key):
                left[index] = known[key].popleft()
                del free[left[index]]
    nameless = deque(index for index in free if _name_of(before[index]) is None)
    for index, entry in enumerate(after):
        if index not in left and nameless and _name_of(entry) is None and name != "relationships":
            left[index] = nameless.popleft()
            del free[left[index]]
    return [*((left.get(index), index) for index in range(len(after))), *((index, None) for index in free)]


def hashable(value: Any) -> Any:
    """A mark of a YAML value for sets: two are equal when the values are `same`."""
    if isinstance(value, dict):
        return "mapping", frozenset((key, hashable(item)) for key, item in value.items())
    if isinstance(value, list):
        return "list", tuple(map(hashable, value))
    return ("truth", value) if isinstance(value, bool) else value


def _name_of(entry: dict[str, Any]) -> str | None:
    found = next((entry[name] for name in _NAMES if entry.get(name) is not None), None)
    return None if found is None else str(found)


def _key(entry: dict[str, Any], index: int | None) -> str:
    """How an entry is called in a path."""
    link = entry.get("to") or (entry.get("type") if "url" in entry else None)
    name = _name_of(entry) or entry.get("id") or (", ".join(map(str, link)) if isinstance(link, list) else link)
    return f"[{index}]" if name is None else str(name)
