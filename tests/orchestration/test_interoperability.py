"""The joins of a port as an asset check: what it says, when it runs, and when it must not."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.automation_tick_evaluation_context import build_run_requests

from platform_resources.contracts import Mesh, load_mesh
from platform_resources.governance import Council, load_council
from platform_resources.lake import MeshSettings
from platform_resources.orchestration.interoperability import JOINS_CHECK, joins_checks, nightly
from platform_resources.orchestration.resources import lake_resource
from tests.joining import CUSTOMERS, VISITS, publish_rows, write_joining_project

KNOWN = [(1, "NY", "1.00"), (2, "NJ", "2.00")]
KEY = dg.AssetKey(["ledger", "visits", "v1"])
EVENING = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)  # 18:00 in New York; the check's time is 03:47


@pytest.fixture
def joining(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MeshSettings:
    settings = write_joining_project(tmp_path)
    monkeypatch.setenv("MESH_PROJECT", str(settings.project))
    monkeypatch.setenv("MESH_HOME", str(settings.home))
    return settings


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def documents(settings: MeshSettings) -> tuple[Mesh, Council]:
    return load_mesh(settings.domains), load_council(settings.project / "governance")


def checks(settings: MeshSettings) -> dg.AssetChecksDefinition:
    made = joins_checks("ledger", *documents(settings), ["ledger.totals.v1", VISITS])
    assert made is not None
    return made


def evaluate(settings: MeshSettings, instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    port = dg.AssetSpec(KEY)
    defs = dg.Definitions(assets=[port], asset_checks=[checks(settings)], resources={"lake": lake_resource()})
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def test_only_ports_with_a_column_that_must_join_have_the_check(joining: MeshSettings) -> None:
    assert [key.asset_key for key in checks(joining).check_keys] == [KEY]  # amounts of totals join nothing
    mesh, _ = documents(joining)
    assert joins_checks("ledger", mesh, Council(None), [VISITS]) is None


def test_a_port_that_joins_passes_with_the_joins_in_a_table(
    joining: MeshSettings, instance: dg.DagsterInstance
) -> None:
    publish_rows(joining, CUSTOMERS, KNOWN)
    publish_rows(joining, VISITS, [(1, "NY", "1.00")])
    done = evaluate(joining, instance)
    assert done.passed
    assert done.check_name == JOINS_CHECK
    assert done.description == "2 joins hold."
    table = done.metadata["joins"]
    assert isinstance(table, dg.TableMetadataValue)
    assert {record.data["joined to"] for record in table.records} == {
        f"{CUSTOMERS}.customer_id",
        f"{CUSTOMERS}.region_code",
    }


def test_a_port_that_misses_its_rate_is_warned_and_never_blocked(
    joining: MeshSettings, instance: dg.DagsterInstance
) -> None:
    publish_rows(joining, CUSTOMERS, KNOWN)
    publish_rows(joining, VISITS, [(1, "NY", "1.00"), (99, "NY", "1.00")])
    done = evaluate(joining, instance)
    assert not done.passed
    assert (done.severity, done.blocking) == (dg.AssetCheckSeverity.WARN, False)
    assert "1 of 2 values" in (done.description or "")


def test_a_neighbour_without_a_lake_fails_nothing_but_is_told(
    joining: MeshSettings, instance: dg.DagsterInstance
) -> None:
    publish_rows(joining, VISITS, [(1, "NY", "1.00")])
    done = evaluate(joining, instance)
    assert done.passed
    assert "shop" in (done.description or "")


def test_it_runs_once_a_night_and_never_with_a_refresh(instance: dg.DagsterInstance) -> None:
    """A check without a condition of its own would ride along with every version of its port."""

    @dg.asset(key="feed")
    def feed() -> None: ...

    @dg.multi_asset(
        specs=[dg.AssetSpec("port", deps=["feed"], automation_condition=dg.AutomationCondition.eager())],
        check_specs=[dg.AssetCheckSpec("promise", asset="port")],
    )
    def port():
        yield dg.AssetCheckResult(asset_key="port", check_name="promise", passed=True)
        yield dg.MaterializeResult(asset_key="port")

    @dg.multi_asset_check(
        specs=[dg.AssetCheckSpec(JOINS_CHECK, asset="port", automation_condition=nightly())], can_subset=True
    )
    def joins():
        yield dg.AssetCheckResult(asset_key="port", check_name=JOINS_CHECK, passed=True)

    defs = dg.Definitions(assets=[feed, port], asset_checks=[joins])
    everything = dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks()
    cursor, asked, ridden = None, [], []
    now = EVENING
    for hour in range(48):
        if hour in (1, 30):
            dg.materialize([feed], instance=instance)
        result = dg.evaluate_automation_conditions(
            defs, instance, asset_selection=everything, evaluation_time=now, cursor=cursor
        )
        cursor = result.cursor
        refreshes = result.get_num_requested(dg.AssetKey("port"))
        if result.total_requested > refreshes:
            asked.append(now.hour)
        if refreshes:
            # What the daemon makes of it; `_requested_subsets` and `build_run_requests` are no public names of Dagster.
            (request,) = build_run_requests(result._requested_subsets, defs.resolve_asset_graph(), None, False)
            ridden.append({key.name for key in request.asset_check_keys or ()})
            dg.materialize([port], instance=instance, selection=["port"])
        now += timedelta(hours=1)
    assert asked == [9, 9]  # the first hour after 03:47 in New York, on two nights
    assert ridden
    assert all(names == {"promise"} for names in ridden)


@pytest.mark.usefixtures("real_project")
@pytest.mark.parametrize("domain", ["crm", "finance", "inventory", "sales", "supply_chain"])
def test_every_shipped_port_proves_its_joins(domain: str) -> None:
    defs = importlib.import_module(f"domains.{domain}.definitions").defs
    proved = {key.asset_key for check in defs.asset_checks or () for key in check.check_keys if key.name == JOINS_CHECK}
    ports = {spec.key for spec in defs.resolve_all_asset_specs() if spec.tags.get("mesh/layer") == "port"}
    assert proved == ports
    (check,) = defs.asset_checks
    assert all(not spec.blocking and spec.automation_condition is not None for spec in check.check_specs)
