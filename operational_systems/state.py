"""What the replay remembers between calls, and who may run it.

`state.json` is replaced in one step. A batch is written down as *pending* before its first file lands and as done
after its last: a replay that is killed in between finishes the same interval, under the same file names, before it
goes on, so no event is lost and none lands twice.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from operational_systems.errors import ReplayError
from operational_systems.faults import Fault

_FORMAT = 1


@dataclass(frozen=True)
class State:
    """`last_extraction`: everything before it has landed (None before the history has). `pending_until`: the end of a
    batch whose files may have landed in part. Moments are UTC with zone.
    """

    first_start: datetime
    last_extraction: datetime | None = None
    batch: int = 0
    pending_until: datetime | None = None
    pending_fault: Fault | None = None

    def begin(self, until: datetime, fault: Fault | None) -> "State":
        """The state while a batch lands."""
        return replace(self, pending_until=until, pending_fault=fault)

    def finish(self) -> "State":
        """The state when the pending batch has landed."""
        done = self.pending_until
        return replace(self, last_extraction=done, batch=self.batch + 1, pending_until=None, pending_fault=None)


def write_atomically(path: Path, content: bytes) -> None:
    """Readers see the old content or the new, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    publish_file(temporary, path)


def publish_file(temporary: Path, path: Path) -> None:
    """Give a complete file its name, once its bytes are on the disk."""
    _flush(temporary)
    temporary.replace(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(path: Path) -> State | None:
    """None before the first start; ReplayError when the file is damaged."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        raw: dict[str, Any] = json.loads(text)
        if raw["format"] != _FORMAT:
            raise ValueError(f"format {raw['format']}, this program reads format {_FORMAT}")
        return State(
            first_start=datetime.fromisoformat(raw["first_start"]),
            last_extraction=_moment(raw["last_extraction"]),
            batch=int(raw["batch"]),
            pending_until=_moment(raw["pending_until"]),
            pending_fault=Fault.from_json(raw["pending_fault"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ReplayError(
            f"{path} is damaged ({error}). Put back a copy, or start afresh in an empty home (--home DIR)."
        ) from error


def save(path: Path, state: State) -> None:
    """Replace the state in one step."""
    raw = {"format": _FORMAT} | asdict(state)
    raw["pending_fault"] = state.pending_fault.to_json() if state.pending_fault else None
    write_atomically(path, json.dumps(raw, indent=2, default=datetime.isoformat).encode() + b"\n")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None


@contextmanager
def only_replay(folder: Path) -> Iterator[bool]:
    """Hold the home for this process. Gives False at once when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "replay.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield True


def holder(folder: Path) -> str:
    """The process that runs the replay of this home, for a message."""
    return (folder / "replay.lock").read_text(encoding="utf-8").strip() or "unknown"


@contextmanager
def batch_lock(folder: Path) -> Iterator[None]:
    """One batch or one repair at a time; waits for its turn."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "batch.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
