"""Folders below `$MESH_HOME` that are for the platform's own account alone."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path


def own_folder(folder: Path) -> None:
    """Make a folder, with its parents, that nobody else may look into (0700); one that is looser is mended.

    Not one that is made for all accounts (`/tmp`): what lies in it has to be closed itself.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = folder.stat().st_mode
    if mode & 0o077 and not mode & stat.S_ISVTX:
        with suppress(PermissionError):  # another account's: it answers for it
            folder.chmod(0o700)


def own_files(folder: Path) -> None:
    """Mend the files right in a folder that others may read or write (0600): a library that makes files asks nobody."""
    for file in folder.iterdir():
        with suppress(FileNotFoundError, PermissionError):  # removed meanwhile, or another account's
            if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
                file.chmod(0o600)
