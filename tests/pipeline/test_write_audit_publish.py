"""Nothing is published that did not pass its audit; what is published is exactly what was audited."""

from __future__ import annotations

import duckdb
import pandas as pd
import pytest

from platform_resources.lake import (
    PortAddress,
    connect,
    current_snapshot,
    latest_publication,
    latest_refusal,
    publications,
    write_transaction,
)
from platform_resources.lake.publications import promise_of
from platform_resources.pipeline import audit_and_publish, replace_table
from platform_resources.pipeline.publishing import ContractChangedError
from tests.pipeline.building import CONTRACT, COUNTED_AT, NOW, STOCK_FAULTS, STOCK_ROWS, Shop, minutes, write_domain

PORT = PortAddress.parse("shop.stock.v1")
SERVED = "SELECT count(*), min(version), max(version) FROM shop.stock.v1"


def test_a_version_that_keeps_its_contract_is_served_with_its_promise_and_proof(shop):
    shop.build(1)
    outcome = shop.publish("run-1")
    assert outcome.published
    assert (outcome.publication.number, outcome.publication.row_count, outcome.publication.score) == (
        1,
        STOCK_ROWS,
        100,
    )
    assert shop.query(SERVED) == [(STOCK_ROWS, 1, 1)]
    with connect(shop.settings, reads=["shop"]) as con:
        logged = latest_publication(con, PORT)
        assert logged == outcome.publication
        assert promise_of(con, PORT, logged).document == CONTRACT
        assert {r["name"] for r in logged.audit["results"]} >= {"every_article", "one_version", "primary_key"}


@pytest.mark.parametrize("fault", [fault for fault in STOCK_FAULTS if fault])
def test_a_version_that_breaks_its_contract_is_refused_and_the_last_good_one_stays(shop, fault):
    shop.build(1)
    shop.publish("run-1")
    shop.build(2, fault)
    outcome = shop.publish("run-2")
    assert not outcome.published
    assert shop.query(SERVED) == [(STOCK_ROWS, 1, 1)]
    with connect(shop.settings, reads=["shop"]) as con:
        refusal = latest_refusal(con, PORT)
        assert (refusal.run_id, refusal.snapshot, refusal.refused_at) == ("run-2", outcome.snapshot, NOW)
        assert refusal.audit["passed"] is False
        assert len(publications(con, "shop", PORT)) == 1
    shop.build(3)
    assert shop.publish("run-3").publication.number == 2
    assert shop.query(SERVED) == [(STOCK_ROWS, 3, 3)]


def test_before_its_first_good_version_a_port_does_not_exist(shop):
    assert not shop.publish("nothing was built").published
    shop.build(1, "too few")
    assert not shop.publish("run-1").published
    with pytest.raises(duckdb.CatalogException):
        shop.query(SERVED)


def test_a_rule_that_only_warns_does_not_stop_a_version(tmp_path):
    warning = CONTRACT.replace("mustBe: 1\n", "mustBe: 1\n        severity: warning\n")
    shop = Shop(tmp_path, write_domain(tmp_path, contract=warning))
    shop.build(1, "two versions")
    outcome = shop.publish("run-1")
    assert outcome.published
    assert outcome.publication.score < 100


def test_only_the_columns_of_the_contract_are_served(shop):
    with connect(shop.settings, own="shop") as con:
        rows = con.sql(
            f"SELECT {COUNTED_AT} AS counted_at, 'private' AS secret, 1::BIGINT AS version, range AS id "
            f"FROM range({STOCK_ROWS})"
        )
        replace_table(con, shop.settings, "shop", "stock", rows, "build")
    assert shop.publish("run-1").publication.columns == ("id", "version", "counted_at")
    assert [column for column, *_ in shop.query("DESCRIBE shop.stock.v1")] == ["id", "version", "counted_at"]


def test_a_column_that_is_missing_or_of_another_type_is_refused(shop):
    shop.build(1)
    shop.publish("run-1")
    for select in ("range AS id", "range AS id, 2::INTEGER AS version", "range AS id, 'two' AS version"):
        with connect(shop.settings, own="shop") as con:
            rows = con.sql(f"SELECT {select}, {COUNTED_AT} AS counted_at FROM range({STOCK_ROWS})")
            replace_table(con, shop.settings, "shop", "stock", rows, "build")
        outcome = shop.publish(select)
        assert next(r.name for r in outcome.audit.results if r.blocks) == "schema"
        assert shop.query(SERVED) == [(STOCK_ROWS, 1, 1)]


def test_what_is_written_during_the_audit_is_neither_audited_nor_served(shop, monkeypatch):
    from platform_resources.pipeline import publishing

    shop.build(1)
    evaluate = publishing.evaluate

    def evaluate_while_others_write(*arguments, **more):
        shop.build(2, "too few")
        return evaluate(*arguments, **more)

    monkeypatch.setattr(publishing, "evaluate", evaluate_while_others_write)
    assert shop.publish("run-1").published
    assert shop.query(SERVED) == [(STOCK_ROWS, 1, 1)]


def test_a_run_that_was_overtaken_while_auditing_does_not_take_the_port_back(shop, monkeypatch):
    from platform_resources.pipeline import publishing

    shop.build(1)
    evaluate = publishing.evaluate

    def evaluate_slowly(*arguments, **more):
        monkeypatch.setattr(publishing, "evaluate", evaluate)
        shop.build(2)
        shop.publish("the faster run", now=NOW + minutes(1))
        return evaluate(*arguments, **more)

    monkeypatch.setattr(publishing, "evaluate", evaluate_slowly)
    outcome = shop.publish("the slower run")
    assert outcome.publication.run_id == "the faster run"
    assert shop.query(SERVED) == [(STOCK_ROWS, 2, 2)]
    with connect(shop.settings, reads=["shop"]) as con:
        assert latest_publication(con, PORT) == outcome.publication


def test_a_run_that_does_not_know_whether_it_published_may_try_again(shop):
    shop.build(1)
    first, second = shop.publish("run-1"), shop.publish("run-1")
    assert first.publication == second.publication


def test_a_contract_that_was_edited_since_it_was_loaded_is_not_promised(shop):
    shop.build(1)
    port = shop.domain.products[0].ports[0]
    port.contract.file.write_text(CONTRACT.replace("version: 1.0.0", "version: 1.1.0"))
    with pytest.raises(ContractChangedError, match=r"v1.odcs.yaml changed since it was loaded.*run it again"):
        audit_and_publish(shop.settings, shop.domain, shop.domain.products[0], port, run_id="run", now=NOW)


def test_a_changed_schema_makes_a_new_table_and_leaves_published_versions_readable(shop):
    shop.build(1)
    shop.publish("run-1")
    with connect(shop.settings, own="shop") as con:
        replace_table(con, shop.settings, "shop", "stock", con.sql("SELECT 'x' AS other"), "build")
    assert shop.query(SERVED) == [(STOCK_ROWS, 1, 1)]
    shop.build(3)
    assert shop.publish("run-3").published
    assert shop.query(SERVED) == [(STOCK_ROWS, 3, 3)]


def test_a_model_may_read_the_table_that_it_replaces(shop):
    shop.build(1)
    with connect(shop.settings, own="shop") as con:
        older = con.sql("SELECT id, version + 1 AS version FROM shop.internal.stock")
        assert replace_table(con, shop.settings, "shop", "stock", older, "build") == STOCK_ROWS
    assert shop.query("SELECT DISTINCT version FROM shop.internal.stock") == [(2,)]


def test_a_model_computes_while_others_write(shop):
    """The rows are there before the lake is locked."""
    shop.build(1)
    with connect(shop.settings, own="shop") as con, connect(shop.settings, own="shop") as other:

        def meanwhile() -> int:
            with write_transaction(other, shop.settings, "shop", "write", "other"):
                other.execute("CREATE TABLE shop.internal.other (x INTEGER)")
            return 7

        con.create_function("meanwhile", meanwhile, [], "BIGINT", side_effects=True)
        rows = con.sql("SELECT meanwhile() AS x")
        assert replace_table(con, shop.settings, "shop", "slow", rows, "build") == 1


@pytest.mark.parametrize("kind", ["frame", "arrow", "relation"])
def test_a_table_is_written_from_whatever_a_model_returns(shop, kind):
    frame = pd.DataFrame({"id": [1, 2], "name": ["a", None]})
    with connect(shop.settings, own="shop") as con:
        for _ in range(2):
            rows = {"frame": frame, "arrow": con.from_df(frame).to_arrow_table(), "relation": con.from_df(frame)}[kind]
            assert replace_table(con, shop.settings, "shop", "names", rows, "build") == 2
        assert con.sql("FROM shop.internal.names ORDER BY id").fetchall() == [(1, "a"), (2, None)]
        snapshot = current_snapshot(con, "shop")
        with pytest.raises(duckdb.ConversionException):
            replace_table(con, shop.settings, "shop", "names", con.sql("SELECT 'x'::INTEGER AS id"), "build")
        assert current_snapshot(con, "shop") == snapshot


def test_data_is_known_as_of_what_the_promised_sources_have_delivered(shop):
    shop.build(1)
    assert shop.publish("none delivered", sources=["lines"]).data_as_of is None
    shop.till.land("a.parquet", [1], extracted_at=NOW - minutes(20))
    shop.ingest()
    assert shop.publish("one", sources=["lines"]).publication.data_as_of == NOW - minutes(20)
    shop.till.land("b.parquet", [], extracted_at=NOW)  # nothing was sold, and that is known
    shop.till.land("late.parquet", [2], extracted_at=NOW - minutes(60))
    shop.till.land("bad.parquet", [3], currency="'EUR'", extracted_at=NOW + minutes(10))
    shop.ingest()
    assert shop.publish("two", sources=["lines"]).publication.data_as_of == NOW
    assert shop.publish("not built from it", sources=[]).publication.data_as_of is None


def test_data_of_a_quiet_source_stays_fresh_and_of_a_silent_one_grows_old(tmp_path):
    shop = Shop(tmp_path, write_domain(tmp_path, contract=CONTRACT.replace("P3650D", "PT15M")))
    shop.build(1)
    shop.till.land("a.parquet", [], extracted_at=NOW)
    shop.ingest()

    def fresh(later: float) -> bool:
        audit = shop.publish(f"after {later}", now=NOW + minutes(later), sources=["lines"]).audit
        return next(r.passed for r in audit.results if r.check.kind == "freshness")

    assert fresh(14)
    assert not fresh(16)
