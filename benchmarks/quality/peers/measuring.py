"""A tool installed, tried on broken data, and measured on good data; what fails is told as a result."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.memory import Limits, memory_of_machine
from benchmarks.processes import BeyondLimitsError, Measured, MeasuredProcessError, measure_command
from benchmarks.quality.environments import InstallError, environment
from benchmarks.quality.peers.broken import SHAPE
from benchmarks.quality.peers.rules import Task, write_task
from benchmarks.quality.peers.tools import QUIET, Tool

_ENOUGH = 40.0  # seconds of measuring: what takes longer is measured fewer times
_SHARE = 0.8  # of the machine's memory that a tool may use
_BLOCK = 1 << 24  # bytes
_SECONDS = 300.0  # that one run may take


@dataclass(frozen=True)
class ToolFigures:
    """What a tool cost: seconds and MB, medians of `runs`. `why` tells in words why there are none.

    `checks` are the rules whose breach it noticed in broken data; `misjudged` those that it finds broken in good data.
    """

    name: str
    title: str
    versions: tuple[str, ...]
    checks: tuple[str, ...] = ()
    misjudged: tuple[str, ...] = ()
    runs: int = 0
    seconds: float | None = None
    peak_mb: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Prepared:
    """A tool that is installed, with the rules that it was seen to check; or why it can't be used."""

    tool: Tool
    python: Path
    checks: tuple[str, ...] = ()
    why: str = ""
    details: str = field(default="", compare=False)  # for the terminal: may name folders

    def figures(self, **more: object) -> ToolFigures:
        known = {"checks": self.checks, "why": self.why} | more
        return ToolFigures(self.tool.name, self.tool.title, self.tool.requirements, **known)  # type: ignore[arg-type]


class Bench:
    """Where tools are installed and run; `folder` keeps environments and their files."""

    def __init__(self, folder: Path, task: Task) -> None:
        self._folder, self._task = folder / "peers", task
        self._folder.mkdir(parents=True, exist_ok=True)
        self._limits = Limits(_SHARE * memory_of_machine(), _SECONDS)
        write_task(task, self._folder / "task.json")

    def prepare(self, tool: Tool, broken: dict[str, Path]) -> Prepared:
        """Install a tool and let it judge data in which every rule is broken.

        `broken` is what `make_broken` made.
        """
        try:
            python = environment(self._folder, tool.name, tool.requirements) / "python"
        except InstallError as error:
            return Prepared(tool, Path(), why="can't be installed", details=str(error))
        try:
            values = self._run(tool, python, broken["values"])[1]
            shape = self._run(tool, python, broken["shape"])[1]
        except MeasuredProcessError as error:
            return Prepared(tool, python, why="can't be run", details=str(error))
        kinds = {rule.name: rule.kind for rule in self._task.rules}
        checks = [name for name, kind in kinds.items() if name in (shape if kind in SHAPE else values)]
        return Prepared(tool, python, tuple(checks))

    def measure(self, prepared: Prepared, data: Path, runs: int) -> tuple[ToolFigures, str]:
        """Its figures on good data, and what to tell on the terminal when it fails."""
        if prepared.why:
            return prepared.figures(), prepared.details
        found: list[Measured] = []
        misjudged: set[str] = set()
        try:
            while len(found) < runs and sum(one.wall for one in found) < _ENOUGH:
                _read(data)
                measured, failed = self._run(prepared.tool, prepared.python, data)
                found.append(measured)
                misjudged |= failed
        except BeyondLimitsError as error:
            return prepared.figures(why=str(error)), ""
        except MeasuredProcessError as error:
            return prepared.figures(why="ends with an error"), str(error)
        figures = prepared.figures(
            checks=tuple(name for name in prepared.checks if name not in misjudged),
            misjudged=tuple(sorted(misjudged)),
            runs=len(found),
            seconds=median(one.wall for one in found),
            peak_mb=median(one.peak_mb for one in found),
        )
        return figures, ""

    def _run(self, tool: Tool, python: Path, data: Path) -> tuple[Measured, set[str]]:
        """One run, and the rules that it found broken."""
        work = self._folder / "work" / tool.name
        work.mkdir(parents=True, exist_ok=True)
        if tool.write is not None:
            tool.write(self._task, data, work)
        given = [str(self._folder / "task.json"), str(data), str(work)]
        measured = measure_command([str(python), "-m", tool.module, *given], QUIET, self._limits)
        told = json.loads(measured.output.strip().splitlines()[-1])
        return measured, set(told["failed"])


def _read(data: Path) -> None:
    """Read all files once, so that no tool pays for the disk because another one before it took all the memory."""
    for path in data.rglob("*.parquet"):
        with path.open("rb", buffering=0) as file:
            while file.read(_BLOCK):
                pass
