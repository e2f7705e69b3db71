"""How good a port is, and its publications: what a consumer judges before it depends on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from platform_resources.catalog import PortState
from platform_resources.catalog.score_history import score_history
from platform_resources.lake import PortAddress, Publication
from platform_resources.quality import compile_checks
from platform_resources.serving.answers import Answer, Limit, Page, link_next, paged, refusals
from platform_resources.serving.entitlements import contracts_of, is_told_rows, policy_on, sight_of
from platform_resources.serving.hidden_inputs import names_unseen
from platform_resources.serving.quality_figures import (
    ManualRule,
    ShareOut,
    TrendOut,
    WeightOut,
    manual_rules_of,
    share_out,
    trends_of,
    weights_of,
)
from platform_resources.serving.readers import AskedPort, CurrentReader, Reader

router = APIRouter(tags=["products"])


class RuleResult(Answer):
    name: str
    group: str
    dimension: str | None = Field(examples=["completeness"])
    severity: Literal["error", "warning", "info"]
    status: Literal["passed", "failed"]
    value: float | int | str | bool | None = Field(
        description="Measured; null where it could tell a masked value, or hidden rows."
    )
    threshold: str
    message: str
    failed_rows: int | None = Field(description="Null where it could tell a masked value, or hidden rows.")
    score: float | None = Field(description="0-1: 1 when passed, else the share of good rows; null where withheld.")


class Measured(Answer):
    score: float = Field(description="0-100.", examples=[98.5])
    scores: dict[str, float] = Field(description="By dimension, 0-100.", examples=[{"completeness": 99.2}])
    weights: dict[str, WeightOut] = Field(
        description="What each dimension weighs in the score; empty where it was not recorded."
    )
    completeness: ShareOut | None = Field(
        description="Of the columns that must have values; null where none must, or hidden rows would be counted."
    )
    accuracy: ShareOut | None = Field(
        description="Against the references of the contract; null where it names none, or hidden rows would be counted."
    )
    passed: bool = Field(description="Whether every check of severity error passed.")
    contract_version: str
    at: datetime
    results: list[RuleResult]


class QualityReport(Answer):
    port: str
    publication: int | None = Field(description="Number of the publication that was measured.")
    measured: Measured | None = Field(description="Null before the first publication.")
    refused: Measured | None = Field(description="Of a newer version that failed, and that nobody reads.")
    trends: list[TrendOut] = Field(description="Where the figures of the last publications lead; empty before five.")
    manual: list[ManualRule] = Field(description="Rules of the contract that people look after: not measured.")


class PublicationOut(Answer):
    number: int
    kind: Literal["publish", "rollback", "retire"]
    contract_version: str
    rows: int | None = Field(description="Null to who gets some of them only: those that it can't see are not counted.")
    columns: list[str]
    score: float
    scores: dict[str, float]
    completeness_percent: float | None = Field(description="Null where it was not measured, or is withheld.")
    accuracy_percent: float | None = Field(description="Null where it was not measured, or is withheld.")
    data_as_of: datetime | None
    published_at: datetime


class PublicationPage(Page):
    port: str
    publications: list[PublicationOut] = Field(description="Newest first.")


@router.get(
    "/products/{domain}/{product}/v{major}/quality",
    operation_id="get_quality",
    summary="Quality score and results of the checks",
    responses=refusals(404, 422),
)
def get_quality(reader: CurrentReader, state: AskedPort) -> QualityReport:
    """The score of what is served, by dimension and by check. No row and no value of a row is shown."""
    publication, refusal = state.publication, state.refusal
    told = _Told(_shown_rules(reader, state), is_told_rows(reader, state), reader.sees_address)
    measured = refused = None
    if publication is not None:
        facts = (publication.score, publication.contract_version, publication.published_at)
        measured = _measured(publication.audit, *facts, told)
    if refusal is not None:
        refused = _measured(refusal.audit, refusal.score, refusal.contract_version, refusal.refused_at, told)
    number = None if publication is None else publication.number
    trends = list(trends_of(score_history(_log(reader, state)), shares=told.rows))
    return QualityReport(
        port=state.port.address,
        publication=number,
        measured=measured,
        refused=refused,
        trends=trends,
        manual=manual_rules_of(contracts_of(reader, state)[0]),
    )


@router.get(
    "/products/{domain}/{product}/v{major}/publications",
    operation_id="list_publications",
    summary="What was published when",
    responses=paged(404, 422),
)
def list_publications(
    request: Request,
    response: Response,
    reader: CurrentReader,
    state: AskedPort,
    limit: Limit = 100,
    cursor: Annotated[
        str | None, Query(description="`next` of the page before.", pattern=r"^[1-9][0-9]{0,8}$", examples=["40"])
    ] = None,
) -> PublicationPage:
    """The publication log of a port, newest first; retirements and returns to earlier versions are in it too."""
    entries = _log(reader, state)
    log = [entry for entry in entries if cursor is None or entry.number < int(cursor)][: limit + 1]
    following = str(log[limit - 1].number) if len(log) > limit else None
    link_next(request, response, following)
    told = is_told_rows(reader, state)
    found = [_publication(publication, told) for publication in log[:limit]]
    return PublicationPage(port=state.port.address, publications=found, next=following)


@dataclass(frozen=True)
class _Told:
    """What a reader is told of an audit: the rules with values (None: all), what counts rows, the products it sees."""

    rules: frozenset[str] | None
    rows: bool
    sees: Callable[[str], bool]


def _log(reader: Reader, state: PortState) -> tuple[Publication, ...]:
    """The publication log of a port, newest first, as it is kept in the process."""
    known = reader.access.guard.served.log(PortAddress.parse(state.port.address))
    return () if known is None else known.entries


def _publication(publication: Publication, told: bool) -> PublicationOut:
    figures = publication.figures
    return PublicationOut(
        number=publication.number,
        kind=publication.kind,
        contract_version=publication.contract_version,
        rows=publication.row_count if told else None,
        columns=list(publication.columns),
        score=round(publication.score, 2),
        scores=_rounded(figures.scores),
        completeness_percent=figures.shares.get("completeness") if told else None,
        accuracy_percent=figures.shares.get("accuracy") if told else None,
        data_as_of=publication.data_as_of,
        published_at=publication.published_at,
    )


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in scores.items()}


def _measured(audit: Mapping[str, Any], score: float, version: str, at: datetime, told: _Told) -> Measured:
    results = [_result(item, told) for item in audit.get("results", ())]
    return Measured(
        score=round(score, 2),
        scores=_rounded(audit.get("scores") or {}),
        weights=weights_of(audit),
        completeness=share_out(audit, "completeness", told.sees) if told.rows else None,
        accuracy=share_out(audit, "accuracy", told.sees) if told.rows else None,
        passed=all(item.status == "passed" or item.severity != "error" for item in results),
        contract_version=version,
        at=at,
        results=results,
    )


def _result(item: Mapping[str, Any], told: _Told) -> RuleResult:
    withheld = told.rules is not None and item["name"] not in told.rules
    passed = bool(item["passed"])
    verdict = f"the rule {'holds' if passed else 'is broken'}"
    message = verdict if names_unseen(item["message"], told.sees) else item["message"]
    return RuleResult(
        name=item["name"],
        group=item["group"],
        dimension=item.get("dimension"),
        severity=item["severity"],
        status="passed" if passed else "failed",
        value=None if withheld else item.get("value"),
        threshold=item["threshold"],
        message=f"{verdict}; its value is told to who reads all of it unmasked" if withheld else message,
        failed_rows=None if withheld else item.get("failed_rows"),
        score=None if withheld else item["score"],
    )


def _shown_rules(reader: Reader, state: PortState) -> frozenset[str] | None:
    """Rules whose values a reader is told; None: all.

    SQL rules answer with a value of the data (`select max(income)`): for readers who see all of it in clear only. A
    name that the contracts don't know may have been one, of a version that was refused and changed since. Of rows that
    a filter hides from a reader nothing is told: each rule counts them.
    """
    if not is_told_rows(reader, state):
        return frozenset()
    contracts = contracts_of(reader, state)
    sight = sight_of(reader, policy_on(reader, state))
    names = {column.name for column in contracts[0].table.columns}
    clear = sight.granted and not sight.some_rows and names <= {n for n, masks in sight.columns.items() if not masks}
    if clear:
        return None
    checks = [check for contract in contracts for check in compile_checks(contract)]
    return frozenset(c.name for c in checks) - {c.name for c in checks if c.kind == "sql"}
