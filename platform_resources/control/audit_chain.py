"""What an entry of the audit log is made of, and the digest that ties it to the one before. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

GAP = "gap"  # the log's own entry: what stood before it is gone; `through` is the last number that was lost
GAP_ACCEPTED = "gap-accepted"

_LONGEST_KIND = 40
_LONGEST_NAME = 200
_LONGEST_TEXT = 10_000  # of one value in a record; a query can be long
_TOKEN = re.compile(r"\b(mesh_[0-9a-f]{10})_[A-Za-z0-9_-]+")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Head:
    """The last entry of a log; of an empty log number 0."""

    sequence: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Fact:
    """An entry before it has a place in the log: cut to what fits, secrets taken out, the record as canonical JSON."""

    kind: str
    actor: str
    port: str | None
    record: str

    @classmethod
    def of(cls, kind: str, actor: str, port: str | None, record: Mapping[str, Any]) -> Fact:
        text = json.dumps(_plain(record), sort_keys=True, default=str)
        return cls(
            without_secrets(kind)[:_LONGEST_KIND],
            without_secrets(actor)[:_LONGEST_NAME],
            None if port is None else without_secrets(port)[:_LONGEST_NAME],
            without_secrets(text),  # once more: `default` may have written one
        )


def without_secrets(text: str) -> str:
    """`text` with every token of the mesh cut to its public part, and every JWT taken out."""
    return _JWT.sub("[jwt]", _TOKEN.sub(r"\1", text)).replace("\0", "")


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return without_secrets(value)[:_LONGEST_TEXT]
    if isinstance(value, Mapping):
        return {without_secrets(str(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, frozenset | set):
        return sorted((_plain(inner) for inner in value), key=str)
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value


def digest_of(key: bytes, sequence: int, at: datetime, fact: Fact, previous: str) -> str:
    """The keyed digest (HMAC-SHA256, hex) of an entry: of every column, and of the digest before."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    body = json.dumps([previous, sequence, moment, fact.kind, fact.actor, fact.port, fact.record])
    return hmac.digest(key, body.encode(), hashlib.sha256).hex()
