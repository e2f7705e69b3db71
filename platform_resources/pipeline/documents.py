"""The documents of every domain and of the council, kept in the process until a file changes."""

from __future__ import annotations

import ctypes
import gc
import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from platform_resources.contracts import Mesh, UsableDomain, load_mesh
from platform_resources.contracts.usable import load_usable_domain
from platform_resources.governance import Council, load_council
from platform_resources.lake import MeshSettings

COUNCIL_FOLDER = "governance"
_ENDINGS = (".yaml", ".yml", ".py")
_KEPT_DOMAINS = 256  # of all meshes of the process; beyond it a domain is read anew with every change of any other

_FEW = 500  # products: whoever asks looks at the files, in 0.3 ms for 6; 10,000 take 400 ms
_SHARE = 20  # of more, looks in the background take a 20th of the time: one is due when the last one's is over 20 times
_REST = 3  # times as long as a folder took, before the next one
_TRUST_SECONDS = 60.0  # and awaited when nobody asked for so long
_KEPT_LOOKS = 8  # projects in one process

# glibc keeps what is freed between things that stay; other C libraries have no such function, and no need of it.
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

_reading = threading.Lock()
_domains: OrderedDict[Path, tuple[str, UsableDomain]] = OrderedDict()  # folder -> what tells that it changed, and it


def read_mesh(settings: MeshSettings) -> tuple[Mesh, Council]:
    """The documents of every domain and of the council, as they stand in the working tree.

    Kept in the process until a file changes: a tick publishes several ports, each judged by all documents (60 ms). Then
    the domain of that file is read anew; 10,000 contracts take 40 s.
    """
    return _read(settings, _state_of)


def _read(settings: MeshSettings, state_of: Callable[[Path], str]) -> tuple[Mesh, Council]:
    council = settings.project / COUNCIL_FOLDER
    states = tuple((folder.name, state_of(folder)) for folder in _folders(settings.domains))
    with _reading:  # who comes while another reads waits for that
        return _read_mesh(settings.domains, council, states, state_of(council))


def recent_mesh(settings: MeshSettings, lasts: float = 0.0) -> tuple[Mesh, Council]:
    """The same for a process that is asked often: what it looked at in the last `lasts` seconds is not looked at again.

    Of a mesh that is not small a look is taken in the background: then this is how the files stood some seconds ago.
    """
    return _look(settings).recent(lasts)


def is_small(mesh: Mesh) -> bool:
    """Whether documents and what follows from them are looked at by whoever asks."""
    return sum(len(domain.products) for domain in mesh.domains) <= _FEW


@dataclass(frozen=True)
class _Looked:
    began: float  # of the monotonic clock
    seconds: float
    small: bool
    documents: tuple[Mesh, Council]


class _Look:
    """When the documents of a project were looked at, and how they stood. Safe between threads."""

    def __init__(self, settings: MeshSettings) -> None:
        self._settings = settings
        self._looking = threading.Lock()
        self._kept: _Looked | None = None

    def recent(self, lasts: float) -> tuple[Mesh, Council]:
        kept = self._kept
        if kept is None:
            return self._taken()
        age = time.monotonic() - kept.began
        if age > (lasts if kept.small else _TRUST_SECONDS):
            return self._taken()
        if not kept.small and age > _SHARE * kept.seconds and self._looking.acquire(blocking=False):
            threading.Thread(target=self._look_behind, name="documents", daemon=True).start()
        return kept.documents

    def _taken(self, *, behind: bool = False) -> tuple[Mesh, Council]:
        began, spent = time.monotonic(), time.thread_time()
        documents = _read(self._settings, _state_of_resting if behind else _state_of)
        small = is_small(documents[0])
        seconds = time.thread_time() - spent
        if self._kept is None or self._kept.documents is not documents:
            seconds = 0.0  # what it takes to read them is no look
            if not small:
                settle()
        self._kept = _Looked(began, seconds, small, documents)
        return documents

    def _look_behind(self) -> None:
        try:
            self._taken(behind=True)
        finally:
            self._looking.release()


def settle() -> None:
    """After much was read that stays: a big mesh costs what it holds, and no pauses.

    The collector of cycles is kept away from what there is: documents and judgements have none, and to walk those of
    10,000 products takes 1 s in the midst of an answer. What was needed meanwhile goes back to the system [60 MB].
    """
    gc.collect()
    gc.freeze()
    if _trim is not None:
        _trim(0)


@lru_cache(maxsize=_KEPT_LOOKS)
def _look(settings: MeshSettings) -> _Look:
    return _Look(settings)


@lru_cache(maxsize=2)
def _read_mesh(
    domains: Path, council: Path, states: tuple[tuple[str, str], ...], council_state: str
) -> tuple[Mesh, Council]:
    known = dict(states)
    mesh = load_mesh(domains, lambda folder: _domain(folder, known.get(folder.name, "")))
    return mesh, _council(council, council_state)


@lru_cache(maxsize=2)
def _council(folder: Path, _state: str) -> Council:
    return load_council(folder)


def _domain(folder: Path, state: str) -> UsableDomain:
    """A domain as it was read in this state of its files; a broken one raises every time."""
    kept = _domains.get(folder)
    if kept is None or kept[0] != state or not state:
        kept = _domains[folder] = state, load_usable_domain(folder)
    _domains.move_to_end(folder)
    while len(_domains) > _KEPT_DOMAINS:
        _domains.popitem(last=False)
    return kept[1]


def _folders(domains: Path) -> list[Path]:
    try:
        with os.scandir(domains) as entries:
            return [domains / entry.name for entry in sorted(entries, key=lambda entry: entry.name) if entry.is_dir()]
    except OSError:
        return []


def _state_of(folder: Path) -> str:
    """What tells that a document below `folder` changed: names, times and sizes of its files, as a digest.

    Hidden files are none; what vanishes meanwhile (an editor's) is left out.
    """
    digest = hashlib.blake2b(digest_size=16)
    for place, modified, size in _files(str(folder)):
        digest.update(f"{place}\0{modified}\0{size}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _state_of_resting(folder: Path) -> str:
    """The same in the background: most of the time is left to those who wait for an answer."""
    began = time.thread_time()
    state = _state_of(folder)
    time.sleep(_REST * (time.thread_time() - began))
    return state


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    """Path, time and size of every document below a folder, links followed; `stat` of an entry is a system call."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith((".", "__pycache__")):
            continue
        try:
            if entry.is_dir():
                yield from _files(entry.path)
            elif entry.name.endswith(_ENDINGS):
                state = entry.stat()
                yield entry.path, state.st_mtime_ns, state.st_size
        except OSError:
            continue
