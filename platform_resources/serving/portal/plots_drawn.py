"""Figures -> SVG: drawn by a process of its own, which is started when it is needed and ended when it is idle."""

from __future__ import annotations

import atexit
import hashlib
import json
import re
import select
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

from platform_resources.serving.portal.plots import Figure

_WORKER = Path(__file__).with_name("plots_worker.py")
_KEPT = 500  # pictures, of 5-15 KB each
_PATIENCE = 5.0  # seconds for the plots of a page; the first ones wait 0.5 s for the process
_IDLE = 300.0  # seconds after which the process, of 130 MB, is ended

# The picture is told by its title, its description and the table beside it; vl-convert's own labels (one for each mark)
# would be read out one by one, in JavaScript's words.
_LABELS = re.compile(r' (?:aria-[a-z]+|role)="[^"]*"')
_OPENING = re.compile(r"^<svg [^>]*?viewBox=\"([0-9. ]+)\"[^>]*>")
_ELEMENTS = frozenset(("svg", "g", "path", "text", "line", "rect"))
_NEVER = frozenset(("style", "href", "{http://www.w3.org/1999/xlink}href"))


@dataclass(frozen=True)
class Drawn:
    """A figure with its picture; `svg` is None when it could not be drawn: the table tells it all the same."""

    figure: Figure
    svg: Markup | None


class Plotter:
    """Draws the figures of a page in one go. Safe between threads: one page is drawn at a time, others wait."""

    def __init__(self, patience: float = _PATIENCE, idle: float = _IDLE) -> None:
        self._patience, self._idle = patience, idle
        self._drawing = threading.Lock()
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Markup] = OrderedDict()
        self._process: subprocess.Popen[bytes] | None = None
        self._used = 0.0
        self._watch: threading.Timer | None = None
        atexit.register(self.close)

    def draw(self, figures: Sequence[Figure]) -> list[Drawn]:
        """The figures with their pictures, in their order. What was drawn before is not drawn again."""
        keys = [_digest(figure) for figure in figures]
        pictures = self._known(keys)
        missing = [(key, figure) for key, figure in zip(keys, figures, strict=True) if key not in pictures]
        if missing:
            drawn = self._drawn([figure.spec for _, figure in missing])
            for (key, figure), svg in zip(missing, drawn, strict=True):
                picture = None if svg is None else fitted(svg, figure)
                if picture is not None:
                    pictures[key] = picture
                    self._keep(key, picture)
        return [Drawn(figure, pictures.get(key)) for key, figure in zip(keys, figures, strict=True)]

    def close(self) -> None:
        """End the process, if there is one."""
        with self._drawing:
            self._end()

    @property
    def process_id(self) -> int | None:
        """Of the process that draws; None while there is none."""
        return None if self._process is None else self._process.pid

    def _known(self, keys: Sequence[str]) -> dict[str, Markup]:
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
        return found

    def _keep(self, key: str, picture: Markup) -> None:
        with self._lock:
            self._kept[key] = picture
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def _drawn(self, specs: Sequence[Mapping[str, Any]]) -> Sequence[str | None]:
        nothing = [None] * len(specs)
        if not self._drawing.acquire(timeout=self._patience):
            return nothing
        try:
            self._used = time.monotonic()
            line = self._asked(specs) or self._asked(specs)  # it may have ended since the last page
            return nothing if line is None else json.loads(line)
        finally:
            self._drawing.release()

    def _asked(self, specs: Sequence[Mapping[str, Any]]) -> bytes | None:
        """The answer of the process; None when it ended before it, or takes too long: then it is ended."""
        process = self._started()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(list(specs)).encode() + b"\n")
            process.stdin.flush()
            line = _line(process, self._patience)
        except OSError:
            line = None
        if line is None:
            self._end()
        return line

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
            )
            self._look_again(self._idle)
        return self._process

    def _look_again(self, seconds: float) -> None:
        self._watch = threading.Timer(seconds, self._end_when_idle)
        self._watch.daemon = True
        self._watch.start()

    def _end_when_idle(self) -> None:
        with self._drawing:
            left = self._used + self._idle - time.monotonic()
            if left <= 0:
                self._end()
            elif self._process is not None:
                self._look_again(left)

    def _end(self) -> None:
        process, self._process = self._process, None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # what was not written any more
                    continue


PLOTTER = Plotter()  # of this process


def fitted(svg: str, figure: Figure) -> Markup | None:
    """A picture as part of a page: as wide as its place, named and described. None when it holds more than a picture.

    Texts in it were escaped where they were drawn; no script, link, style or picture belongs into a plot.
    """
    plain = _LABELS.sub("", svg)
    opening = _OPENING.match(plain)
    if opening is None or not _is_plain(plain):
        return None
    ids = f"plot-{figure.name}"
    head = Markup(
        '<svg class="plot" role="img" viewBox="{box}" aria-labelledby="{ids}-title {ids}-says">'
        '<title id="{ids}-title">{title}</title><desc id="{ids}-says">{says}</desc>'
    ).format(box=opening[1], ids=ids, title=figure.title, says=figure.says)
    return head + Markup(plain[opening.end() :])


def _is_plain(svg: str) -> bool:
    """Whether a picture is nothing but shapes and texts."""
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError:
        return False
    return all(
        element.tag.rpartition("}")[2] in _ELEMENTS
        and not any(name in _NEVER or name.lower().startswith("on") for name in element.attrib)
        for element in root.iter()
    )


def _line(process: subprocess.Popen[bytes], patience: float) -> bytes | None:
    """One line of the process; None when it ends or takes too long."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], patience)
    line = process.stdout.readline() if ready else b""
    return line or None


def _digest(figure: Figure) -> str:
    told = json.dumps([figure.name, figure.title, figure.says, figure.spec], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()
