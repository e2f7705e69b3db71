"""`mesh` as a process of its own, on the tiny mesh."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from tests.made_once import copy_of
from tests.running import Result
from tests.tiny_mesh import environment, land, write_project
from tests.warm import WarmProcess


@dataclass(frozen=True)
class Mesh:
    """A project and its state."""

    project: Path
    home: Path
    patience: ClassVar[int] = 120  # seconds for one command

    def __call__(self, *arguments: str) -> Result:
        """Run `mesh <arguments>`. Whatever it says, it is never a traceback."""
        mesh = WarmProcess(
            "platform_resources.cli", *arguments, cwd=self.project, env=environment(self.project, self.home)
        )
        done = mesh.finish(self.patience)
        assert "Traceback" not in done.err + done.out, done.err + done.out
        return done


def make_built(folder: Path) -> Mesh:
    """The tiny mesh with all its products published."""
    copy_of("tiny-built", _make_built, folder, oldest=math.inf)
    return Mesh(folder / "project", folder / "home")


def _make_built(folder: Path) -> None:
    mesh = Mesh(write_project(folder / "project"), folder / "home")
    land(mesh.home)
    done = mesh("run", "--json")
    assert done.code == 0, done.out + done.err


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    """The tiny mesh, built once: for tests that only read."""
    return make_built(tmp_path_factory.mktemp("tiny"))


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
