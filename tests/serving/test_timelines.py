"""How often the log of a port is read for those who ask about different times."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from platform_resources.catalog.view import CatalogView
from platform_resources.lake import PortAddress
from platform_resources.serving.fitness import Needs, check_fitness
from platform_resources.serving.product_metrics import get_incidents, get_metrics
from platform_resources.serving.readers import Reader
from tests.guarded import GuardedMesh, make_mesh


class ToldView(CatalogView):
    """Remembers what it read of lakes for `told`."""

    def told(
        self,
        port: PortAddress,
        what: Hashable,
        read: Callable[[duckdb.DuckDBPyConnection], Any],
        *,
        lasting: bool = False,
    ) -> Any:
        def remembered(con: duckdb.DuckDBPyConnection) -> Any:
            self.read.append(what)
            return read(con)

        return super().told(port, what, remembered, lasting=lasting)

    @property
    def read(self) -> list[Hashable]:
        return self.__dict__.setdefault("_read", [])


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[GuardedMesh]:
    made = make_mesh(tmp_path)
    yield made
    made.access.close()


def test_the_log_of_a_port_is_read_once_for_figures_incidents_and_fitness(mesh: GuardedMesh) -> None:
    with closing(ToldView(mesh.settings, mesh.access.guard.lakes, mesh.access.control)) as view:

        def ask() -> None:
            reader = Reader(mesh.caller("ana"), mesh.access, view)
            get_metrics(reader, "shop", "customers")
            get_incidents(reader, "shop", "customers")
            get_incidents(reader, "shop", "customers", 7)
            check_fitness(reader, Needs(max_age="P1D"))

        ask()
        ask()
        assert len(view.read) == 1
        mesh.publish()
        ask()
        assert len(view.read) == 2
