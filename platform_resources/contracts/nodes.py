"""A value of a document together with its place, read tolerantly: what has the wrong type counts as not there.

The schema reports the wrong type; reading on lets every other finding of the file be reported in the same round.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, NamedTuple

from platform_resources.contracts.documents import Document
from platform_resources.contracts.findings import Finding
from platform_resources.contracts.model import Origin, Severity
from platform_resources.contracts.reading import KeyPath

_EMPTY: dict[str, Any] = {}  # one for all: most columns have no options and no properties
_NO_PROPERTIES: MappingProxyType[str, Any] = MappingProxyType({})


class Node(NamedTuple):  # 10,000 are made for 100 contracts: a frozen dataclass takes three times as long to make
    document: Document
    value: Any
    path: KeyPath = ()

    def __contains__(self, key: object) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def at(self, key: str) -> Node:
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return Node(self.document, value, (*self.path, key))

    def get(self, key: str) -> Any:
        return self.value.get(key) if isinstance(self.value, dict) else None

    def text(self, key: str) -> str | None:
        value = self.value.get(key) if isinstance(self.value, dict) else None  # as `get`: this is called most often
        return value if isinstance(value, str) else None

    def flag(self, key: str) -> bool:
        return self.get(key) is True

    def mapping(self, key: str) -> dict[str, Any]:
        value = self.get(key)
        return value if isinstance(value, dict) and value else _EMPTY

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.get(key)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()

    def items(self, key: str) -> Iterator[Node]:
        """The mappings in the list under `key`."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        if not isinstance(value, list):
            return iter(())
        document, path = self.document, (*self.path, key)
        return (Node(document, item, (*path, at)) for at, item in enumerate(value) if isinstance(item, dict))

    def custom(self) -> MappingProxyType[str, Any]:
        """`customProperties` as {property: value}."""
        listed = self.get("customProperties")
        if not listed:
            return _NO_PROPERTIES
        entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else ()
        named = ((entry.get("property"), entry.get("value")) for entry in entries)
        return MappingProxyType({name: value for name, value in named if isinstance(name, str)})

    @property
    def line(self) -> int:
        return self.document.line(self.path)

    @property
    def origin(self) -> Origin:
        return self.document.origin(self.path)

    def finding(self, code: str, message: str, remedy: str, severity: Severity = "error") -> Finding:
        origin = self.origin
        return Finding(origin.file, origin.line, origin.path, message, remedy, severity, code)
