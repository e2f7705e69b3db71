"""`mesh` without a process of its own: the same entry, its streams and environment turned aside. 0.05 s, not 2 s."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from rich.console import Console

from tests.running import Result
from tests.tiny_mesh import environment

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # typer imports what its click calls deprecated
    from platform_resources.cli import main, output


@contextmanager
def _printing_to(console: Console, stream: io.StringIO) -> Iterator[None]:
    before, console.file = console.file, stream
    try:
        yield
    finally:
        console.file = before


@dataclass(frozen=True)
class QuickMesh:
    """A project, its state, and what else is in the environment."""

    project: Path
    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, **settings: str) -> Result:
        """Run `mesh <arguments>`, with more settings in the environment. A bug's traceback comes through."""
        out, err = io.StringIO(), io.StringIO()
        environ = {**environment(self.project, self.home), **self.settings, **settings}
        code = 0
        with (
            patch.dict(os.environ, environ, clear=True),
            patch.object(sys, "argv", ["mesh", *arguments]),
            _printing_to(output.console, out),
            _printing_to(output.errors, err),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
        return Result(code, out.getvalue(), err.getvalue())
