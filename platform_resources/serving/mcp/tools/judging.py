"""Judging a product: how good it is, and whether it fits a use."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Response
from pydantic import Field
from starlette.requests import Request

from platform_resources.serving.anomalies import Anomalies, get_anomalies
from platform_resources.serving.answers import Answer
from platform_resources.serving.fitness import FitnessAnswer, Needs
from platform_resources.serving.fitness import check_fitness as fitness_of
from platform_resources.serving.mcp.lookups import port_of
from platform_resources.serving.mcp.results import Found
from platform_resources.serving.mcp.sessions import reader
from platform_resources.serving.mcp.tools.arguments import ColumnName, Cursor, Product
from platform_resources.serving.mcp.tools.summaries import quality_said
from platform_resources.serving.operation import AvailabilityOut, get_availability
from platform_resources.serving.ports import Freshness, freshness_of
from platform_resources.serving.product_metrics import IncidentOut, get_incidents
from platform_resources.serving.quality import Measured, PublicationOut, RuleResult, list_publications
from platform_resources.serving.quality import get_quality as quality_of
from platform_resources.serving.quality_figures import ShareOut, trends_said

_RECENT, _DAYS = 10, 90  # publications; days of incidents

Address = Annotated[str, Field(min_length=1, max_length=200)]
Percent = Annotated[float, Field(ge=0, le=100)]


class Checked(Answer):
    score: float = Field(description="0-100.")
    scores: dict[str, float] = Field(description="By dimension, 0-100.")
    completeness_percent: float | None = Field(
        description="Values that are there, in the columns that promise some; null where none does, or it is withheld."
    )
    accuracy_percent: float | None = Field(
        description="Values that agree with the contract's references; null where it names none, or it is withheld."
    )
    passed: bool = Field(description="Whether every check of severity error passed.")
    checks: int = Field(description="How many were made.")
    failed: int = Field(description="How many of them failed, of any severity.")
    contract_version: str
    at: datetime
    results: list[RuleResult] = Field(description="The checks that failed; with `detail` those that passed follow.")


class QualityFound(Answer):
    port: str
    publication: int | None = Field(description="Number of the publication that was measured.")
    measured: Checked | None = Field(description="Null before the first publication.")
    refused: Checked | None = Field(description="Of a newer version that failed, and that nobody reads.")
    trends: dict[str, str] = Field(
        description="Figure -> where it leads over the last publications; empty before five.",
        examples=[{"score/accuracy": "falling 0.4 a week"}],
    )


class Published(Answer):
    number: int
    kind: str = Field(description="`publish`, `rollback` or `retire`.")
    contract_version: str
    rows: int | None = Field(description="Null to who gets some of them only.")
    score: float
    scores: dict[str, float] | None = Field(description="By dimension; null without `detail`.")
    published_at: datetime


class Unusual(Answer):
    figure: str
    says: str = Field(description="What was seen and what was expected.")
    since_publication: int = Field(description="The first version in a row that was so.")
    versions: int = Field(description="How many versions were so.")


class UnusualFound(Answer):
    judged: bool = Field(description="False: this version was not, the next one will be.")
    learning: bool = Field(description="Too few versions were known to call any unusual.")
    watched_figures: int
    figures: list[Unusual] = Field(description="Those that earlier versions do not foretell; no promise is broken.")
    withheld: int = Field(description="How many more are about columns or rows that you don't see.")


class QualityAbout(Answer):
    summary: str = Field(description="The answer as a sentence.")
    freshness: Freshness = Field(description="Promised against now.")
    availability: AvailabilityOut = Field(description="Promised against measured.")
    quality: QualityFound
    recent: list[Published] = Field(description="The last publications, newest first: how the score went.")
    unusual: UnusualFound = Field(description="Of the served version, beside those before it.")
    incidents: list[IncidentOut] = Field(description="Refused versions, outages, late data of 90 days, newest first.")


def get_quality(
    product: Product,
    detail: Annotated[
        bool, Field(description="Also the checks that passed, and the scores by dimension of earlier publications.")
    ] = False,
    cursor: Cursor = None,
) -> Found[QualityAbout]:
    """How good a product is now: score by dimension, failed checks, freshness, availability, history, what is unusual.

    Use it to answer whether data can be trusted, whether a promise is kept, what went wrong lately, and which rule
    failed; a refused version is told too. `summary` says it in a sentence; `detail` adds the checks that passed. Values
    that could tell masked data are withheld. Example: {"product": "finance.revenue"}.
    """
    me = reader()
    state = port_of(me, product)
    log = list_publications(_NO_REQUEST, Response(), me, state, _RECENT, None)
    report, fresh, unusual = quality_of(me, state), freshness_of(state), get_anomalies(me, state)
    happened = get_incidents(me, state.product.domain, state.product.name, _DAYS)
    about = QualityAbout(
        summary=quality_said(report, fresh, unusual, happened.total, _DAYS),
        freshness=fresh,
        availability=get_availability(me, state),
        quality=QualityFound(
            port=report.port,
            publication=report.publication,
            measured=_checked(report.measured, detail),
            refused=_checked(report.refused, detail),
            trends=trends_said(report.trends),
        ),
        recent=[_published(one, detail) for one in log.publications],
        unusual=_unusual(unusual),
        incidents=happened.incidents,
    )
    if report.measured is None:
        hints = ("Nothing is published yet: there is nothing to measure.",)
    else:
        hints = () if detail else ("Checks that passed are counted; `detail` tells them too.",)
    return Found(
        about,
        lists=("quality.refused.results", "quality.measured.results", "recent", "unusual.figures", "incidents"),
        cursor=cursor,
        hints=hints,
    )


def _checked(measured: Measured | None, detail: bool) -> Checked | None:
    if measured is None:
        return None
    failed = [result for result in measured.results if result.status == "failed"]
    passed = [result for result in measured.results if result.status == "passed"]
    return Checked(
        score=measured.score,
        scores=measured.scores,
        completeness_percent=_percent(measured.completeness),
        accuracy_percent=_percent(measured.accuracy),
        passed=measured.passed,
        checks=len(measured.results),
        failed=len(failed),
        contract_version=measured.contract_version,
        at=measured.at,
        results=[*failed, *passed] if detail else failed,
    )


def _unusual(found: Anomalies) -> UnusualFound:
    return UnusualFound(
        judged=found.judged,
        learning=found.learning,
        watched_figures=found.watched_figures,
        figures=[
            Unusual(figure=one.figure, says=one.told, since_publication=one.since_publication, versions=one.versions)
            for one in found.anomalies
        ],
        withheld=found.withheld,
    )


def _percent(share: ShareOut | None) -> float | None:
    return None if share is None else share.percent


def _published(publication: PublicationOut, detail: bool) -> Published:
    return Published(
        number=publication.number,
        kind=publication.kind,
        contract_version=publication.contract_version,
        rows=publication.rows,
        score=publication.score,
        scores=publication.scores if detail else None,
        published_at=publication.published_at,
    )


def check_fitness(
    products: Annotated[
        list[Address] | None,
        Field(description="Judge only these products or ports; without it all.", examples=[["crm.customer_360"]]),
    ] = None,
    query: Annotated[
        str | None, Field(description="Judge only what a search for these words finds.", max_length=400)
    ] = None,
    max_age: Annotated[
        str | None, Field(description="No older than: ISO 8601 duration.", max_length=40, examples=["PT30M", "P1D"])
    ] = None,
    min_score: Annotated[Percent | None, Field(description="Least quality score, 0-100.")] = None,
    dimensions: Annotated[
        dict[str, Percent] | None,
        Field(description="Least score of a dimension, 0-100.", examples=[{"completeness": 98}]),
    ] = None,
    min_availability: Annotated[Percent | None, Field(description="Percent of the time.", examples=[99.5])] = None,
    terms: Annotated[
        list[Address] | None,
        Field(description="Has a column of each of these terms.", examples=[["crm.household_id"]]),
    ] = None,
    columns: Annotated[list[ColumnName] | None, Field(description="Has columns of these names.")] = None,
    history: Annotated[
        str | None, Field(description="Data reaches back so far: ISO 8601 duration.", max_length=40, examples=["P1Y"])
    ] = None,
    purpose: Annotated[
        str | None,
        Field(description="May be used for this purpose of the council.", max_length=63, examples=["campaigns"]),
    ] = None,
    clear: Annotated[list[ColumnName] | None, Field(description="Columns that you must get unmasked.")] = None,
    tier: Annotated[list[Address] | None, Field(description="Is of one of these tiers.")] = None,
    cursor: Cursor = None,
) -> Found[FitnessAnswer]:
    """Whether a product fits a use: state the needs, get yes, no or unknown for each product, with the evidence.

    Use it for "may I use it for marketing?" (purpose), "is it fresh and complete enough?" (max_age, dimensions),
    "is there a year of data?" (history). What you leave out does not count. list_my_access lists the purposes.
    Example: {"products": ["crm.customer_360"], "purpose": "campaigns", "max_age": "PT30M"}.
    """
    needs = Needs(
        ports=products,
        q=query,
        max_age=max_age,
        min_score=min_score,
        dimensions=dimensions,
        min_availability=min_availability,
        terms=terms,
        columns=columns,
        history=history,
        purpose=purpose,
        clear=clear,
        tier=tier,
    )
    me = reader()
    for address in products or ():
        port_of(me, address)  # one that isn't there is told with what was meant
    return Found(fitness_of(me, needs), lists=("fits",), cursor=cursor)


# The endpoint writes the next page's address into headers; here there is no such page.
_NO_REQUEST = Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []})
