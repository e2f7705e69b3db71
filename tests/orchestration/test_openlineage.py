"""What a real build of the tiny mesh tells OpenLineage: every step, valid, with what was masked, without a value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from platform_resources.contracts import load_domain
from platform_resources.lake import MeshSettings, PortAddress, connect, retire, utc_now
from platform_resources.lineage.openlineage_outbox import events_file
from platform_resources.lineage.openlineage_told import tell_served
from platform_resources.orchestration import python_model, refresh_on_update
from platform_resources.orchestration.ingestion import ingest_assets
from platform_resources.orchestration.ports import port_asset
from platform_resources.orchestration.python_models import python_model_asset
from platform_resources.orchestration.resources import lake_resource
from tests.lineage.test_openlineage import STANDARD, faults
from tests.orchestration.test_ports import FREE, orders
from tests.tiny_mesh import LANDED_AT, ORDERS, land, write_project

Event = dict[str, Any]


@python_model("totals")
def totals(lake):
    """The sum of all orders."""
    return lake.sql(
        "SELECT count(*) AS orders, sum(amount) AS amount, max(landed_at) AS data_as_of FROM shop.orders.v1 "
        "WHERE customer IS NOT NULL AND amount > 0.1234"
    )


@dataclass(frozen=True)
class Told:
    """The events of each act, in order."""

    published: list[Event]
    broken: list[Event]
    refused: list[Event]
    retired: list[Event]
    idle: list[Event]  # an ingest with no new file
    unable: list[Event]  # an ingest whose contract asks for what the table can't become

    @property
    def every(self) -> list[Event]:
        return [*self.published, *self.broken, *self.refused, *self.retired, *self.unable]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Ingested, built and published in both domains; a model that fails, a version that is refused, a retirement."""
    folder = tmp_path_factory.mktemp("openlineage")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv("MESH_PROJECT", str(write_project(folder / "project")))
        patch.setenv("MESH_HOME", str(folder / "home"))
        patch.setenv("MESH_NAME", "retail")
        settings = MeshSettings(home=folder / "home", project=folder / "project")
        yield _acts(settings, instance)


def _acts(settings: MeshSettings, instance: dg.DagsterInstance) -> Told:
    shop, ledger = (load_domain(settings.domains / name) for name in ("shop", "ledger"))
    (product,), (sums,) = shop.products, ledger.products
    read = 0

    def news() -> list[Event]:
        nonlocal read
        lines = events_file(settings).read_text(encoding="utf-8").splitlines()
        read, before = len(lines), read
        return [json.loads(line) for line in lines[before:]]

    def run(*assets: dg.AssetsDefinition) -> None:
        dg.materialize(list(assets), instance=instance, resources={"lake": lake_resource()}, raise_on_error=False)

    ingestion = ingest_assets(shop)
    assert ingestion is not None
    model = python_model_asset(shop, product, orders, refresh_on_update("shop"))
    port = port_asset(shop, product, product.ports[0], ["order_lines"])
    land(settings.home)
    run(ingestion, model, port)
    run(
        python_model_asset(ledger, sums, totals, refresh_on_update("ledger")),
        port_asset(ledger, sums, sums.ports[0], []),
    )
    published = news()
    run(python_model_asset(shop, product, broken, refresh_on_update("shop")))
    failed = news()
    land(settings.home, [FREE], LANDED_AT.replace(hour=13))
    run(ingestion, model, port)
    refused = news()
    with connect(settings, own="shop") as con:
        address = PortAddress("shop", "orders", 1)
        row = retire(con, settings, port=address, run_id="retire-1", now=utc_now())
    assert row is not None
    tell_served(settings, [row])
    retired = news()
    run(ingestion)
    idle = news()
    file = settings.domains / "shop" / "sources" / "order_lines.odcs.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace(
            "{name: order_id, logicalType: integer, physicalType: BIGINT",
            "{name: order_id, logicalType: date, physicalType: DATE",
        ),
        encoding="utf-8",
    )
    stranger = ingest_assets(load_domain(settings.domains / "shop"))
    assert stranger is not None
    run(stranger)
    return Told(published, failed, refused, retired, idle, news())


@python_model("orders")
def broken(lake):
    """Fails with a value in its message."""
    return lake.sql("SELECT CAST(customer AS INTEGER) AS order_id FROM shop.internal.order_lines")


def of(events: list[Event], job: str, kind: str = "COMPLETE") -> Event:
    (found,) = [e for e in events if e.get("job", {}).get("name") == job and e.get("eventType") == kind]
    return found


def lineage(dataset: dict[str, Any], column: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
    fields = dataset["facets"]["columnLineage"]["fields"][column]["inputFields"]
    return {(item["name"], item["field"]): item["transformations"] for item in fields}


@pytest.mark.skipif(not STANDARD.is_dir(), reason="no official schemas beside the repository")
def test_every_event_is_valid(told: Told) -> None:
    assert [faults(event) for event in told.every] == [[]] * len(told.every)


def test_every_step_starts_and_ends(told: Told) -> None:
    jobs = ("shop.internal.order_lines.ingest", "shop.internal.orders.build", "shop.orders.v1.publish")
    for job in (*jobs, "ledger.internal.totals.build", "ledger.totals.v1.publish"):
        start, complete = of(told.published, job, "START"), of(told.published, job)
        assert start["run"]["runId"] == complete["run"]["runId"]
        assert start["eventTime"] <= complete["eventTime"]
    assert {event["dataset"]["name"] for event in told.published if "dataset" in event} == {
        "shop.orders.v1",
        "ledger.totals.v1",
    }
    assert {event["job"]["namespace"] for event in told.published if "job" in event} == {"mesh://retail"}


def test_an_ingest_says_where_files_landed_and_how_many_rows_they_held(told: Told) -> None:
    complete = of(told.published, "shop.internal.order_lines.ingest")
    (landed,), (table,) = complete["inputs"], complete["outputs"]
    assert landed["namespace"] == "file"
    assert landed["name"].endswith("/landing/till/order_lines")
    assert (landed["inputFacets"]["inputStatistics"]["fileCount"], table["name"]) == (1, "shop.internal.order_lines")
    assert table["outputFacets"]["outputStatistics"]["rowCount"] == len(ORDERS)
    fields = [field["name"] for field in table["facets"]["schema"]["fields"]]
    assert {"order_id", "customer", "_landed_at"} <= set(fields)
    assert [item["name"] for item in of(told.published, "shop.internal.orders.build")["inputs"]] == [table["name"]]


def test_an_ingest_that_takes_nothing_is_not_told_and_one_that_fails_is(told: Told) -> None:
    assert [e["eventType"] for e in told.idle] == []
    assert [e["eventType"] for e in told.unable] == ["START", "FAIL"]
    event = of(told.unable, "shop.internal.order_lines.ingest", "FAIL")
    assert event["run"]["facets"]["errorMessage"]["message"] == "IngestError"


def test_a_publication_says_what_is_served(told: Told) -> None:
    (output,) = of(told.published, "shop.orders.v1.publish")["outputs"]
    assert output["facets"]["version"]["datasetVersion"] == "1"
    assert output["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "CREATE"
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 3
    checks = {item["name"]: item for item in output["facets"]["dataQualityAssertions"]["assertions"]}
    assert all(item["success"] for item in checks.values())
    assert checks["no_free_orders"]["params"]["dimension"] == "accuracy"
    assert checks["no_free_orders"]["assertion"] == "sql"
    assert "actual" not in checks["orders_stay_small"]  # the query's answer is an amount of the data


def test_what_the_port_masks_is_marked(told: Told) -> None:
    (output,) = of(told.published, "shop.orders.v1.publish")["outputs"]
    (steps,) = lineage(output, "customer").values()
    assert [(step["subtype"], step["masking"]) for step in steps] == [("IDENTITY", False), ("TRANSFORMATION", True)]
    (steps,) = lineage(output, "amount").values()
    assert [step["masking"] for step in steps] == [False]


def test_what_was_read_masked_is_marked_across_domains(told: Told) -> None:
    complete = of(told.published, "ledger.internal.totals.build")
    assert [item["name"] for item in complete["inputs"]] == ["shop.orders.v1"]
    (output,) = complete["outputs"]
    assert lineage(output, "amount")["shop.orders.v1", "amount"][0] == {
        **{"type": "DIRECT", "subtype": "AGGREGATION"},
        "masking": False,
    }
    whole = output["facets"]["columnLineage"]["dataset"]
    masked = {item["field"]: item["transformations"][0]["masking"] for item in whole}
    assert masked["customer"] is True
    assert masked["amount"] is False


def test_a_port_s_own_event_has_its_lineage_across_domains(told: Told) -> None:
    (event,) = [e for e in told.published if e.get("dataset", {}).get("name") == "ledger.totals.v1"]
    assert set(lineage(event["dataset"], "amount")) == {("shop.orders.v1", "amount")}


def test_a_model_that_fails_says_no_value(told: Told) -> None:
    event = of(told.broken, "shop.internal.orders.build", "FAIL")
    assert event["run"]["facets"]["errorMessage"]["message"] == "ConversionException"


def test_a_refused_version_names_its_checks(told: Told) -> None:
    event = of(told.refused, "shop.orders.v1.publish", "FAIL")
    assert event["run"]["facets"]["errorMessage"]["message"] == "not published; checks that failed: no_free_orders"
    (candidate,) = event["inputs"]
    failed = [a["name"] for a in candidate["inputFacets"]["dataQualityAssertions"]["assertions"] if not a["success"]]
    assert failed == ["no_free_orders"]
    assert not [e for e in told.refused if "dataset" in e]  # what is served did not change
    of(told.refused, "shop.internal.orders.build")


def test_a_port_that_is_retired_is_dropped(told: Told) -> None:
    (event,) = told.retired
    assert event["dataset"]["name"] == "shop.orders.v1"
    assert event["dataset"]["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "DROP"
    assert "columnLineage" not in event["dataset"]["facets"]


def test_no_value_of_the_data_is_in_any_event(told: Told) -> None:
    text = json.dumps(told.every)
    values = {str(value) for order in [*ORDERS, FREE] for value in order[1:] if not isinstance(value, int)}
    assert [value for value in sorted(values) if f'"{value}"' in text or (len(value) > 6 and value in text)] == []
    assert "0.1234" not in text


def test_runs_name_the_run_and_the_engine(told: Told) -> None:
    facets = of(told.published, "shop.orders.v1.publish")["run"]["facets"]
    assert facets["parent"]["job"] == {"namespace": "mesh://retail", "name": "shop.__ephemeral_asset_job__"}
    assert facets["processing_engine"]["name"] == "DuckDB"
