"""What is unusual about the version that a port serves, as far as who asks may know of it: for API, portal and MCP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from fastapi import APIRouter
from pydantic import Field

from platform_resources.catalog import PortState
from platform_resources.catalog.anomalies import anomalies_of
from platform_resources.quality.anomalies import Anomaly, Judged
from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.entitlements import is_told_rows, policy_on, sight_of
from platform_resources.serving.readers import AskedPort, CurrentReader, Reader

router = APIRouter(tags=["products"])


class ExpectedPoint(Answer):
    publication: int
    day: date = Field(description="Of which it tells: the last whole day of its rows, else when it was published.")
    seen: float | None
    expected: float | None
    low: float | None
    high: float | None
    unusual: bool


class AnomalyOut(Answer):
    figure: str = Field(examples=["share of nulls in phone"])
    kind: str = Field(examples=["nulls"])
    column: str | None
    says: str = Field(description="The figure, what was seen of it and what was expected, in a sentence.")
    seen: float | None = Field(description="In rows, days, as a share 0-1 or in the column's unit; null: of a schema.")
    expected: float | None
    low: float | None = Field(description="What would have been usual: from here ...")
    high: float | None = Field(description="... to here.")
    deviations: float = Field(description="How many times the usual deviation it is off.", examples=[9.5])
    since_publication: int = Field(description="The first version in a row that was so.")
    since: datetime
    versions: int = Field(description="How many versions were so, this one among them.")
    points: list[ExpectedPoint] = Field(
        description="The versions before it, oldest first, and itself; of the 24 most unusual figures."
    )

    @property
    def told(self) -> str:
        """The same sentence without the figure, whose name may hold any text."""
        return self.says.removeprefix(self.figure).partition(": ")[2]


class Anomalies(Answer):
    port: str
    publication: int | None = Field(description="That is served; null when nothing is.")
    judged: bool = Field(
        description="Whether it was judged when it was published; if not, the next one is, and nothing is told here."
    )
    learning: bool = Field(description="Whether it was judged while too few versions were known to call any unusual.")
    known_versions: int = Field(description="Of other days, that it is compared with; counted up to those needed.")
    needed_versions: int
    watched_figures: int
    anomalies: list[AnomalyOut] = Field(description="The most unusual first.")
    withheld: int = Field(description="How many more are about columns or rows that you don't see.")


@router.get(
    "/products/{domain}/{product}/v{major}/anomalies",
    operation_id="get_anomalies",
    summary="What is unusual about the served version",
    responses=refusals(404, 422),
)
def get_anomalies(reader: CurrentReader, state: AskedPort) -> Anomalies:
    """Figures of the served version that its own past does not foretell. They warn, and broke no promise."""
    found = anomalies_of(state)
    told = _told(found.anomalies, reader, state)
    return _anomalies(state, found, told)


def _anomalies(state: PortState, found: Judged, told: list[Anomaly]) -> Anomalies:
    return Anomalies(
        port=state.port.address,
        publication=None if state.publication is None else state.publication.number,
        judged=found.profiled,
        learning=found.profiled and found.learning,
        known_versions=found.known,
        needed_versions=found.needed,
        watched_figures=found.watched,
        anomalies=[anomaly_out(one) for one in told],
        withheld=len(found.anomalies) - len(told),
    )


def anomaly_out(one: Anomaly) -> AnomalyOut:
    return AnomalyOut(
        figure=one.feature.title,
        kind=one.feature.kind,
        column=one.feature.column,
        says=one.says,
        seen=one.seen,
        expected=one.expected,
        low=one.low,
        high=one.high,
        deviations=one.deviations,
        since_publication=one.since,
        since=one.since_at,
        versions=one.versions,
        points=[
            ExpectedPoint(
                publication=point.number,
                day=point.day,
                seen=point.seen,
                expected=point.expected,
                low=point.low,
                high=point.high,
                unusual=point.unusual,
            )
            for point in one.points
        ],
    )


def _told(found: Sequence[Anomaly], reader: Reader, state: PortState) -> list[Anomaly]:
    """Of the schema, to the owners; of all rows, to who sees all of them; of a column, to who reads it in clear."""
    manages, rows = reader.manages(state.product), is_told_rows(reader, state)
    columns = _clear_columns(reader, state) if rows and any(one.feature.column for one in found) else frozenset()

    def is_told(one: Anomaly) -> bool:
        if one.feature.kind == "schema":
            return manages
        return rows and (one.feature.column is None or one.feature.column in columns)

    return [one for one in found if is_told(one)]


def _clear_columns(reader: Reader, state: PortState) -> frozenset[str]:
    """Columns of which a reader gets all values unmasked: by a grant, or as an owner.

    Columns that the contract doesn't promise are nobody's to see.
    """
    sight = sight_of(reader, policy_on(reader, state))
    if sight.some_rows or not (sight.granted or reader.manages(state.product)):
        return frozenset()
    return frozenset(name for name, masks in sight.columns.items() if not masks)
