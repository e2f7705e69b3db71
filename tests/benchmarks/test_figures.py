"""What a run of the mesh cost is split without losing or counting a second twice."""

from datetime import UTC, datetime

import pytest

from benchmarks.aims import aims
from benchmarks.figures import FloorFigures, mesh_figures
from benchmarks.mesh_against_floor import next_busy_moment
from benchmarks.processes import Measured

TOLD = {
    "imports": 1.0,
    "inside": 19.0,
    "steps": [
        ("parse", "crm", 4.0),  # side by side, so the longer counts
        ("parse", "sales", 3.0),
        ("load", "sales", 1.0),
        ("ingest", "sales", 2.0),
        ("build", "sales.internal.bookings", 1.5),
        ("build", "sales.internal.receipt_times", 0.5),
        ("audit", "sales.bookings.v1", 0.3),
        ("publish", "sales.bookings.v1", 0.2),
        ("dbt", "sales.internal.bookings", 3.0),
        ("run", "sales", 6.0),
        ("run", "crm", 2.0),
        ("builds", "all domains", 7.0),  # the two at once
    ],
    "built": ["sales.bookings.v1"],
    "ingested_rows": 100,
}
RUN = mesh_figures(Measured(wall=20.0, cpu=15.0, peak_mb=500.0, output=""), TOLD)


def test_phases_add_up_to_the_wall_time() -> None:
    assert sum(RUN.phases.values()) == pytest.approx(20.0)
    assert (RUN.phases["import"], RUN.phases["parse"], RUN.phases["orchestrate"]) == (2.0, 4.0, 5.5)
    assert RUN.phases["side by side"] == -1.0


def test_a_product_has_its_own_model_only() -> None:
    assert RUN.products == {"sales.bookings": {"build": 1.5, "audit": 0.3, "publish": 0.2, "dbt": 3.0}}
    assert RUN.phases["build"] == 2.0


def test_aims_are_measured_against_the_floor() -> None:
    floor = FloorFigures(wall=1.0, cpu=1.0, sql=0.9, peak_mb=100.0)
    cold, tick, audit = aims(floor, RUN, RUN)
    assert (cold.limit, cold.met, tick.limit) == (24.0, True, 24.0)
    assert (audit.measured, audit.met) == (pytest.approx(10.0), True)
    assert "20 % of the SQL alone" in audit.explained


def test_every_benchmark_ticks_at_five_in_the_afternoon() -> None:
    assert next_busy_moment(datetime(2026, 11, 21, 4, tzinfo=UTC)) == datetime(2026, 11, 21, 22, tzinfo=UTC)
    assert next_busy_moment(datetime(2026, 7, 1, 21, tzinfo=UTC)) == datetime(2026, 7, 2, 21, tzinfo=UTC)
