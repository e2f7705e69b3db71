"""Queries at random against the allow-list and masked copies: nothing that is accepted reads more than its ports.

MESH_FUZZ_QUERIES=100000 makes the run longer; MESH_FUZZ_SEED another one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from platform_resources.access import AccessError, GuardedRelation
from platform_resources.access.consumer_sql.sandbox.wording import refusal
from platform_resources.access.consumer_sql.service import ParsedQuery
from platform_resources.lake import PortAddress, quote_identifier
from tests.access.fuzzing import PORTS, Fuzzer
from tests.access.sql_mesh import CANARY, make_sql_mesh
from tests.guarded import GuardedMesh

QUERIES = int(os.environ.get("MESH_FUZZ_QUERIES", "5000"))
SEED = int(os.environ.get("MESH_FUZZ_SEED", "4"))
_SEAL = """
    SET TimeZone = 'UTC'; SET memory_limit = '512MB'; SET max_expression_depth = 500; SET temp_directory = '';
    SET python_enable_replacements = false; SET enable_external_access = false; SET lock_configuration = true
"""


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedMesh]:
    made = make_sql_mesh(tmp_path_factory.mktemp("fuzz"))
    yield made
    made.access.close()


class Closed:
    """A worker's database in this process: the same copies, names and locks, so that 1,000 queries take two seconds."""

    def __init__(self, mesh: GuardedMesh) -> None:
        config = {"threads": "1", "autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        self._con = duckdb.connect(config=config)
        self._con.execute("ATTACH ':memory:' AS shop")
        self.relations: dict[str, GuardedRelation] = {}
        for number, address in enumerate(PORTS):
            port = PortAddress.parse(address)
            relation = mesh.access.guard.open(mesh.caller("ana"), port)
            file = mesh.access.guard.copies.of(relation)
            self._con.execute(f"ATTACH '{file}' AS _copy{number} (READ_ONLY)")
            self._con.execute(f"CREATE SCHEMA shop.{port.product}")
            self.relations[address] = relation
        self._con.execute(_SEAL)

    def ask(self, query: ParsedQuery, *, everything: bool) -> tuple[str, str]:
        """(columns and number of rows, or the kind of error; all that the reader would see)."""
        for number, (address, relation) in enumerate(self.relations.items()):
            names = relation.schema.names
            shown = [n for n in names if everything or query.names is None or n.lower() in query.names] or [min(names)]
            columns = ", ".join(map(quote_identifier, shown))
            self._con.execute(f"CREATE OR REPLACE VIEW {address} AS SELECT {columns} FROM _copy{number}.data")
        try:
            done = self._con.execute(query.text)
            rows: list[Any] = done.fetchmany(2000)
        except duckdb.Error as error:
            told = refusal(type(error).__name__, str(error))
            return type(error).__name__, f"{error}\n{told.message}\n{told.remedy}"
        return f"{[c[0] for c in done.description]} {len(rows)}", str(rows)


def _parsed(mesh: GuardedMesh, text: str) -> ParsedQuery | None:
    try:
        return mesh.access.sql.parse(text)
    except AccessError as refused:
        told = refused.message
    assert not CANARY.search(told), text
    return None


def test_no_query_reads_more_than_its_ports(mesh: GuardedMesh) -> None:
    closed, fuzzer, count = Closed(mesh), Fuzzer(SEED), Counter[str]()
    for number in range(QUERIES):
        text = fuzzer.query()
        query = _parsed(mesh, text)
        if query is None:
            count["refused"] += 1
            continue
        if not {str(port) for port in query.ports} <= set(PORTS):
            count["another port"] += 1  # which the guard doesn't open
            continue
        outcome, told = closed.ask(query, everything=False)
        assert not CANARY.search(told), text
        assert str(mesh.settings.home) not in told or "/copies/" in told, text
        count["answered" if outcome.startswith("[") else "failed"] += 1
        if number % 3 == 0:  # what a query may not see it does not use: it means the same with every column in view
            assert closed.ask(query, everything=True)[0] == outcome, text
    assert count["answered"] > QUERIES / 50, count  # the fuzzer reaches what it is to try
    assert count["refused"] > QUERIES / 50, count
    print(dict(count), Path(__file__).name)  # noqa: T201  (shown by -s)
