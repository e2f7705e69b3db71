"""A build writes down what its table is made of, and tells its owner where the documents say something else."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import duckdb
import pyarrow as pa
import pytest

from platform_resources.contracts import load_domain
from platform_resources.lake import MeshSettings, PortAddress, connect
from platform_resources.lake.column_lineage import TableLineage, lineage_of_tables
from platform_resources.lineage import ColumnEdge
from platform_resources.lineage.model import from_record
from platform_resources.orchestration.lineage import DOUBTS
from platform_resources.orchestration.python_models import PythonModel, python_model, python_model_asset
from platform_resources.orchestration.resources import lake_resource
from tests.guarded import publish_rows
from tests.tiny_mesh import LANDED_AT, ORDERS, ORDERS_CONTRACT, TOTALS_CONTRACT, write_project

PORT = PortAddress("shop", "orders", 1)
TABLE = "ledger.internal.totals"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeshSettings]:
    """`shop.orders.v1` published; `ledger.totals` declares that it reads three of its columns, and what of.

    Every test builds `ledger.totals` anew in it.
    """
    folder = tmp_path_factory.mktemp("lineage")
    tiny = MeshSettings(home=folder / "home", project=write_project(folder / "project"))
    publish_rows(tiny, PORT, ORDERS_CONTRACT, [(*order, LANDED_AT, 1) for order in ORDERS])
    folder = tiny.domains / "ledger" / "products" / "totals"
    mapped = TOTALS_CONTRACT.replace(
        "description: How many.}", "description: How many., transformSourceObjects: [shop.orders.v1.customer]}"
    ).replace(
        "description: How much.}",
        "description: How much., transformLogic: sum(amount), transformSourceObjects: [shop.orders.v1.amount]}",
    )
    (folder / "v1.odcs.yaml").write_text(mapped)
    product = folder / "product.odps.yaml"
    listed = "customProperties: [{property: columns, value: [customer, amount, landed_at]}]"
    product.write_text(
        product.read_text().replace("contractId: shop.orders.v1}", f"contractId: shop.orders.v1, {listed}}}")
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MESH_PROJECT", str(tiny.project))
        environment.setenv("MESH_HOME", str(tiny.home))
        yield tiny


def built(settings: MeshSettings, model: PythonModel) -> tuple[dg.ExecuteInProcessResult, TableLineage]:
    ledger = load_domain(settings.domains / "ledger")
    asset = python_model_asset(ledger, ledger.products[0], model, dg.AutomationCondition.eager())
    result = dg.materialize([asset], resources={"lake": lake_resource()})
    with connect(settings, reads=["ledger"]) as con:
        return result, lineage_of_tables(con, "ledger")["totals"]


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, dg.MetadataValue]:
    (event,) = result.get_asset_materialization_events()
    return dict(event.materialization.metadata)


def frame(con: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    return con.execute(sql).to_arrow_table()


def edge(source: str, column: str | None, *facts: object) -> ColumnEdge:
    return ColumnEdge(f"shop.orders.v1.{source}", f"{TABLE}.{column}" if column else TABLE, *facts)  # type: ignore[arg-type]


def test_code_is_known_by_its_contract_and_held_against_what_it_read(mesh: MeshSettings) -> None:
    @python_model("totals")
    def totals(lake: duckdb.DuckDBPyConnection) -> pa.Table:
        return frame(
            lake,
            "select count(*) as orders, sum(amount) as amount, max(landed_at) as data_as_of "
            "from shop.orders.v1 where segment is null or load_id > 0",
        )

    result, lineage = built(mesh, totals)
    assert set(from_record(lineage.edges)) == {
        edge("customer", "orders", "DIRECT", "IDENTITY", True, "declared", False),
        edge("amount", "amount", "DIRECT", "AGGREGATION", False, "declared", True),
        edge("landed_at", None, "INDIRECT", "", False, "input", True),
        edge("load_id", None, "INDIRECT", "", False, "input", True),
        edge("segment", None, "INDIRECT", "", True, "input", True),
    }
    told = str(metadata(result)[DOUBTS].value)
    assert "orders declares the source shop.orders.v1.customer (v1.odcs.yaml:" in told
    assert "the build read shop.orders.v1.load_id, which ledger.totals doesn't list among the columns" in told
    assert "amount" not in told
    assert "landed_at" not in told
    deps = metadata(result)["dagster/column_lineage"].value.deps_by_column
    assert [(dep.asset_key.path, dep.column_name) for dep in deps["amount"]] == [(list(PORT.key), "amount")]


def test_a_relation_is_known_by_its_sql(mesh: MeshSettings) -> None:
    @python_model("totals")
    def totals(lake: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
        return lake.sql(
            "select count(*) as orders, sum(amount) as amount, max(landed_at) as data_as_of from shop.orders.v1"
        )

    _, lineage = built(mesh, totals)
    assert set(from_record(lineage.edges)) == {
        edge("amount", "amount", "DIRECT", "AGGREGATION", False, "sql", True),
        edge("landed_at", "data_as_of", "DIRECT", "AGGREGATION", False, "sql", True),
    }
    assert lineage.reads == ("shop.orders.v1.amount", "shop.orders.v1.landed_at")


def test_what_was_not_watched_is_not_guessed(mesh: MeshSettings) -> None:
    @python_model("totals")
    def totals(lake: duckdb.DuckDBPyConnection) -> pa.Table:
        lake.sql("from shop.orders.v1").create_view("seen")
        return frame(lake, "select 1::bigint as orders, 2::decimal(38,2) as amount, now() as data_as_of")

    result, lineage = built(mesh, totals)
    assert lineage.reads is None
    assert {edge.observed for edge in from_record(lineage.edges)} == {None}
    assert edge("landed_at", None, "INDIRECT", "", False, "input", None) in from_record(lineage.edges)
    assert DOUBTS not in metadata(result)
