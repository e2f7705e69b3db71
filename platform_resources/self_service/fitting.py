"""Changes to a document, kept as a list: what stood there, what stands there now and why. The bytes follow from it."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from platform_resources.contracts import Document
from platform_resources.contracts.documents import path_text
from platform_resources.contracts.reading import KeyPath
from platform_resources.self_service.new_names import as_identifier

# Where a new key of the root goes: after the nearest of these that is there.
_ROOT_ORDER = (
    "apiVersion", "kind", "id", "name", "version", "status", "domain", "dataProduct", "tenant", "tags", "description",
    "inputPorts", "outputPorts", "servers", "team", "support", "roles", "schema", "slaProperties", "customProperties",
)  # fmt: skip


class Gone(Enum):
    """What a field holds after it was taken out."""

    GONE = "gone"


GONE = Gone.GONE


@dataclass(frozen=True)
class Change:
    """One field of a document that an import changes. `before` is None for a field that was not there."""

    at: KeyPath
    before: Any
    after: Any
    why: str

    @property
    def path(self) -> str:
        return path_text(self.at)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        gone = self.after is GONE
        return {"path": self.path, "before": self.before, "after": None if gone else self.after, "why": self.why}


@dataclass
class Fitting:
    """A copy of a document's data that is being fitted, with the changes so far."""

    data: dict[str, Any]
    changes: list[Change] = field(default_factory=list)

    @classmethod
    def of(cls, document: Document) -> Fitting:
        return cls(copy.deepcopy(dict(document.data)))

    def get(self, *at: str | int) -> Any:
        """The value at a place, None where there is none."""
        value: Any = self.data
        for part in at:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def entries(self, *at: str | int) -> Iterable[tuple[KeyPath, dict[str, Any]]]:
        """The mappings of the list at a place, each with its own place."""
        value = self.get(*at)
        for index, entry in enumerate(value if isinstance(value, list) else ()):
            if isinstance(entry, dict):
                yield (*at, index), entry

    def put(self, at: KeyPath, after: Any, why: str) -> None:
        """Set a field (or append to a list, at its length); nothing when it says so already."""
        before = self.get(*at)
        if before == after and type(before) is type(after):
            return
        self.changes.append(Change(at, before, after, why))
        _apply(self.data, at, copy.deepcopy(after))

    def append(self, at: KeyPath, entry: Any, why: str) -> None:
        """Add an entry to the list at a place, which is made when it isn't there."""
        held = self.get(*at)
        if isinstance(held, list):
            self.put((*at, len(held)), entry, why)
        else:
            self.put(at, [entry], why)

    def drop(self, at: KeyPath, why: str) -> None:
        self.changes.append(Change(at, self.get(*at), GONE, why))
        _apply(self.data, at, GONE)

    def made(self, document: Document, path: Path) -> Document:
        """The document with the changes in it, to be saved as `path`; untouched, it keeps every byte.

        Raises
        ------
        ContractError
            when a change can't be written without loss.
        """
        if not self.changes:
            return Document(path, document.raw, document.data, document.lines)

        def change(tree: Any) -> None:
            for item in self.changes:
                _apply(tree, item.at, copy.deepcopy(item.after))

        changed = document.edit(change)
        return Document(path, changed.raw, changed.data, changed.lines)


def _apply(tree: Any, at: KeyPath, after: Any) -> None:
    holder = tree
    for part in at[:-1]:
        holder = holder[part]
    key = at[-1]
    if after is GONE:
        del holder[key]
    elif isinstance(holder, list) and key == len(holder):
        holder.append(after)
    elif len(at) == 1 and key not in holder and hasattr(holder, "insert"):
        holder.insert(_place(list(holder), str(key)), key, after)
    else:
        holder[key] = after


def _place(keys: list[str], new: str) -> int:
    """Where a new key of the root belongs, by the order in which people write these documents."""
    if new not in _ROOT_ORDER:
        return len(keys)
    earlier = set(_ROOT_ORDER[: _ROOT_ORDER.index(new)])
    return max((index + 1 for index, key in enumerate(keys) if key in earlier), default=len(keys))


def new_document(path: Path, data: dict[str, Any], comment: str) -> Document:
    """A document of our own making, with a comment at its top; `data` begins with `apiVersion` and `kind`."""
    head = f"# {comment}\napiVersion: {data['apiVersion']}\nkind: {data['kind']}\n"

    def fill(tree: Any) -> None:
        del tree["lists"]
        tree.update(data)

    return Document.parse(f"{head}lists:\n  - as: people write them\n".encode(), path).edit(fill)


def as_name(text: str, reserved: Collection[str] = ()) -> str:
    """`text` as a name that a product, table or column can bear, and none of `reserved`; `unnamed` for no letters.

    >>> as_name("Customer Orders (EU)"), as_name("orderLines"), as_name("CUSTOMER_ID"), as_name("…")
    ('customer_orders_eu', 'order_lines', 'customer_id', 'unnamed')
    """
    name = as_identifier(text) or "unnamed"
    return f"{name}_data" if name in reserved else name
