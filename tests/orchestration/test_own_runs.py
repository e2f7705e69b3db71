"""A killed `mesh run` leaves no run behind that Dagster waits for; a living one is left alone."""

from __future__ import annotations

import dagster as dg
import pytest

from platform_resources.orchestration.own_runs import PROCESS_TAG, end_killed_runs, process_mark


@pytest.fixture
def instance(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        yield instance


def started(instance: dg.DagsterInstance, mark: str) -> str:
    @dg.job
    def empty():
        pass

    run = instance.create_run_for_job(empty, tags={PROCESS_TAG: mark}, status=dg.DagsterRunStatus.STARTED)
    return run.run_id


def test_a_run_of_a_dead_process_is_ended(instance):
    with process_mark() as mark:
        run = started(instance, mark)
    assert end_killed_runs(instance) == [run]
    assert instance.get_run_by_id(run).status == dg.DagsterRunStatus.FAILURE


def test_a_run_of_a_living_process_is_left_alone(instance):
    with process_mark() as mark:
        run = started(instance, mark)
        assert end_killed_runs(instance) == []
        assert instance.get_run_by_id(run).status == dg.DagsterRunStatus.STARTED
