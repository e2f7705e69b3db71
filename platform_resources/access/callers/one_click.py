"""One click to be a demo persona: for browsers of who can read the personas' tokens anyway.

That is proved as Jupyter does: a key lies beside the tokens, in `$MESH_HOME/personas/sign-in.key`, readable by its
owner only, and `mesh serve` and `mesh up` print a link with it. The browser that opens the link gets a proof made of
the key. Where a request comes from proves nothing: every user of a machine calls from it, and so do its proxies.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from platform_resources.lake import MeshSettings

_LASTS = timedelta(hours=12)
_BYTES = 32


def key_file(settings: MeshSettings) -> Path:
    return settings.home / "personas" / "sign-in.key"


def kept_key(settings: MeshSettings) -> str:
    """The key; made, where there is none. Of several processes that make it one wins, and all return its key."""
    file = key_file(settings)
    if key := _key(settings):
        return key
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(secrets.token_urlsafe(_BYTES) + "\n")
    try:
        os.link(made, file)  # unlike a rename it replaces none that was made meanwhile
    except FileExistsError:
        if not _key(settings):  # empty, or cut off
            made.replace(file)
    finally:
        made.unlink(missing_ok=True)
    return _key(settings)


def is_key(settings: MeshSettings, shown: str) -> bool:
    key = _key(settings)
    return bool(key) and hmac.compare_digest(shown.encode(), key.encode())


def proof_of_key(settings: MeshSettings, now: datetime) -> str:
    """What a browser keeps that has shown the key; it holds for half a day, or until the key's file is removed."""
    until = str(int((now + _LASTS).timestamp()))
    return f"{until}.{_mac(kept_key(settings), until)}"


def is_proof(settings: MeshSettings, shown: str, now: datetime) -> bool:
    key = _key(settings)
    until, _, mac = shown.partition(".")
    if not key or not hmac.compare_digest(mac.encode(), _mac(key, until).encode()):
        return False
    return now.timestamp() < int(until)  # what is signed is a number


def _key(settings: MeshSettings) -> str:
    """Empty when there is none that can be trusted."""
    try:
        key = key_file(settings).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return key if len(key) >= _BYTES else ""


def _mac(key: str, until: str) -> str:
    return hmac.new(key.encode(), f"one-click {until}".encode(), hashlib.sha256).hexdigest()
