"""`mesh` as a process of its own, on the tiny mesh."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from tests.running import Result
from tests.tiny_mesh import environment, land, write_project


@dataclass(frozen=True)
class Mesh:
    """A project and its state."""

    project: Path
    home: Path
    patience: ClassVar[int] = 120  # seconds for one command

    def __call__(self, *arguments: str) -> Result:
        """Run `mesh <arguments>`. Whatever it says, it is never a traceback."""
        done = subprocess.run(
            [sys.executable, "-m", "platform_resources.cli", *arguments],
            cwd=self.project,
            env=environment(self.project, self.home),
            capture_output=True,
            text=True,
            timeout=self.patience,
            check=False,
        )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr + done.stdout
        return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    """The tiny mesh, built once: for tests that only read."""
    folder = tmp_path_factory.mktemp("tiny")
    mesh = Mesh(write_project(folder / "project"), folder / "home")
    land(mesh.home)
    done = mesh("run", "--json")
    assert done.code == 0, done.out + done.err
    return mesh


@pytest.fixture
def mesh(built: Mesh, tmp_path: Path) -> Mesh:
    """A copy of the built mesh, for tests that change it."""
    copy = Mesh(tmp_path / "project", tmp_path / "home")
    shutil.copytree(built.project, copy.project)
    shutil.copytree(built.home, copy.home)
    return copy


@pytest.fixture
def empty(tmp_path: Path) -> Mesh:
    """The tiny mesh before anything landed."""
    return Mesh(write_project(tmp_path / "project"), tmp_path / "home")
