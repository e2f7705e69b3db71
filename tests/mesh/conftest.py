"""The real mesh, built once by the real commands; tests that change it work on a copy."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.running import Result
from tests.tiny_mesh import REPOSITORY, environment
from tests.warm import WarmProcess

PORTS = (
    "crm.customer_360.v1",
    "crm.customer_lifetime_value.v1",
    "finance.revenue.v1",
    "inventory.inventory_levels.v1",
    "sales.bookings.v1",
    "supply_chain.demand_forecast.v1",
)
_MINUTES = 60


@dataclass(frozen=True)
class Mesh:
    """A project, its state, and the moment up to which its operational systems have landed."""

    project: Path
    home: Path
    landed_until: datetime

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.project, self.home)

    def start(self, *command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            list(command),
            cwd=cwd or self.project,
            env=self.environment | (env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> Result:
        return finish(self.start(*command, cwd=cwd, env=env))

    def starts(self, *arguments: str) -> WarmProcess:
        return WarmProcess("platform_resources.cli", *arguments, cwd=self.project, env=self.environment)

    def __call__(self, *arguments: str) -> Result:
        """Run `mesh <arguments>`."""
        return finish(self.starts(*arguments))

    def query(self, sql: str) -> list[dict[str, Any]]:
        done = self("query", sql, "--limit", "100000", "--json")
        assert done.code == 0, done.err
        return done.json["rows"]

    def status(self) -> dict[str, dict[str, Any]]:
        return {item["port"]: item for item in self("status", "--json").json["products"]}

    def ticks(self, minutes: int = 10) -> Mesh:
        """The operational systems land one more batch; the mesh with its new moment."""
        until = self.landed_until + timedelta(minutes=minutes)
        land = ("--home", str(self.home), "--once", "--now", until.isoformat())
        done = finish(WarmProcess("operational_systems", *land, cwd=self.project, env=self.environment))
        assert done.code == 0, done.err
        return Mesh(self.project, self.home, until)

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.project / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def finish(process: subprocess.Popen[str] | WarmProcess, seconds: int = 10 * _MINUTES) -> Result:
    if isinstance(process, WarmProcess):
        done = process.finish(seconds)
    else:
        out, err = process.communicate(timeout=seconds)
        done = Result(process.returncode, out, err)
    assert "Traceback" not in done.out + done.err, done.out + done.err
    return done


def console_script(name: str) -> str:
    """A command of this environment, also when its `bin` is not on the PATH."""
    return str(Path(sys.executable).parent / name)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    """A year of history, landed, ingested, built, audited and published by `mesh up`: never to be changed.

    Built once, also for several test processes: the first one builds and the others wait for it.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # of all workers of this run
    home, mark = shared / "mesh" / "home", shared / "mesh" / "landed_until"
    home.parent.mkdir(exist_ok=True)
    with (home.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists():
            shutil.rmtree(home, ignore_errors=True)
            mesh = Mesh(REPOSITORY, home, datetime.now(UTC))
            up = [sys.executable, "-m", "platform_resources.cli", "up", "--no-ui"]
            land = [sys.executable, "-m", "operational_systems", "--home", str(home)]
            done = mesh.run(*land, "--now", mesh.landed_until.isoformat(), "--", *up)
            assert done.code == 0, done.out + done.err
            mark.write_text(mesh.landed_until.isoformat())
    return Mesh(REPOSITORY, home, datetime.fromisoformat(mark.read_text()))


@pytest.fixture
def copied(built: Mesh, tmp_path: Path) -> Iterator[Callable[[], Mesh]]:
    """Makes copies of the mesh, its project included, that a test may change."""

    def copy() -> Mesh:
        project, home = tmp_path / "project", tmp_path / "home"
        shutil.copytree(built.home, home)
        project.mkdir()
        shutil.copy(REPOSITORY / "workspace.yaml", project)
        ignored = shutil.ignore_patterns("__pycache__", "target", "logs", ".user.yml")
        for folder in ("domains", "dbt_project", "governance"):
            shutil.copytree(REPOSITORY / folder, project / folder, ignore=ignored)
        return Mesh(project, home, built.landed_until)

    yield copy
    shutil.rmtree(tmp_path, ignore_errors=True)  # 80 MB a copy


@pytest.fixture
def mesh(copied: Callable[[], Mesh]) -> Mesh:
    return copied()


def ports_of(*domains: str) -> set[str]:
    return {port for port in PORTS if port.split(".", 1)[0] in domains}


def together(processes: Sequence[WarmProcess]) -> list[Result]:
    return [finish(process) for process in processes]
