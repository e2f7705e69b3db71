"""A port's asset, run for real on the tiny mesh: what it records, when it publishes, what it says when it doesn't."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from platform_resources.contracts import Finding, load_domain
from platform_resources.contracts.model import Domain
from platform_resources.lake import MeshSettings, PortAddress, connect, latest_publication, latest_refusal
from platform_resources.orchestration import domain_definitions, python_model, refresh_on_update
from platform_resources.orchestration.ingestion import ingest_assets, ingest_schedule, waiting_files
from platform_resources.orchestration.ports import port_asset
from platform_resources.orchestration.python_models import python_model_asset
from platform_resources.orchestration.resources import lake_resource
from platform_resources.orchestration.unable import blocked_asset
from tests.tiny_mesh import LANDED_AT, Order, land

PORT, MODEL, FEED = (
    dg.AssetKey(["shop", *path]) for path in (["orders", "v1"], ["internal", "orders"], ["internal", "order_lines"])
)
FREE: Order = (4, "dan@post.example", "+1-555-0104", "blue", 2000, "-1.00")
LARGE: Order = (5, "eve@post.example", "+1-555-0105", "blue", 2001, "250.00")


@python_model("orders", reads=["shop.internal.order_lines"])
def orders(lake):
    """Every order once, as it stands."""
    return lake.sql(
        "SELECT * EXCLUDE (ordered_at, _landed_at, _load_id), _landed_at AS landed_at, _load_id AS load_id "
        "FROM shop.internal.order_lines"
    )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def build(domain: Domain, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Ingest, build and publish the orders in one run, as an update does."""
    (product,) = domain.products
    ingestion = ingest_assets(domain)
    assert ingestion is not None
    assets = [
        ingestion,
        python_model_asset(domain, product, orders, refresh_on_update("shop")),
        port_asset(domain, product, product.ports[0], ["order_lines"]),
    ]
    return dg.materialize(assets, instance=instance, resources={"lake": lake_resource()}, raise_on_error=False)


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    told = event.step_failure_data.user_failure_data
    assert told is not None
    return told.description


def served(settings: MeshSettings) -> list[int]:
    with connect(settings, reads=["shop"]) as con:
        return [row[0] for row in con.execute("SELECT order_id FROM shop.orders.v1 ORDER BY 1").fetchall()]


class TestPassing:
    @pytest.fixture
    def result(self, tiny: MeshSettings, shop: Domain, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
        land(tiny.home)
        result = build(shop, instance)
        assert result.success
        return result

    def test_the_checks_come_before_the_materialization(self, result: dg.ExecuteInProcessResult) -> None:
        """Whoever waits for the materialization finds its proof there already."""
        kinds = [
            event.event_type_value
            for event in result.all_events
            if event.asset_key == PORT or event.event_type_value == "ASSET_CHECK_EVALUATION"
        ]
        kinds = [kind for kind in kinds if kind in {"ASSET_CHECK_EVALUATION", "ASSET_MATERIALIZATION"}]
        assert kinds.count("ASSET_MATERIALIZATION") == 1
        assert kinds[-1] == "ASSET_MATERIALIZATION"
        assert len(kinds) > 5

    def test_every_promised_check_has_a_result(self, result: dg.ExecuteInProcessResult, shop: Domain) -> None:
        (port,) = shop.ports
        promised = {spec.name for spec in port_asset(shop, shop.products[0], port, ()).check_specs}
        evaluated = {item.check_name: item for item in result.get_asset_check_evaluations()}
        assert set(evaluated) == promised >= {"required", "primary_key", "no_free_orders", "orders_stay_small"}
        assert all(item.passed for item in evaluated.values())
        required = evaluated["required"].metadata["promises"]
        assert isinstance(required, dg.TableMetadataValue)
        assert {record.data["holds"] for record in required.records} == {"yes"}
        facts = evaluated["required"].metadata
        assert (facts["score"].value, facts["failed_rows"].value) == (100.0, 0)

    def test_the_materialization_tells_rows_schema_lineage_and_score(self, result: dg.ExecuteInProcessResult) -> None:
        (event,) = result.asset_materializations_for_node("shop_orders_v1")
        metadata = event.metadata
        assert metadata["dagster/row_count"].value == 3
        schema = {column.name: column.type for column in metadata["dagster/column_schema"].value.columns}
        assert schema["amount"] == "DECIMAL(10,2)"
        lineage = metadata["dagster/column_lineage"].value.deps_by_column
        assert [(dep.asset_key, dep.column_name) for dep in lineage["amount"]] == [(MODEL, "amount")]
        assert metadata["score"].value == 100.0
        assert metadata["publication"].value == 1
        assert metadata["data_as_of"].value == LANDED_AT.timestamp()
        assert {name for name in metadata if name.startswith("score/")} >= {"score/uniqueness", "score/accuracy"}
        assert metadata["percent/completeness"].value == 100.0
        assert "score_history" not in metadata, "of one publication there is none"

    def test_what_is_told_is_what_is_published(
        self, result: dg.ExecuteInProcessResult, tiny: MeshSettings, shop: Domain
    ) -> None:
        with connect(tiny, reads=["shop"]) as con:
            publication = latest_publication(con, PortAddress.parse("shop.orders.v1"))
        assert publication is not None
        assert publication.run_id == f"{result.run_id}/shop.orders.v1"
        assert publication.contract_sha256 == shop.ports[0].contract.sha256
        assert served(tiny) == [1, 2, 3]

    def test_the_model_and_the_feed_tell_what_they_took(self, result: dg.ExecuteInProcessResult) -> None:
        (model,) = result.asset_materializations_for_node("shop_orders_model")
        assert model.metadata["dagster/row_count"].value == 3
        (feed,) = result.asset_materializations_for_node("shop_ingest")
        assert (feed.metadata["rows_ingested"].value, feed.metadata["files"].value) == (3, 1)
        assert feed.metadata["watermark"].value == LANDED_AT.timestamp()


class TestFailing:
    @pytest.fixture
    def result(self, tiny: MeshSettings, shop: Domain, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
        land(tiny.home)
        assert build(shop, instance).success
        land(tiny.home, [FREE], LANDED_AT + timedelta(minutes=10))
        result = build(shop, instance)
        assert not result.success
        return result

    def test_the_checks_are_recorded_and_nothing_is_materialized(
        self, result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance
    ) -> None:
        evaluated = {item.check_name: item for item in result.get_asset_check_evaluations()}
        assert [name for name, item in evaluated.items() if not item.passed] == ["no_free_orders"]
        assert evaluated["no_free_orders"].severity == dg.AssetCheckSeverity.ERROR
        assert evaluated["required"].passed
        built = {event.asset_key for event in result.get_asset_materialization_events()}
        assert built == {FEED, MODEL}
        assert len(instance.fetch_materializations(PORT, limit=10).records) == 1  # the first, good version

    def test_the_failure_names_the_port_the_promise_and_what_consumers_read(
        self, result: dg.ExecuteInProcessResult
    ) -> None:
        told = failure(result)
        assert told.startswith("shop.orders.v1 was not published; consumers go on reading the last good version.")
        assert "no_free_orders" in told
        assert "orders_stay_small" not in told

    def test_consumers_go_on_with_the_last_good_version(
        self, result: dg.ExecuteInProcessResult, tiny: MeshSettings
    ) -> None:
        assert served(tiny) == [1, 2, 3]
        with connect(tiny, reads=["shop"]) as con:
            address = PortAddress.parse("shop.orders.v1")
            publication, refusal = latest_publication(con, address), latest_refusal(con, address)
        assert publication is not None
        assert publication.number == 1
        assert refusal is not None
        assert refusal.run_id == f"{result.run_id}/shop.orders.v1"

    def test_a_mended_version_is_published(
        self, result: dg.ExecuteInProcessResult, tiny: MeshSettings, instance: dg.DagsterInstance
    ) -> None:
        """A rule that is made milder is a breaking change: its reader consents first."""
        contract = tiny.domains / "shop/products/orders/v1.odcs.yaml"
        milder = contract.read_text().replace("mustBe: 0", "mustBeLessThan: 2")
        contract.write_text(milder.replace("version: 1.0.0", "version: 1.1.0"))
        assert "Without consent of ledger.totals" in failure(build(load_domain(tiny.domains / "shop"), instance))
        reader = tiny.domains / "ledger/products/totals/product.odps.yaml"
        consent = (
            "{property: consents, value: [{version: 1.1.0, approver: ledger@retailer.example, given: 2026-01-01}]}"
        )
        text, end = reader.read_text(), "contractId: shop.orders.v1}"
        assert end in text
        reader.write_text(text.replace(end, f"{end[:-1]}, customProperties: [{consent}]}}"))
        assert build(load_domain(tiny.domains / "shop"), instance).success
        assert served(tiny) == [1, 2, 3, 4]


def test_a_warning_is_recorded_and_published(tiny: MeshSettings, shop: Domain, instance: dg.DagsterInstance) -> None:
    land(tiny.home)
    land(tiny.home, [LARGE], LANDED_AT + timedelta(minutes=10))
    result = build(shop, instance)
    assert result.success
    evaluated = {item.check_name: item for item in result.get_asset_check_evaluations()}
    assert not evaluated["orders_stay_small"].passed
    assert evaluated["orders_stay_small"].severity == dg.AssetCheckSeverity.WARN
    (event,) = result.asset_materializations_for_node("shop_orders_v1")
    assert event.metadata["score"].value < 100
    assert served(tiny) == [1, 2, 3, 5]
    (event,) = build(shop, instance).asset_materializations_for_node("shop_orders_v1")
    assert "2 publications in " in str(event.metadata["score_history"].value)


def test_the_first_version_failing_leaves_no_port(
    tiny: MeshSettings, shop: Domain, instance: dg.DagsterInstance
) -> None:
    land(tiny.home, [FREE])
    assert not build(shop, instance).success
    with connect(tiny, reads=["shop"]) as con:
        assert latest_publication(con, PortAddress.parse("shop.orders.v1")) is None


def test_only_rules_of_severity_error_block(shop: Domain) -> None:
    (port,) = shop.ports
    checks = {spec.name: spec.blocking for spec in port_asset(shop, shop.products[0], port, ()).check_specs}
    assert checks["no_free_orders"]
    assert checks["required"]
    assert not checks["orders_stay_small"]
    assert not checks["freshness"]


class TestIngest:
    def test_a_feed_without_news_is_not_materialized(
        self, tiny: MeshSettings, shop: Domain, instance: dg.DagsterInstance
    ) -> None:
        """Else every minute's look into the landing zone would rebuild all that reads the feed."""
        ingestion = ingest_assets(shop)
        assert ingestion is not None
        land(tiny.home)

        job = dg.Definitions([ingestion], resources={"lake": lake_resource()}).resolve_implicit_global_asset_job_def()

        def take() -> int:
            result = job.execute_in_process(instance=instance, asset_selection=[FEED])
            return len(result.get_asset_materialization_events())

        assert [take(), take()] == [1, 0]

    def test_a_run_that_goes_on_to_build_builds_without_news_too(
        self, tiny: MeshSettings, shop: Domain, instance: dg.DagsterInstance
    ) -> None:
        """Somebody asked for it in the UI: Dagster would skip the model below a feed that is left out."""
        land(tiny.home)
        for _ in range(2):
            built = {event.asset_key for event in build(shop, instance).get_asset_materialization_events()}
            assert built == {FEED, MODEL, PORT}

    def test_the_schedule_starts_a_run_only_for_feeds_with_new_files(self, tiny: MeshSettings, shop: Domain) -> None:
        schedule = ingest_schedule(shop)
        assert schedule is not None
        ingestion = ingest_assets(shop)
        repository = dg.Definitions(
            [ingestion], schedules=[schedule], resources={"lake": lake_resource()}
        ).get_repository_def()
        context = dg.build_schedule_context(repository_def=repository, scheduled_execution_time=LANDED_AT)
        assert schedule.evaluate_tick(context).run_requests == []
        land(tiny.home)
        assert waiting_files(shop, lake_resource()) == {"order_lines": 1}
        (request,) = schedule.evaluate_tick(context).run_requests
        assert request.asset_selection == [FEED]


class TestBlocked:
    @pytest.fixture
    def broken(self, tiny: MeshSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.Definitions]:
        """The shop with a second product whose contract is broken, loaded as a code location loads it."""
        import domains

        second = tiny.domains / "shop/products/returns"
        second.mkdir()
        (second / "product.odps.yaml").write_text("apiVersion: v1.0.0\nkind: DataProduct\nname: returns\n")
        (second / "v1.odcs.yaml").write_text("this: [is, no\ncontract")
        monkeypatch.setattr(domains, "__path__", [*domains.__path__, str(tiny.domains)])
        domain_definitions.cache_clear()
        yield domain_definitions("shop")
        domain_definitions.cache_clear()
        for name in [name for name in sys.modules if name.startswith("domains.shop")]:
            del sys.modules[name]

    def test_it_is_shown_with_the_findings_and_its_siblings_live(self, broken: dg.Definitions) -> None:
        dg.Definitions.validate_loadable(broken)
        specs = {spec.key: spec for spec in broken.resolve_all_asset_specs()}
        blocked = specs[dg.AssetKey(["shop", "returns", "blocked"])]
        assert blocked.tags["mesh/blocked"] == "true"
        assert "v1.odcs.yaml" in (blocked.description or "")
        assert {PORT, MODEL, FEED} <= set(specs)

    def test_it_can_not_run(self, broken: dg.Definitions) -> None:
        graph = broken.resolve_asset_graph()
        assert dg.AssetKey(["shop", "returns", "blocked"]) not in graph.executable_asset_keys

    def test_its_sibling_builds(self, broken: dg.Definitions, tiny: MeshSettings, instance: dg.DagsterInstance) -> None:
        land(tiny.home)
        result = broken.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
        assert result.success
        assert served(tiny) == [1, 2, 3]

    def test_the_reasons_are_the_description(self, shop: Domain) -> None:
        finding = Finding(
            Path("v1.odcs.yaml"), 3, "domain", "`domain` is missing.", "Add `domain: shop`.", "error", "missing-key"
        )
        spec = blocked_asset(shop, "returns", [finding], Path())
        for part in ("`domain` is missing.", "Add `domain: shop`.", "v1.odcs.yaml:3"):
            assert part in (spec.description or "")
        assert spec.owners == ["shop@retailer.example"]


def test_a_model_without_its_input_says_which(tiny: MeshSettings, shop: Domain, instance: dg.DagsterInstance) -> None:
    asset = python_model_asset(shop, shop.products[0], orders, refresh_on_update("shop"))
    result = dg.materialize([asset], instance=instance, resources={"lake": lake_resource()}, raise_on_error=False)
    assert not result.success
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    assert "order_lines" in str(event.step_failure_data.error)


def test_paths_of_this_machine_stay_out_of_what_is_published(
    tiny: MeshSettings, shop: Domain, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    land(tiny.home)
    result = build(shop, instance)
    (event,) = result.asset_materializations_for_node("shop_orders_v1")
    assert str(tmp_path) not in str(event.metadata)
