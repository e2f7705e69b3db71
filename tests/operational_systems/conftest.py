"""A home whose history has landed, made once and copied for each test that goes on from it."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from operational_systems import Replay

FIRST_START = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)  # a Friday, 17:00 in the stores


@dataclass(frozen=True)
class Home:
    """A home directory and questions about what landed in it."""

    path: Path

    @property
    def replay(self) -> Replay:
        return Replay(self.path)

    def files(self, feed: str) -> list[Path]:
        return sorted((self.path / "landing" / feed).glob("[!.]*"))

    def landed(self) -> dict[str, bytes]:
        landing = self.path / "landing"
        return {str(file.relative_to(landing)): file.read_bytes() for file in landing.rglob("*") if file.is_file()}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """`{feed}` in the text reads all files of the feed, `to_local` is the time of the stores."""
        with duckdb.connect() as connection:
            connection.execute("create macro to_local(moment) as timezone('America/New_York', timezone('UTC', moment))")
            for folder in (self.path / "landing").glob("*/*"):
                connection.execute(
                    f"create view {folder.name} as from read_parquet('{folder}/*.parquet', filename = true)"
                )
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Read only: the first batch."""
    home = Home(tmp_path_factory.mktemp("history"))
    home.replay.land_due(FIRST_START)
    return home


@pytest.fixture
def home(history: Home, tmp_path: Path) -> Home:
    """A copy of the history to go on from."""
    shutil.copytree(history.path, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def two_years(history: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Read only: the history, and then 420 days in one batch."""
    path = tmp_path_factory.mktemp("two_years") / "home"
    shutil.copytree(history.path, path)
    home = Home(path)
    home.replay.land_due(datetime(2028, 1, 14, 22, 0, tzinfo=UTC))
    return home


@pytest.fixture
def first_start() -> datetime:
    return FIRST_START
