"""From publication to publication: what one proved is built on by the next, whatever lies between."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from platform_resources.contracts import Domain, load_domain
from platform_resources.lake import PortAddress, connect, latest_publication, roll_back, write_transaction
from platform_resources.pipeline import Outcome, audit_and_publish, proofs
from platform_resources.quality.plan import Plan
from platform_resources.self_service.dry_audit import audit_port, plan_of_port
from tests.pipeline.building import CONTRACT, COUNTED_AT, NOW, PRODUCT, Shop, minutes, write_domain

STOCK = PortAddress.parse("shop.stock.v1")
GROWING = (
    CONTRACT.replace("v3.1.0", "v3.2.0")
    .replace("metric: rowCount, mustBe: 100", "metric: rowCount, mustBeGreaterThan: 0")
    .replace(
        "SELECT count(DISTINCT version) FROM {table}\n        mustBe: 1",
        "SELECT count(*) FROM {table} WHERE version < 1\n        mustBe: 0",
    )
)


def grow(shop: Shop, first: int, rows: int, domain: str = "shop", version: int = 1) -> None:
    """Rows that come to those that are there, as an incremental model appends them."""
    with connect(shop.settings, own=domain) as con, write_transaction(con, shop.settings, domain, "append", "run"):
        con.execute(
            f"CREATE TABLE IF NOT EXISTS {domain}.internal.stock (id BIGINT, version BIGINT, counted_at TIMESTAMPTZ)"
        )
        con.execute(
            f"INSERT INTO {domain}.internal.stock SELECT range, {version}, {COUNTED_AT} "
            f"FROM range({first}, {first + rows})"
        )


def plan(shop: Shop) -> Plan:
    product = shop.domain.products[0]
    return plan_of_port(shop.settings, shop.domain, product, product.ports[0], NOW)


def basis(shop: Shop) -> dict:
    return plan(shop).carried.as_record()


def test_a_product_that_grows_is_proven_on_its_new_rows(tmp_path: Path) -> None:
    shop = Shop(tmp_path, write_domain(tmp_path, contract=GROWING))
    grow(shop, 0, 100)
    assert basis(shop) == {"publication": None, "why_not": "nothing is published yet"}
    assert shop.publish("one").publication.row_count == 100
    grow(shop, 100, 7)
    assert basis(shop) == {"publication": 1, "proven_rows": 100, "new_rows": 7}
    carried = {route.check.name for route in plan(shop).routes if route.carried is not None}
    assert carried >= {"primary_key", "required__id", "one_version"}
    published = shop.publish("two").publication
    assert (published.row_count, published.audit["proven"]["rows"]) == (107, 107)

    grow(shop, 106, 2)  # 106 comes again
    refused = shop.publish("three").audit
    assert {r.name: (r.failed_rows, r.total_rows) for r in refused.results if not r.passed} == {"primary_key": (1, 109)}
    assert basis(shop) == {"publication": 2, "proven_rows": 107, "new_rows": 2}

    with connect(shop.settings, own="shop") as con:
        roll_back(con, shop.settings, port=STOCK, table="stock", to=1, run_id="back", now=NOW)
    assert basis(shop) == {"publication": 3, "proven_rows": 100, "new_rows": 9}
    with connect(shop.settings, own="shop") as con:
        con.execute("DELETE FROM shop.internal.stock WHERE id >= 107 OR id = 106 AND rowid % 2 = 0")
        con.execute("DELETE FROM shop.internal.stock WHERE id = 3")
    assert basis(shop)["why_not"] == "rows were deleted or changed since publication #3"
    product = shop.domain.products[0]
    where = shop.settings, shop.domain, product, product.ports[0], NOW
    assert audit_port(*where, full=True).scores == audit_port(*where).scores


FAILING = GROWING.replace(
    "    quality:\n",
    "    quality:\n      - {name: sum_of_codes, type: sql, severity: warning, mustBeGreaterThan: -1, query: "
    "\"SELECT sum(CAST(replace(CAST(version AS VARCHAR), '7', 'abc') AS INTEGER)) FROM {table}\"}\n",
    1,
)


def test_a_key_that_comes_again_is_found_though_a_rule_failed_on_the_rows_before(tmp_path: Path) -> None:
    shop = Shop(tmp_path, write_domain(tmp_path, contract=FAILING))
    grow(shop, 0, 100)
    shop.publish("one")
    grow(shop, 100, 100, version=7)
    published = shop.publish("two")
    assert [result.name for result in published.audit.results if not result.evaluated] == ["sum_of_codes"]
    assert published.publication.audit["proven"]["counts"]["primary_key"]["bounds"] == [[0, 199]]
    grow(shop, 150, 100)
    assert basis(shop) == {"publication": 2, "proven_rows": 200, "new_rows": 100}
    refused = shop.publish("three")
    assert refused.publication is None
    assert {r.name: r.failed_rows for r in refused.audit.results if r.blocks} == {"primary_key": 50}


INPUT = PRODUCT.replace(
    "outputPorts:", 'inputPorts:\n  - {name: depot.stock, version: "1", contractId: depot.stock.v1}\noutputPorts:'
)
POINTING = GROWING.replace(
    "    properties:\n",
    "    relationships:\n      - {type: foreignKey, from: stock.id, to: depot.stock.v1.id}\n    properties:\n",
    1,
)


def publish(shop: Shop, domain: Domain, run_id: str, later: float) -> Outcome:
    product = domain.products[0]
    return audit_and_publish(shop.settings, domain, product, product.ports[0], run_id=run_id, now=NOW + minutes(later))


def why_in_full(shop: Shop) -> str | None:
    """Why the foreign key is looked up for all rows; None when it is for the new ones alone."""
    route = next(route for route in plan(shop).routes if route.check.kind == "relationships")
    return None if route.carried is not None else route.why.partition("of all rows: ")[2]


def test_a_foreign_key_into_a_port_is_proven_while_that_port_keeps_its_rows(tmp_path: Path) -> None:
    depot = write_domain(tmp_path, contract=GROWING, name="depot")
    write_domain(tmp_path, contract=GROWING)
    product = tmp_path / "domains/shop/products/stock"
    (product / "product.odps.yaml").write_text(INPUT, encoding="utf-8")
    (product / "v1.odcs.yaml").write_text(POINTING, encoding="utf-8")
    shop = Shop(tmp_path, load_domain(tmp_path / "domains/shop"))
    grow(shop, 0, 50, "depot")
    publish(shop, depot, "depot-1", 0)
    grow(shop, 0, 20)
    assert publish(shop, shop.domain, "shop-1", 1).published
    grow(shop, 20, 5)
    assert why_in_full(shop) is None  # the same publication
    grow(shop, 50, 5, "depot")
    publish(shop, depot, "depot-2", 2)
    assert why_in_full(shop) is None  # it has more keys
    with connect(shop.settings, own="depot") as con:
        con.execute("DELETE FROM depot.internal.stock WHERE id = 3")
    assert why_in_full(shop) is None  # nobody is served that yet
    publish(shop, depot, "depot-3", 3)
    assert why_in_full(shop) == "of depot.stock.v1, rows were deleted or changed"
    refused = publish(shop, shop.domain, "shop-2", 4).audit
    assert [(r.name, r.failed_rows) for r in refused.results if not r.passed] == [("relationships__id", 1)]
    with connect(shop.settings, reads=["shop"]) as con:
        assert latest_publication(con, STOCK).number == 1


def test_an_audit_goes_on_though_an_input_has_no_lake_yet(tmp_path: Path) -> None:
    write_domain(tmp_path, contract=GROWING, name="depot")
    write_domain(tmp_path, contract=GROWING)
    product = tmp_path / "domains/shop/products/stock"
    (product / "product.odps.yaml").write_text(INPUT, encoding="utf-8")
    (product / "v1.odcs.yaml").write_text(POINTING, encoding="utf-8")
    shop = Shop(tmp_path, load_domain(tmp_path / "domains/shop"))
    grow(shop, 0, 5)
    built = shop.domain.products[0]
    found = audit_port(shop.settings, shop.domain, built, built.ports[0], NOW)
    assert [result.name for result in found.results if not result.evaluated] == ["relationships__id"]
    assert basis(shop)["why_not"] == "nothing is published yet"


def test_what_can_not_be_read_of_the_past_is_not_built_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, write_domain(tmp_path, contract=GROWING))
    grow(shop, 0, 10)
    shop.publish("one")
    grow(shop, 10, 1)

    def unreadable(*_: object) -> None:
        raise duckdb.IOException("a file is gone")

    monkeypatch.setattr(proofs, "_carried", unreadable)
    assert basis(shop)["why_not"] == "what was proven can't be read"
    assert shop.publish("two").publication.audit["proven"]["rows"] == 11


def test_a_proof_of_another_form_is_not_built_on(tmp_path: Path) -> None:
    """As a later version of the platform may write it: the audit asks all rows, and the log goes on."""
    shop = Shop(tmp_path, write_domain(tmp_path, contract=GROWING))
    grow(shop, 0, 10)
    shop.publish("one")
    with connect(shop.settings, own="shop") as con, write_transaction(con, shop.settings, "shop", "later", "run"):
        con.execute("""UPDATE shop.mesh.publications SET audit = replace(audit, '"form": 2', '"form": 3')""")
    grow(shop, 10, 1)
    assert basis(shop)["why_not"] == "publication #1 keeps no proof to build on"
    assert shop.publish("two").publication.row_count == 11
