"""Secrets of the mesh that never leave its home: the key of hashed masks, the key of the audit log."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from platform_resources.lake.names import check_name
from platform_resources.lake.settings import MeshSettings


def key_file(settings: MeshSettings, name: str) -> Path:
    return settings.home / "keys" / f"{check_name(name, 'key')}.key"


def secret_key(settings: MeshSettings, name: str) -> str:
    """The secret `name` of the mesh: 256 bits as hex, made on first use, readable by its owner only.

    Processes that ask at once get the same one. On several hosts `$MESH_HOME/keys` is one folder, shared.
    """
    file = key_file(settings, name)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = file.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_hex(32))
        with suppress(FileExistsError):
            os.link(temporary, file)  # the first one wins, whoever else makes one now
        temporary.unlink()
    return file.read_text()
