"""Behaviour of Dagster that the mesh relies on. What fails here after an update names the decision to revisit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster_shared.check import CheckError

KEY = dg.AssetKey(["shop", "orders", "v1"])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def test_a_check_result_without_a_materialization_is_recorded(instance: dg.DagsterInstance) -> None:
    """A refused version: its checks are seen, the asset keeps its last materialization, freshness stays honest."""

    @dg.multi_asset(specs=[dg.AssetSpec(KEY)], check_specs=[dg.AssetCheckSpec("promise", asset=KEY, blocking=True)])
    def port():
        yield dg.AssetCheckResult(check_name="promise", passed=False)
        raise dg.Failure("refused", allow_retries=False)

    result = dg.materialize([port], instance=instance, raise_on_error=False)
    assert not result.success
    assert [item.passed for item in result.get_asset_check_evaluations()] == [False]
    assert instance.get_latest_materialization_event(KEY) is None


def test_a_failed_blocking_check_after_the_materialization_leaves_the_materialization(
    instance: dg.DagsterInstance,
) -> None:
    """Why a port yields its checks first and then raises, instead of leaving it to `blocking`."""

    @dg.multi_asset(specs=[dg.AssetSpec(KEY)], check_specs=[dg.AssetCheckSpec("promise", asset=KEY, blocking=True)])
    def port():
        yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="promise", passed=False)])

    assert not dg.materialize([port], instance=instance, raise_on_error=False).success
    assert instance.get_latest_materialization_event(KEY) is not None


def test_a_skippable_output_may_be_left_out(instance: dg.DagsterInstance) -> None:
    """A feed without new files is no materialization, and its step succeeds."""

    @dg.multi_asset(
        specs=[dg.AssetSpec("a", skippable=True), dg.AssetSpec("b", skippable=True)], can_subset=True, name="ingest"
    )
    def ingest():
        yield dg.MaterializeResult(asset_key="a")

    @dg.asset(deps=["b"])
    def reads_b() -> None: ...

    result = dg.materialize([ingest, reads_b], instance=instance)
    assert result.success
    built = {event.asset_key for event in result.get_asset_materialization_events()}
    assert dg.AssetKey("a") in built
    assert dg.AssetKey("b") not in built


def test_what_reads_a_skipped_output_is_skipped_in_the_same_run(instance: dg.DagsterInstance) -> None:
    """Why `mesh run` ingests in a run of its own: a model whose one feed has no news must still be built."""

    @dg.multi_asset(specs=[dg.AssetSpec("a", skippable=True)])
    def ingest():
        yield from ()

    @dg.asset(deps=["a"])
    def model() -> None: ...

    result = dg.materialize([ingest, model], instance=instance)
    assert result.success
    assert result.get_asset_materialization_events() == []


def test_a_freshness_window_is_at_least_a_minute_and_warns_before_it_fails() -> None:
    """Why shorter promises are rounded up and a warn window equal to the fail window is left out."""
    with pytest.raises(CheckError, match="less than 1 minute"):
        dg.FreshnessPolicy.time_window(fail_window=timedelta(seconds=59))
    minute = timedelta(seconds=60)
    with pytest.raises(CheckError):
        dg.FreshnessPolicy.time_window(fail_window=minute, warn_window=minute)
    policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(minutes=15), warn_window=timedelta(minutes=12))
    assert policy.fail_window.to_timedelta() == timedelta(minutes=15)


def test_two_automation_sensors_may_not_share_an_asset() -> None:
    """Why a domain's sensor targets its own group: all domains merge into one location."""

    @dg.asset(group_name="shop")
    def thing() -> None: ...

    sensors = [
        dg.AutomationConditionSensorDefinition(name, target=dg.AssetSelection.groups("shop")) for name in ("a", "b")
    ]
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="overlapping"):
        dg.Definitions.validate_loadable(dg.Definitions([thing], sensors=sensors))


def test_merging_refuses_two_specs_of_one_key() -> None:
    """Why what a domain reads of another is named by key only."""
    one = dg.Definitions([dg.AssetSpec(KEY)])
    two = dg.Definitions([dg.AssetSpec(KEY, group_name="other")])
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="same key"):
        dg.Definitions.validate_loadable(dg.Definitions.merge(one, two))


def test_eager_forgets_an_update_that_comes_with_the_childs_own(instance: dg.DagsterInstance) -> None:
    """Why `refresh_on_update` is written by hand (dagster issue 33587)."""

    @dg.asset
    def feed() -> None: ...

    @dg.asset(deps=[feed], automation_condition=dg.AutomationCondition.eager())
    def model() -> None: ...

    defs, cursor = dg.Definitions([feed, model]), None

    def tick() -> int:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(
            defs, instance=instance, asset_selection=dg.AssetSelection.all(), cursor=cursor
        )
        cursor = result.cursor
        return result.total_requested

    def updated(name: str) -> None:
        instance.report_runless_asset_event(dg.AssetMaterialization(name))

    updated("feed")
    updated("model")
    assert tick() == 0
    updated("feed")
    assert tick() == 1
    updated("model")
    updated("feed")  # after the child's own update, before the next look
    assert tick() == 0  # lost


def test_the_latest_materialization_has_the_code_version_and_metadata_that_due_is_decided_on(
    instance: dg.DagsterInstance,
) -> None:
    @dg.asset(key=KEY, code_version="1.2.0")
    def thing() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"contract_sha256": "abc"})

    before = datetime.now(UTC).timestamp()
    dg.materialize([thing], instance=instance)
    event = instance.get_latest_materialization_event(KEY)
    assert event is not None
    assert event.timestamp >= before
    assert event.asset_materialization is not None
    assert (event.asset_materialization.tags or {})["dagster/code_version"] == "1.2.0"
    assert event.asset_materialization.metadata["contract_sha256"].value == "abc"
