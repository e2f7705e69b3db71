"""Processes measured from outside: wall time, CPU time of them and their children, peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class MeasuredProcessError(RuntimeError):
    """A measured process failed, so there is nothing to compare; the message is its own."""


@dataclass(frozen=True)
class Measured:
    """What a process cost: seconds and MB (of its largest process). `output` is what it printed."""

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
    command = [sys.executable, "-m", module, *arguments]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **(environment or {})}, stdout=out, stderr=err, text=True
        )
        try:
            # Not process.wait(): only wait4 tells what this one child used, and the children that it waited for.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        printed, complaints = out.read(), err.read()
    if process.returncode:
        raise MeasuredProcessError(
            f"python -m {module} ended with {process.returncode}\n{(printed + complaints).strip()[-3000:]}"
        )
    unit = 1_000_000 if sys.platform == "darwin" else 1_000  # ru_maxrss is in bytes there, in kB here
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit, printed)
