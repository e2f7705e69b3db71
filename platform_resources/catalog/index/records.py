"""Entries as JSON and back: how the index keeps them, and how it tells all of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from platform_resources.catalog.index.entries import ColumnEntry, PortEntry, ProductEntry, RelationEntry, TermEntry


def as_json(entry: ProductEntry | TermEntry) -> str:
    """Canonical: equal entries give equal text."""
    return canonical(_plain(entry))


def canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def product_of(text: str) -> ProductEntry:
    record = json.loads(text)
    return _entry(ProductEntry, record, ports=tuple(map(_port, record["ports"])))


def term_of(text: str) -> TermEntry:
    record = json.loads(text)
    return _entry(TermEntry, record, relations=tuple(_entry(RelationEntry, item) for item in record["relations"]))


def _port(record: dict[str, Any]) -> PortEntry:
    return _entry(
        PortEntry,
        record,
        columns=tuple(_entry(ColumnEntry, item) for item in record["columns"]),
        data_as_of=_moment(record["data_as_of"]),
        published_at=_moment(record["published_at"]),
    )


def _entry(kind: Any, record: dict[str, Any], **read: Any) -> Any:
    values = {name: tuple(value) if type(value) is list else value for name, value in record.items()}
    return kind(**{**values, **read})


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return dict(value) if isinstance(value, Mapping) else value
