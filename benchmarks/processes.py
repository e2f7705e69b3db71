"""Processes measured from outside: wall time, CPU time of them and their children, peak memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.memory import Limits, Watch

ROOT = Path(__file__).resolve().parents[1]
_LAUNCHER = Path(__file__).with_name("launcher.py")


class MeasuredProcessError(RuntimeError):
    """A measured process failed, so there is nothing to compare; the message is its own."""


class BeyondLimitsError(MeasuredProcessError):
    """A measured process needed more than it may have; the message says what."""


@dataclass(frozen=True)
class Measured:
    """What a process cost: seconds and MB. `output` is what it printed.

    The memory is that of its largest process, or, of a process with limits, of all its processes together.
    """

    wall: float
    cpu: float
    peak_mb: float
    output: str


def measure(module: str, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Measured:
    """Run `python -m module` to its end.

    Raises
    ------
    MeasuredProcessError
        when it ends with another code than 0.
    """
    return measure_command([sys.executable, "-m", module, *arguments], environment)


def measure_command(
    command: Sequence[str], environment: Mapping[str, str] | None = None, limits: Limits | None = None
) -> Measured:
    """Run a command to its end, in the folder of the project.

    Raises
    ------
    MeasuredProcessError
        when it ends with another code than 0.
    BeyondLimitsError
        when it was ended because it used more than the limits allow.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        report = Path(folder) / "report.json"
        launched = [sys.executable, "-I", "-S", str(_LAUNCHER), str(report), *command]
        process = subprocess.Popen(
            launched,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        watch = Watch(process.pid, limits) if limits else None
        with watch or nullcontext():
            _wait(process)
        if watch is not None and watch.why:
            raise BeyondLimitsError(watch.why)
        printed, complaints = _text(out), _text(err)
        if process.returncode:
            name = " ".join(command[command.index("-m") :]) if "-m" in command else command[0]
            message = f"python {name} ended with {process.returncode}\n{(printed + complaints).strip()[-3000:]}"
            raise MeasuredProcessError(message)
        told = json.loads(report.read_text(encoding="utf-8"))
    return Measured(told["wall"], told["cpu"], max(told["peak_mb"], watch.peak_mb if watch else 0.0), printed)


def _wait(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that leads a session; when the waiting is broken off, everything in it ends."""
    try:
        process.wait()
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
