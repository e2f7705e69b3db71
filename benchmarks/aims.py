"""What the mesh should cost against the floor, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.figures import FloorFigures, MeshFigures

COLD_TIMES_FLOOR = 4
FIXED_START_UP = 20  # seconds that a run may cost before its data counts
AUDIT_PERCENT_OF_BUILD = 25
HEAVIEST = "sales.bookings"


@dataclass(frozen=True)
class Aim:
    """`measured` and `limit` in `unit`; met when the first is not above the second."""

    name: str
    measured: float
    limit: float
    unit: str
    explained: str

    @property
    def met(self) -> bool:
        return self.measured <= self.limit


def aims(floor: FloorFigures, cold: MeshFigures, tick: MeshFigures) -> tuple[Aim, ...]:
    """The aims, with what was measured; a tick is given the cold build's allowance for its share of the rows."""
    bookings = cold.products[HEAVIEST]
    work = COLD_TIMES_FLOOR * floor.wall
    return (
        Aim(
            "cold build",
            cold.wall,
            work + FIXED_START_UP,
            "s",
            f"{COLD_TIMES_FLOOR} × floor + {FIXED_START_UP} s of start-up",
        ),
        Aim(
            "warm tick",
            tick.wall,
            work * tick.rows / cold.rows + FIXED_START_UP,
            "s",
            f"the same, × {tick.rows:,.0f} of {cold.rows:,.0f} rows",
        ),
        Aim(
            f"audit of {HEAVIEST}",
            100 * bookings["audit"] / bookings["dbt"],
            AUDIT_PERCENT_OF_BUILD,
            "%",
            f"of its build by dbt, cold ({100 * bookings['audit'] / bookings['build']:.0f} % of the SQL alone)",
        ),
    )
