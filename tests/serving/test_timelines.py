"""How often the log of a port is read for those who ask about different times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from platform_resources.access.relations.served import ServedPorts
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import PortAddress
from platform_resources.serving.fitness import Needs, check_fitness
from platform_resources.serving.product_metrics import get_incidents, get_metrics
from platform_resources.serving.readers import Reader
from platform_resources.serving.slos import get_slos
from tests.guarded import CUSTOMERS, GuardedMesh, make_mesh


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[GuardedMesh]:
    made = make_mesh(tmp_path)
    yield made
    made.access.close()


def test_the_log_of_a_port_is_read_once_for_figures_incidents_fitness_and_service_levels(
    mesh: GuardedMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[PortAddress] = []

    def read(served: ServedPorts, port: PortAddress, *known: Any) -> Any:
        reads.append(port)
        return really(served, port, *known)

    really = ServedPorts._read
    monkeypatch.setattr(ServedPorts, "_read", read)
    with closing(CatalogView(mesh.settings, mesh.access.guard.lakes, mesh.access.control)) as view:

        def ask() -> None:
            reader = Reader(mesh.caller("ana"), mesh.access, view)
            get_metrics(reader, "shop", "customers")
            get_incidents(reader, "shop", "customers")
            get_incidents(reader, "shop", "customers", 7)
            check_fitness(reader, Needs(max_age="P1D"))
            get_slos(reader, reader.port(CUSTOMERS))

        ask()
        ask()
        assert len(reads) == 1
        mesh.publish()
        ask()
        assert len(reads) == 2
