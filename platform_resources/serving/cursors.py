"""Cursors: where a page ended, sealed. One goes on in its publication, for its reader, its query and nothing else."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from platform_resources.access.errors import BadQueryError

_SEAL = 16  # bytes of HMAC-SHA-256 that are kept
_LONGEST = 4096


@dataclass(frozen=True)
class Cursor:
    """`bound` is a digest of all that may not change from page to page; `position` is JSON-ready."""

    publication: int
    bound: str
    position: Any


def bound_to(*facts: object) -> str:
    """A digest of facts: identity, port, profile, columns, filters, order."""
    return hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()[:24]


def seal(key: str, cursor: Cursor) -> str:
    """A cursor as opaque text that fits into a URL."""
    body = json.dumps([cursor.publication, cursor.bound, cursor.position], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(key, body) + body).decode().rstrip("=")


def unseal(key: str, text: str) -> Cursor:
    """The cursor that `seal` wrote.

    Raises
    ------
    BadQueryError
        when it was not written by this mesh, or was altered.
    """
    refused = BadQueryError("the cursor is none of this mesh", "Take it from `next` as it is, or start without one.")
    if len(text) > _LONGEST or not text.isascii():
        raise refused
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise refused from None
    if base64.urlsafe_b64encode(sealed).decode().rstrip("=") != text:  # one text per cursor
        raise refused
    mac, body = sealed[:_SEAL], sealed[_SEAL:]
    if not hmac.compare_digest(mac, _mac(key, body)):
        raise refused
    return Cursor(*json.loads(body))


def _mac(key: str, body: bytes) -> bytes:
    return hmac.new(key.encode(), b"cursor\n" + body, hashlib.sha256).digest()[:_SEAL]
