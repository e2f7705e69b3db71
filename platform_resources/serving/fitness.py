"""Fitness for a use: a consumer states needs, each product gets a verdict with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import duckdb
from fastapi import APIRouter, Depends
from pydantic import Field

from platform_resources.catalog import PortState, age_of
from platform_resources.catalog import fitness as judged
from platform_resources.catalog.fitness import Evidence as Found
from platform_resources.catalog.fitness import Verdict, nearness, verdict_of
from platform_resources.catalog.reach import date_columns, read_reach
from platform_resources.catalog.served_time import kept
from platform_resources.catalog.timelines import timeline_of
from platform_resources.contracts import Contract
from platform_resources.contracts.durations import DurationError, parse_duration
from platform_resources.contracts.links import term_of_link
from platform_resources.lake import PortAddress, utc_now
from platform_resources.operations import availability_of
from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.entitlements import contracts_of, policy_on, sight_of
from platform_resources.serving.fitness_needs import Needs, Wanted, in_the_body, understood
from platform_resources.serving.readers import CurrentReader, Reader
from platform_resources.serving.role_sights import RoleThatOpens, purposes_for, role_sights, roles_that_open
from platform_resources.serving.search import search_products

router = APIRouter(tags=["catalog"])

__all__ = ["Evidence", "Fit", "FitnessAnswer", "Needs", "Verdict", "check_fitness", "router"]

_DAYS = 30  # over which the log tells how fresh the data was
_LOG_TELLS = timedelta(days=1)  # a shorter log says nothing of the hours that it doesn't hold
_FOUND = 100  # products of a search that are judged


class Evidence(Answer):
    need: str = Field(description="In words.", examples=["no older than 30 minutes"])
    verdict: Verdict
    promised: Any | None = Field(
        description="What the contract says of it: percent, seconds, or names.", examples=[900.0]
    )
    measured: Any | None = Field(
        description="What was measured, in the same unit; null: nothing was.", examples=[240.0]
    )
    says: str = Field(examples=["promises 15 minutes, 4 minutes old now"])


class Fit(Answer):
    port: str
    verdict: Verdict = Field(description="`no` when one need is not met; `unknown` when one can't be told.")
    readable: bool = Field(description="Whether the caller holds a grant now; asking for one is no need.")
    evidence: list[Evidence]
    opened_by: list[RoleThatOpens] = Field(
        description="Where `purpose` or `clear` was asked and access is what is missing: the roles to ask for; none "
        "where the caller has it, or no role helps."
    )


class FitnessAnswer(Answer):
    fits: list[Fit] = Field(
        description="Those that fit first; then those that have what is asked for, masked or not good enough, before "
        "those that don't have it; then those that lack least; of equals the better score."
    )
    counts: dict[Verdict, int] = Field(description="Of all ports that were judged, those beyond `limit` too.")


@router.post(
    "/fitness",
    operation_id="check_fitness",
    summary="Does a product fit a use?",
    responses=refusals(422),
    dependencies=[Depends(in_the_body)],
)
def check_fitness(reader: CurrentReader, needs: Needs) -> FitnessAnswer:
    """Yes or no for each product that the caller may know of, with the evidence: promised and measured."""
    known = [state for _, ports in reader.domains() for state in ports]
    wanted = understood(reader, needs, known)
    found = []
    for state in _asked(reader, needs, known):
        quick = _Judged(state, tuple(_quick(reader, state, wanted)))
        # What one need rules out the rest can't bring back: it is looked up for those that are told.
        found.append(quick if verdict_of(quick.evidence) == "no" else quick.completed(reader, wanted))
    counts: dict[Verdict, int] = {"yes": 0, "no": 0, "unknown": 0}
    for one in found:
        counts[verdict_of(one.evidence)] += 1
    told = [one.completed(reader, wanted) for one in sorted(found, key=_Judged.order)[: needs.limit]]
    return FitnessAnswer(fits=[_fit(reader, one, wanted) for one in sorted(told, key=_Judged.order)], counts=counts)


@dataclass(frozen=True)
class _Judged:
    state: PortState
    evidence: tuple[Found, ...]
    whole: bool = False  # of every need, not only of those that are answered quickly

    def completed(self, reader: Reader, wanted: Wanted) -> _Judged:
        if self.whole:
            return self
        return _Judged(self.state, (*self.evidence, *_slow(reader, self.state, wanted)), whole=True)

    def order(self) -> tuple[int, int, int, int, float, str]:
        score = 0.0 if self.state.publication is None else self.state.publication.score
        return (*nearness(self.evidence), -score, self.state.port.address)


def _asked(reader: Reader, needs: Needs, known: list[PortState]) -> Iterator[PortState]:
    found = None
    if needs.q is not None and needs.q.strip():
        answer = search_products(reader, q=needs.q, limit=_FOUND)
        found = {hit.product for hit in answer.hits}
    for state in known:
        named = needs.ports is None or not {state.port.address, state.product.address}.isdisjoint(needs.ports)
        if named and (found is None or state.product.address in found):
            yield state


def _fit(reader: Reader, one: _Judged, wanted: Wanted) -> Fit:
    address, evidence = one.state.port.address, one.evidence
    readable = reader.caller.may("read", address) and any(grant.is_on(address) for grant in reader.grants)
    lacks = {e.lacks for e in evidence}
    asks = wanted.of_access and "content" not in lacks and ("access" in lacks or not readable)
    return Fit(
        port=address,
        verdict=verdict_of(evidence),
        readable=readable,
        evidence=[
            Evidence(need=e.need, verdict=e.verdict, promised=e.promised, measured=e.measured, says=e.says)
            for e in evidence
        ],
        opened_by=_opened_by(reader, one.state, wanted.needs) if asks else [],
    )


def _opened_by(reader: Reader, state: PortState, needs: Needs) -> list[RoleThatOpens]:
    policy = policy_on(reader, state)
    return roles_that_open(reader, policy, purposes_for(reader, policy, needs.purpose), needs.clear or ())


def _quick(reader: Reader, state: PortState, wanted: Wanted) -> Iterator[Found]:
    """Needs that what is kept in memory answers."""
    needs, publication = wanted.needs, state.publication
    contract = contracts_of(reader, state)[0]
    ended = None if state.retirement is None else state.retirement.told(state.port.address)
    if state.retirement is not None and state.retirement.replaced_by is not None:
        other = state.retirement.replaced_by
        ended = ended if reader.sees_address(other) else f"{state.port.address} was retired"
    yield judged.there(state.lifecycle, publication is not None, ended, _ends(state))
    if needs.min_score is not None:
        tier = _tier(contract)
        template = reader.documents.council.tiers.get(tier or "")
        least = None if template is None else _number(template.fields.get("minimumScore"))
        measured = None if publication is None else publication.score
        yield judged.score(needs.min_score, least, measured, tier)
    scores: Mapping[str, Any] = {} if publication is None else publication.audit.get("scores") or {}
    for name, least in wanted.dimensions.items():
        yield judged.dimension(name, least, _promised_percent(contract, name), scores.get(name))
    served = None if publication is None else publication.columns
    names = [column.name for column in contract.table.columns]
    bound = {
        column.name: [term for url in column.terms if (term := term_of_link(url, state.product.domain))]
        for column in contract.table.columns
    }
    for term in wanted.terms:
        yield judged.term(term, bound, names if served is None else served)
    for name in needs.columns or ():
        yield judged.column(name, names, served)
    if needs.tier:
        yield judged.tier(needs.tier, _tier(contract))
    for name in needs.clear or ():
        if name not in names:
            yield judged.clear(name, False, ())


def _slow(reader: Reader, state: PortState, wanted: Wanted) -> Iterator[Found]:
    """Needs that a log, a policy or the control database answers."""
    needs, now = wanted.needs, utc_now()
    contract = contracts_of(reader, state)[0]
    if wanted.max_age is not None:
        age = None if state.publication is None else age_of(state.publication, now)
        promised = contract.freshness
        covered = promised is not None and promised <= wanted.max_age
        looked = age is not None and age <= wanted.max_age and not covered
        share = _share_kept(reader, state, wanted.max_age) if looked else None
        yield judged.freshness(wanted.max_age, promised, age, share)
    if needs.min_availability is not None:
        found = availability_of(reader.access.control, reader.documents.mesh, state.port.address, now)
        yield judged.availability(
            needs.min_availability, found.objective.percent, found.measured, found.coverage, found.objective.window
        )
    if wanted.history is not None:
        yield _history(reader, state, contract, wanted.history, needs.purpose)
    if wanted.of_access:
        policy = policy_on(reader, state)
        sights = role_sights(reader, policy, purposes_for(reader, policy, needs.purpose))
        if needs.purpose is not None:
            roles = {role.name: role.purposes for role in policy.roles}
            yield judged.purpose(needs.purpose, roles, sights)
        there = {column.name for column in contract.table.columns}
        for name in needs.clear or ():
            if name in there:
                yield judged.clear(name, True, sights)


def _share_kept(reader: Reader, state: PortState, most: timedelta) -> float | None:
    """Share of the last days in which the data was no older than that; None while the log is too short to tell."""
    now = utc_now()
    log = timeline_of(reader.view, reader.access.guard.served, state, _DAYS, now)
    found = kept(log.timeline.entries, lambda _: most, log.begun, now)
    return found.share if found.counted >= _LOG_TELLS else None


def _history(reader: Reader, state: PortState, contract: Contract, need: timedelta, purpose: str | None) -> Found:
    """What is told of how far back data goes: of columns that the reader may see in clear, of all rows.

    Who holds a grant is told the day to which it goes; who holds none, a step in which its age lies.
    """
    retention = _retention(contract)
    publication = state.publication
    if publication is None:
        return judged.history(need, None, retention, "nothing is published that could be measured")
    columns = judged.dating(date_columns(contract, publication.columns, reader.documents.council))
    if not columns:
        return judged.history(need, None, retention, is_dated=False)
    sight = sight_of(reader, policy_on(reader, state), purpose)
    told = tuple(name for name in columns if name in sight.columns and not sight.columns[name])
    if sight.some_rows or not told:
        why = "how far back it reaches is told to who reads every row of it, and its dates in clear"
        return judged.history(need, None, retention, why)
    port, what = PortAddress.parse(state.port.address), ("reach", publication.number, publication.run_id, told)
    try:
        reaches = reader.view.told(port, what, lambda con: read_reach(con, port, told), lasting=True)
    except duckdb.Error:
        return judged.history(need, None, retention, "its data can't be read now")
    if not reaches:
        return judged.history(need, None, retention, f"{', '.join(told)} holds too few dates")
    oldest = min(reaches, key=lambda name: reaches[name])
    reach = judged.Reach(oldest, max(utc_now() - reaches[oldest], timedelta(0)), None, reaches[oldest].date())
    return judged.history(need, reach if sight.granted else judged.in_steps(reach), retention)


def _ends(state: PortState) -> str | None:
    if state.lifecycle != "deprecated":
        return None
    end = state.port.contract.end_of_support
    return "it is deprecated" + ("" if end is None else f", served until {end}")


def _tier(contract: Contract) -> str | None:
    found = contract.custom.get("tier")
    return None if found is None else str(found)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _promised_percent(contract: Contract, name: str) -> float | None:
    """What the SLA promises of a dimension; the standard knows completeness."""
    said = contract.sla_property(name)
    return None if said is None else _number(said.value)


def _retention(contract: Contract) -> timedelta | None:
    said = contract.sla_property("retention")
    try:
        return None if said is None else parse_duration(said.value, said.unit)
    except DurationError:
        return None
