"""What a published port is made of: closed over private tables, pinned with its version, vague where nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_resources.contracts import load_domain
from platform_resources.lake import MeshSettings, PortAddress, connect, create_lake, publications, roll_back, utc_now
from platform_resources.lake.column_lineage import TableLineage, changed_lineage, lineage_of_tables, record_lineage
from platform_resources.lineage import ColumnEdge, port_edges
from platform_resources.lineage.model import as_record
from platform_resources.lineage.published import closed_edges
from tests.guarded import publish_rows
from tests.tiny_mesh import ORDERS_CONTRACT, TOTALS_CONTRACT, write_project

TOTALS = PortAddress("ledger", "totals", 1)
T, S, F = "d.internal.t", "d.internal.s", "d.internal.f"


def edge(source: str, target: str, subtype: str = "IDENTITY", known: str = "sql", **facts: object) -> ColumnEdge:
    direct = subtype in ("IDENTITY", "TRANSFORMATION", "AGGREGATION", "")
    type_ = "DIRECT" if direct else "INDIRECT"
    return ColumnEdge(source, target, type_, subtype, facts.get("masked", False), known, facts.get("observed", True))  # type: ignore[arg-type]


def closed(*edges: ColumnEdge, columns: tuple[str, ...] = ("x",)) -> set[tuple[str, str, str, bool, str]]:
    recorded: dict[str, tuple[ColumnEdge, ...]] = {}
    for one in edges:
        table = one.target.split(".")[2]
        recorded[table] = (*recorded.get(table, ()), one)
    found = closed_edges("d.p.v1", T, columns, recorded, {F})
    return {(e.source, e.target, e.subtype, e.masked, e.known_from) for e in found}


SORTED = [edge(f"{S}.a", f"{T}.x"), edge(f"{S}.a", T, "SORT")]


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        pytest.param(
            [edge(f"{S}.a", f"{T}.x", "AGGREGATION"), edge("o.q.v1.a", f"{S}.a", "TRANSFORMATION", masked=True)],
            {("o.q.v1.a", "d.p.v1.x", "AGGREGATION", True, "sql")},
            id="the strongest of the way is told, and a mask anywhere on it",
        ),
        pytest.param(
            [edge(f"{F}.a", f"{T}.x"), edge(f"{T}.x", f"{T}.x"), edge(f"{T}.y", f"{T}.x"), edge(f"{T}.x", f"{T}.y")],
            {(f"{F}.a", "d.p.v1.x", "IDENTITY", False, "sql")},
            id="a table that reads itself",
        ),
        pytest.param(
            [*SORTED, edge("o.q.v1.a", f"{S}.a"), edge("o.q.v1.k", S, "FILTER")],
            {
                ("o.q.v1.a", "d.p.v1.x", "IDENTITY", False, "sql"),
                ("o.q.v1.k", "d.p.v1", "FILTER", False, "sql"),
                ("o.q.v1.a", "d.p.v1", "SORT", False, "sql"),
            },
            id="what decides over the rows of a table behind decides over the port's",
        ),
        pytest.param(
            [edge(S, T, "", "input"), edge("o.q.v1.a", f"{S}.a"), edge("o.r.v1", S, "", "input")],
            {("o.q.v1", "d.p.v1", "", False, "input"), ("o.r.v1", "d.p.v1", "", False, "input")},
            id="a table of which no more is known than that it is read",
        ),
        pytest.param(
            [edge("o.q.v1.a", f"{T}.x", known="declared"), edge("o.q.v1", T, "", "input")],
            {("o.q.v1.a", "d.p.v1.x", "IDENTITY", False, "declared")},
            id="that a dataset is read says nothing where its columns are known",
        ),
        pytest.param([edge(f"{S}.a", f"{T}.x")], set(), id="a private table of which nothing is recorded"),
        pytest.param(
            [edge("o.q.v1.a", f"{T}.x", kind) for kind in ("IDENTITY", "AGGREGATION", "WINDOW")],
            {("o.q.v1.a", "d.p.v1.x", "AGGREGATION", False, "sql"), ("o.q.v1.a", "d.p.v1.x", "WINDOW", False, "sql")},
            id="of several direct ways the strongest",
        ),
    ],
)  # fmt: skip
def test_lineage_is_closed_over_private_tables(edges: list[ColumnEdge], expected: set[tuple[str, ...]]) -> None:
    assert closed(*edges) == expected


def test_a_ring_of_tables_and_a_long_chain_end() -> None:
    chain = [edge(f"d.internal.t{n + 1}.x", f"d.internal.t{n}.x") for n in range(300)]
    ring = [edge("d.internal.t300.x", "d.internal.t299.x"), edge("d.internal.t0.x", "d.internal.t300.x")]
    assert closed(edge("d.internal.t0.x", f"{T}.x"), *chain, *ring, edge("o.q.v1.a", "d.internal.t300.x")) == {
        ("o.q.v1.a", "d.p.v1.x", "IDENTITY", False, "sql")
    }


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> MeshSettings:
    folder: Path = tmp_path_factory.mktemp("published")
    made = MeshSettings(home=folder / "home", project=write_project(folder / "project"))
    publish_rows(made, PortAddress("shop", "orders", 1), ORDERS_CONTRACT, [])
    create_lake(made, "ledger")
    return made


def test_a_publication_is_pinned_with_the_lineage_of_its_version(settings: MeshSettings) -> None:
    """Nothing recorded, one source, then another; and back to the first by a rollback."""
    ledger = load_domain(settings.domains / "ledger")
    product = ledger.products[0]

    def told() -> set[tuple[str, str]]:
        with connect(settings, reads=["ledger"]) as con:
            found = port_edges(con, ledger, product, product.ports[0], publications(con, "ledger", TOTALS)[0])
        return {(e.source, e.known_from) for e in found}

    def publish(source: str | None) -> None:
        if source is not None:
            built = edge(f"shop.orders.v1.{source}", "ledger.internal.totals.amount", "AGGREGATION")
            lineage = TableLineage("totals", tuple(map(tuple, as_record([built]))), (built.source,))
            with connect(settings, own="ledger") as con:
                assert changed_lineage(con, "ledger", [lineage]) == (lineage,)
                record_lineage(con, settings, "ledger", [lineage], "run", utc_now())
                assert changed_lineage(con, "ledger", [lineage]) == ()
                assert lineage_of_tables(con, "ledger") == {"totals": lineage}
        publish_rows(settings, TOTALS, TOTALS_CONTRACT, "SELECT 1, 2, now()")

    publish(None)
    assert told() == {("shop.orders.v1", "input")}
    publish("amount")
    publish("load_id")
    assert told() == {("shop.orders.v1.load_id", "sql")}
    for number, expected in ((2, ("shop.orders.v1.amount", "sql")), (1, ("shop.orders.v1", "input"))):
        with connect(settings, own="ledger") as con:
            roll_back(con, settings, port=TOTALS, table="totals", to=number, run_id=f"back-{number}", now=utc_now())
        assert told() == {expected}


def test_a_port_that_was_never_published_reads_what_it_declares(settings: MeshSettings) -> None:
    ledger = load_domain(settings.domains / "ledger")
    product = ledger.products[0]
    with connect(settings, reads=["ledger"]) as con:
        (found,) = port_edges(con, ledger, product, product.ports[0], None)
    assert found == ColumnEdge("shop.orders.v1", "ledger.totals.v1", "DIRECT", "", False, "input", None)
