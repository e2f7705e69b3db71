"""A proposed rule of whom the platform doesn't know, run in a process that is ended when its time is up.

A rule can ask for any amount of work, and a thread can't be stopped. The process gets what it judges through a pipe and
inherits no lock and no open file; it is killed at its deadline, and ends by itself should the server die before.
"""

from __future__ import annotations

import contextlib
import copyreg
import io
import pickle
import resource
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from platform_resources.contracts import ContractError, Mesh
from platform_resources.governance import Council, load_rule
from platform_resources.self_service.history import History
from platform_resources.self_service.whatif import WhatIf, what_if

_COMMAND = (sys.executable, "-I", "-m", "platform_resources.self_service.trials")
_NO_MEMORY = 3  # exit code
_MEMORY = 4 << 30  # bytes of address space; 10,000 products need 1 GB


class TrialEndedError(Exception):
    """A trial that took too long, needed too much memory, or was ended because the server ends."""


@dataclass(frozen=True)
class Trial:
    """A rule file's text, and what it is tried on."""

    rule: str
    mesh: Mesh
    council: Council
    history: History
    now: datetime

    def judge(self, file: Path) -> WhatIf:
        """Read and run the rule, here; its text lies in `file`. Raises ContractError when there is no such rule."""
        return what_if(load_rule(file, self.council), self.mesh, self.council, self.history, self.now)


class Trials:
    """Runs trials, each in a process of its own. Safe between threads."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.RLock()  # `end` is called by a signal's handler too

    def run(self, trial: Trial, seconds: float) -> WhatIf:
        """What the rule would do.

        Raises
        ------
        ContractError
            when the text is no rule.
        TrialEndedError
            when the process was ended.
        """
        with tempfile.TemporaryDirectory(prefix="mesh-what-if-") as folder:  # nothing lies beside the file
            file = Path(folder) / "proposed.yaml"
            file.write_text(trial.rule, encoding="utf-8", errors="surrogatepass")
            answer = self._answer(_pickled((seconds, file, trial)), seconds)
        found = pickle.loads(answer)  # from our own process, which runs nothing but the platform
        if isinstance(found, WhatIf):
            return found
        raise ContractError(found)

    def _answer(self, told: bytes, seconds: float) -> bytes:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(_COMMAND, env={}, **pipes) as process:
            with self._lock:
                self._running.add(process)
            try:
                answer, wrong = process.communicate(told, seconds)
            except subprocess.TimeoutExpired:
                raise TrialEndedError from None
            finally:
                process.kill()
                with self._lock:
                    self._running.discard(process)
        if process.returncode < 0 or process.returncode == _NO_MEMORY:
            raise TrialEndedError
        if process.returncode:
            raise RuntimeError(f"the process of a trial failed:\n{wrong.decode(errors='replace')}")
        return answer

    def end(self) -> None:
        """End what runs now; who waits for it is told so."""
        with self._lock:
            for process in self._running:
                process.kill()


def _pickled(value: object) -> bytes:
    """Custom properties are read-only mappings, which pickle can't write by itself."""
    written = io.BytesIO()
    pickler = pickle.Pickler(written, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = {**copyreg.dispatch_table, MappingProxyType: lambda mapping: (_frozen, (dict(mapping),))}
    pickler.dump(value)
    return written.getvalue()


def _frozen(mapping: dict[str, Any]) -> MappingProxyType[str, Any]:
    return MappingProxyType(mapping)


def _main() -> None:
    seconds, file, trial = pickle.load(sys.stdin.buffer)
    allowed = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed))
    with contextlib.suppress(ValueError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    found: object
    try:
        found = trial.judge(file)
    except ContractError as refused:
        found = refused.findings
    except MemoryError:
        sys.exit(_NO_MEMORY)
    sys.stdout.buffer.write(_pickled(found))


if __name__ == "__main__":
    from platform_resources.self_service import trials  # else what is unpickled is of another module

    trials._main()
