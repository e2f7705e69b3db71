"""When assets run by themselves: each scenario ticks as the daemon does, on a real (in-memory) instance.

`feed` is landed data, `model` the private table made of it, `port` its published view, `reader` another product of the
domain. Nothing executes: what would have run is reported, and what a tick would request is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from platform_resources.orchestration import refresh_on_cron, refresh_on_update
from platform_resources.orchestration.automation import automation_sensor, refresh_condition

FEED, MODEL, PORT, READER = (dg.AssetKey(["shop", name]) for name in ("feed", "model", "port", "reader"))
TOTALS = dg.AssetKey(["ledger", "totals"])
EVERYTHING = dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks()
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Mesh:
    """The four assets, an instance, and a clock that moves ten seconds a tick."""

    def __init__(self, instance: dg.DagsterInstance, model: dg.AutomationCondition | None = None) -> None:
        self.instance = instance
        self.fails: set[dg.AssetKey] = set()
        self.now = START
        self.watched = (FEED, MODEL, PORT, READER)
        self._cursor = None

        @dg.asset(key=FEED, group_name="shop", tags={"mesh/layer": "source"})
        def feed() -> None: ...

        @dg.asset(key=MODEL, deps=[FEED], group_name="shop", automation_condition=model or refresh_on_update("shop"))
        def build() -> None:
            self._maybe_fail(MODEL)

        @dg.multi_asset(
            specs=[dg.AssetSpec(PORT, deps=[MODEL], group_name="shop", automation_condition=refresh_on_update("shop"))],
            check_specs=[dg.AssetCheckSpec("promise", asset=PORT, blocking=True)],
        )
        def publish():
            passed = PORT not in self.fails
            yield dg.AssetCheckResult(check_name="promise", passed=passed)
            self._maybe_fail(PORT)
            yield dg.MaterializeResult()

        @dg.asset(key=READER, deps=[PORT], group_name="shop", automation_condition=refresh_on_update("shop"))
        def read() -> None: ...

        self.defs = dg.Definitions(assets=[feed, build, publish, read])

    def _maybe_fail(self, key: dg.AssetKey) -> None:
        if key in self.fails:
            raise dg.Failure("as asked", allow_retries=False)

    def tick(self) -> set[str]:
        """Names of what one evaluation requests."""
        self.now += timedelta(seconds=10)
        result = dg.evaluate_automation_conditions(
            self.defs,
            instance=self.instance,
            asset_selection=EVERYTHING,
            cursor=self._cursor,
            evaluation_time=self.now,
        )
        self._cursor = result.cursor
        return {key.path[-1] for key in self.watched if result.get_num_requested(key)}

    def lands(self) -> None:
        self.updated(FEED)

    def updated(self, *keys: dg.AssetKey) -> None:
        for key in keys:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key))

    def runs(self, *keys: dg.AssetKey) -> None:
        """A real run, which fails where it was asked to."""
        job = self.defs.resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=self.instance, asset_selection=list(keys), raise_on_error=False)

    def settle(self) -> None:
        """Everything built once, and nothing left to do."""
        self.updated(FEED, MODEL, PORT, READER)
        self.tick()
        assert self.tick() == set()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def mesh(instance: dg.DagsterInstance) -> Mesh:
    return Mesh(instance)


def test_what_was_never_built_is_built_at_once_when_its_input_is_there(mesh: Mesh) -> None:
    assert mesh.tick() == set()  # nothing landed: nothing to read
    mesh.lands()
    assert mesh.tick() == {"model", "port", "reader"}


def test_an_update_runs_model_port_and_reader_in_one_run(mesh: Mesh) -> None:
    mesh.settle()
    mesh.lands()
    assert mesh.tick() == {"model", "port", "reader"}
    mesh.updated(MODEL, PORT, READER)
    assert [mesh.tick() for _ in range(3)] == [set()] * 3


def test_nothing_happens_without_an_update(mesh: Mesh) -> None:
    mesh.settle()
    assert [mesh.tick() for _ in range(5)] == [set()] * 5


def test_an_update_after_the_childs_own_in_the_same_tick_is_not_lost(mesh: Mesh) -> None:
    """What `eager()` loses: dagster issue 33587."""
    mesh.settle()
    mesh.lands()
    assert "model" in mesh.tick()
    mesh.updated(MODEL, PORT, READER)
    mesh.lands()  # before the daemon looked again
    assert mesh.tick() == {"model", "port", "reader"}


def test_an_update_while_the_child_is_requested_is_not_lost(mesh: Mesh) -> None:
    mesh.settle()
    mesh.lands()
    assert "model" in mesh.tick()
    mesh.lands()  # the requested run has not started
    mesh.tick()
    mesh.updated(MODEL, PORT, READER)
    mesh.lands()
    assert mesh.tick() == {"model", "port", "reader"}


def test_an_update_while_the_child_is_being_built_is_not_lost(mesh: Mesh) -> None:
    """The run had read its input when the update came; its own materialization comes later, but without it."""
    mesh.settle()
    mesh.lands()
    assert "model" in mesh.tick()
    mesh.lands()
    mesh.updated(MODEL, PORT, READER)
    assert "model" in mesh.tick()


def test_an_update_while_a_failing_child_is_being_built_is_a_reason_to_try_again(mesh: Mesh) -> None:
    mesh.settle()
    mesh.fails = {MODEL}
    mesh.lands()
    assert "model" in mesh.tick()
    mesh.lands()
    mesh.runs(MODEL)
    assert "model" in mesh.tick()
    mesh.runs(MODEL)
    assert [mesh.tick() for _ in range(3)] == [set()] * 3


def test_what_a_run_updates_on_its_way_is_no_reason_for_another(mesh: Mesh) -> None:
    mesh.settle()
    mesh.lands()
    assert mesh.tick() == {"model", "port", "reader"}
    mesh.runs(MODEL, PORT, READER)
    assert [mesh.tick() for _ in range(3)] == [set()] * 3


def test_a_build_by_hand_is_followed_by_one_more_at_most(mesh: Mesh) -> None:
    """Nobody can tell whether it read the update: it was not requested."""
    mesh.settle()
    mesh.lands()
    mesh.updated(MODEL, PORT, READER)  # before the daemon looked
    assert "model" in mesh.tick()
    mesh.updated(MODEL, PORT, READER)
    assert [mesh.tick() for _ in range(3)] == [set()] * 3


def test_many_updates_between_two_ticks_are_one_run(mesh: Mesh) -> None:
    mesh.settle()
    for _ in range(4):
        mesh.lands()
    assert "model" in mesh.tick()
    mesh.updated(MODEL, PORT, READER)
    assert mesh.tick() == set()


def test_a_failure_is_not_tried_again_and_again(mesh: Mesh) -> None:
    mesh.settle()
    mesh.fails = {MODEL}
    mesh.lands()
    assert "model" in mesh.tick()
    mesh.runs(MODEL)
    assert [mesh.tick() for _ in range(5)] == [set()] * 5


def test_a_failure_is_tried_again_after_the_next_update(mesh: Mesh) -> None:
    mesh.settle()
    mesh.fails = {MODEL}
    mesh.lands()
    mesh.tick()
    mesh.runs(MODEL)
    assert mesh.tick() == set()
    mesh.fails = set()
    mesh.lands()
    assert mesh.tick() == {"model", "port", "reader"}
    mesh.runs(MODEL, PORT, READER)
    assert [mesh.tick() for _ in range(3)] == [set()] * 3


def test_a_failure_of_the_first_build_is_not_tried_again_and_again(mesh: Mesh) -> None:
    mesh.lands()
    mesh.fails = {MODEL}
    assert "model" in mesh.tick()
    mesh.runs(MODEL)
    assert [mesh.tick() for _ in range(3)] == [set()] * 3
    mesh.fails = set()
    mesh.lands()
    assert mesh.tick() == {"model", "port", "reader"}


def test_a_refused_version_reaches_nobody_and_is_judged_again_after_the_next_update(mesh: Mesh) -> None:
    mesh.settle()
    mesh.fails = {PORT}
    mesh.lands()
    mesh.tick()
    mesh.runs(MODEL, PORT)
    assert [mesh.tick() for _ in range(3)] == [set()] * 3  # neither the port nor its reader
    mesh.fails = set()
    mesh.lands()
    assert mesh.tick() == {"model", "port", "reader"}


def test_a_failed_blocking_check_upstream_stops_no_reader_of_the_last_good_version(
    instance: dg.DagsterInstance,
) -> None:
    """A reader of two ports: one is refused, the other goes on bringing news, so the reader is refreshed."""
    other = dg.AssetKey(["shop", "other"])

    @dg.multi_asset(
        specs=[dg.AssetSpec(PORT)],
        check_specs=[dg.AssetCheckSpec("promise", asset=PORT, blocking=True)],
        name="publish",
    )
    def publish():
        yield dg.AssetCheckResult(check_name="promise", passed=False)
        raise dg.Failure("refused", allow_retries=False)

    @dg.asset(key=other)
    def another() -> None: ...

    @dg.asset(key=READER, deps=[PORT, other], automation_condition=refresh_on_update("ledger"))
    def read() -> None: ...

    defs = dg.Definitions(assets=[publish, another, read])
    for key in (PORT, other, READER):
        instance.report_runless_asset_event(dg.AssetMaterialization(key))
    cursor = dg.evaluate_automation_conditions(defs, instance=instance, asset_selection=EVERYTHING).cursor
    job = defs.resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=instance, asset_selection=[PORT], raise_on_error=False)
    result = dg.evaluate_automation_conditions(defs, instance=instance, asset_selection=EVERYTHING, cursor=cursor)
    assert result.get_num_requested(READER) == 0  # a refused version is no news
    instance.report_runless_asset_event(dg.AssetMaterialization(other))
    result = dg.evaluate_automation_conditions(
        defs, instance=instance, asset_selection=EVERYTHING, cursor=result.cursor
    )
    assert result.get_num_requested(READER) == 1


class TestAnotherDomain:
    """A reader in a location of its own: its sensor sees its own assets and the ports that they read."""

    @pytest.fixture
    def ledger(self, instance: dg.DagsterInstance) -> Mesh:
        mesh = Mesh(instance)

        @dg.asset(key=TOTALS, deps=[PORT], group_name="ledger", automation_condition=refresh_on_update("ledger"))
        def totals() -> None: ...

        mesh.defs = dg.Definitions(assets=[dg.AssetSpec(PORT, group_name="shop", tags={"mesh/layer": "port"}), totals])
        mesh.watched = (TOTALS,)
        mesh.updated(PORT, TOTALS)
        assert [mesh.tick() for _ in range(2)] == [set()] * 2
        return mesh

    def test_a_new_version_is_read_once(self, ledger: Mesh) -> None:
        ledger.updated(PORT)
        assert ledger.tick() == {"totals"}
        ledger.runs(TOTALS)
        assert [ledger.tick() for _ in range(3)] == [set()] * 3

    def test_a_version_that_came_while_the_last_one_was_read_is_read_too(self, ledger: Mesh) -> None:
        ledger.updated(PORT)
        assert ledger.tick() == {"totals"}
        ledger.updated(PORT)
        ledger.runs(TOTALS)
        assert ledger.tick() == {"totals"}
        ledger.runs(TOTALS)
        assert [ledger.tick() for _ in range(3)] == [set()] * 3


class TestCron:
    DAILY = "30 5 * * *"  # 10:30 UTC in winter

    def test_it_runs_at_its_time_in_new_york_whatever_happens_upstream(self, instance: dg.DagsterInstance) -> None:
        mesh = Mesh(instance, refresh_on_cron(self.DAILY))
        mesh.settle()
        mesh.lands()
        assert mesh.tick() == set()
        mesh.now = datetime(2026, 3, 3, 10, 29, 30, tzinfo=UTC)
        assert mesh.tick() == set()
        mesh.now = datetime(2026, 3, 3, 10, 30, tzinfo=UTC)
        assert mesh.tick() == {"model", "port", "reader"}

    def test_it_runs_once_a_tick(self, instance: dg.DagsterInstance) -> None:
        mesh = Mesh(instance, refresh_on_cron(self.DAILY))
        mesh.settle()
        mesh.now = datetime(2026, 3, 3, 10, 30, tzinfo=UTC)
        assert "model" in mesh.tick()
        mesh.updated(MODEL, PORT, READER)
        assert [mesh.tick() for _ in range(3)] == [set()] * 3
        mesh.now = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
        assert "model" in mesh.tick()

    def test_it_is_built_at_once_when_it_was_never_built(self, instance: dg.DagsterInstance) -> None:
        mesh = Mesh(instance, refresh_on_cron(self.DAILY))
        mesh.lands()
        assert mesh.tick() == {"model", "port", "reader"}

    def test_a_failure_waits_for_the_next_tick(self, instance: dg.DagsterInstance) -> None:
        mesh = Mesh(instance, refresh_on_cron(self.DAILY))
        mesh.settle()
        mesh.fails = {MODEL}
        mesh.now = datetime(2026, 3, 3, 10, 30, tzinfo=UTC)
        assert "model" in mesh.tick()
        mesh.runs(MODEL)
        assert [mesh.tick() for _ in range(3)] == [set()] * 3
        mesh.now = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
        assert "model" in mesh.tick()


def test_a_contract_says_update_or_cron() -> None:
    assert refresh_condition("on_update", "shop").get_label() == "refresh_on_update"
    assert refresh_condition("30 5 * * *", "shop").get_label() == "refresh_on_cron"
    with pytest.raises(Exception, match="cron"):
        refresh_condition("whenever", "shop")


def test_the_sensor_of_a_domain_runs_from_the_start_and_takes_its_own_assets_only() -> None:
    sensor = automation_sensor("shop")
    assert (sensor.default_status, sensor.minimum_interval_seconds) == (dg.DefaultSensorStatus.RUNNING, 10)

    @dg.multi_asset(
        specs=[dg.AssetSpec("mine", group_name="shop")], check_specs=[dg.AssetCheckSpec("promise", asset="mine")]
    )
    def mine(): ...

    graph = dg.Definitions([mine, dg.AssetSpec("theirs", group_name="ledger")]).resolve_asset_graph()
    assert sensor.asset_selection.resolve(graph) == {dg.AssetKey("mine")}
    assert sensor.asset_selection.resolve_checks(graph) == {dg.AssetCheckKey(dg.AssetKey("mine"), "promise")}
