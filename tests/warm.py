"""Python modules run as processes that begin warm: forked from one that has imported what the commands need.

Each has its own memory, environment, folder, streams and exit code, and starts in 0.05 s: not in 0.8 s as `mesh status`
does, nor in 3 s as a `mesh run` with dbt models. The tour of the README (tests/mesh/test_docs.py) starts as users do.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.running import Result

# Not the commands themselves: what they print with looks at the streams and the environment when it is imported.
_IMPORTED = [
    "dbt.cli.main",
    "dbt.task.run",
    "dbt.adapters.duckdb",
    "platform_resources.access.inputs.dbt_plugin",
    "platform_resources.orchestration.runner",
    "platform_resources.orchestration.dbt_models",
    "tests.pipeline.building",
    "pandas",  # by DuckDB, for the first parameter of a process
    "pytest",  # by the modules whose functions are run
    "typer",
    "rich.table",
    "tests.frozen",
]
fork_server = multiprocessing.get_context("forkserver")
fork_server.set_forkserver_preload(_IMPORTED)


class WarmProcess:
    """`python -m <module> <arguments>` in a folder, with this environment and no other."""

    def __init__(self, module: str, *arguments: str, cwd: Path, env: Mapping[str, str]) -> None:
        self._told = tempfile.TemporaryDirectory(prefix="warm-")
        self._out, self._err = Path(self._told.name, "out"), Path(self._told.name, "err")
        streams = str(self._out), str(self._err)
        self._process = fork_server.Process(target=_run, args=(module, arguments, str(cwd), dict(env), streams))
        self._process.start()

    def terminate(self) -> None:
        self._process.terminate()

    def finish(self, seconds: float) -> Result:
        """Its exit code and what it printed, once it has ended. Kills it when it takes longer.

        Raises
        ------
        TimeoutError
            when it took longer.
        """
        self._process.join(seconds)
        late = self._process.exitcode is None
        if late:
            self._process.kill()
            self._process.join()
        code = self._process.exitcode
        self._process.close()
        with self._told:
            result = Result(code, self._out.read_text(encoding="utf-8"), self._err.read_text(encoding="utf-8"))
        if late:
            raise TimeoutError(f"not done in {seconds} s\n{result.out}{result.err}")
        return result


def _run(module: str, arguments: tuple[str, ...], cwd: str, env: dict[str, str], streams: tuple[str, str]) -> None:
    for stream, file in zip((sys.stdout, sys.stderr), streams, strict=True):
        with open(file, "wb") as told:  # noqa: PTH123
            os.dup2(told.fileno(), stream.fileno())
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[:0] = [cwd, *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = [module, *arguments]
    sys.modules.pop(module, None)  # it runs as `__main__`
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # multiprocessing ends its processes without
