"""Meshes that many tests begin with: made once for a process, then copied, as a mesh may be moved to another folder."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from collections.abc import Callable, Hashable
from pathlib import Path

_OLDEST = 240  # seconds; data grows old while tests run, and the shortest promise of freshness is 15 minutes
_made: dict[Hashable, tuple[Path, float]] = {}


def copy_of(what: Hashable, make: Callable[[Path], None], folder: Path) -> None:
    """Fill a folder with what `make` makes: 0.02 s instead of its 0.5-5 s, after the first time."""
    kept, at = _made.get(what, (None, 0.0))
    if kept is None or time.monotonic() - at > _OLDEST:
        kept = Path(tempfile.mkdtemp(prefix="made-once-"))
        atexit.register(shutil.rmtree, kept, ignore_errors=True)
        make(kept)
        _made[what] = kept, time.monotonic()
    shutil.copytree(kept, folder, dirs_exist_ok=True)
