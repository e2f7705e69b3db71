"""What is wrong with a port now, from what is measured already: its log, its probes, the gate, its rules by the clock.

Nothing is measured twice: refusals and late data are the open incidents of the catalog, availability is that of this
room. Only rules that ask what time it is are evaluated anew, on what is served.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

import duckdb

from platform_resources.access import Access, AccessError
from platform_resources.catalog import PortState
from platform_resources.catalog.anomalies import anomalies_of
from platform_resources.catalog.fitness import length
from platform_resources.catalog.fitness.evidence import floored
from platform_resources.catalog.incidents import Incident, incidents_of
from platform_resources.catalog.timelines import timeline_of
from platform_resources.catalog.view import CatalogView
from platform_resources.contracts.lifecycle import Lifecycle
from platform_resources.contracts.wording import counted
from platform_resources.lake import PortAddress, Publication, PublicationError, lake_exists, qualified
from platform_resources.operations.alerts.model import KINDS, Kind, PortLook, Trouble
from platform_resources.operations.availability import Availability, availability_of
from platform_resources.quality import evaluate
from platform_resources.quality.anomalies import Judged
from platform_resources.quality.clock import clock_rules

_WATCHED: frozenset[Lifecycle] = frozenset(("active", "deprecated"))
_LOGGED: frozenset[Kind] = frozenset(("refused", "late", "rules", "anomalies"))  # told by the lake
_DAYS = 90  # of the log
_NAMED = 3  # rules that are named


def look_at(access: Access, view: CatalogView, state: PortState, now: datetime) -> PortLook:
    """One look at a port. A port that is a draft or retired has no troubles: nobody is promised anything.

    Raises
    ------
    ControlError, sqlalchemy.exc.SQLAlchemyError
        when the control database can't be used.
    """
    address = state.port.address
    if state.lifecycle not in _WATCHED:
        return PortLook(address)
    try:
        measured = availability_of(access.control, view.documents.mesh, address, now)
    except KeyError:  # its files changed since the state was read
        return PortLook(address, unknown=KINDS)
    found = [*_held(state), *_unavailable(measured)]
    unknown: set[Kind] = set()
    if measured.state == "unknown" and measured.objective.percent is not None:
        unknown.add("availability")
    if not lake_exists(access.settings, state.product.domain):
        return PortLook(address, tuple(found), frozenset(unknown | _LOGGED))
    try:
        found += [*_incidents(access, view, state, now), *_broken_rules(access, view, state, now)]
        judged = anomalies_of(state)
        found += _unusual(state, judged)
        if state.publication is not None and not judged.profiled:
            unknown.add("anomalies")
    except (AccessError, duckdb.Error, PublicationError):
        why = "its lake can't be read (`mesh fsck` tells the damage)"
        return PortLook(address, tuple(found), frozenset(unknown | _LOGGED), why)
    return PortLook(address, tuple(found), frozenset(unknown))


def _incidents(access: Access, view: CatalogView, state: PortState, now: datetime) -> Iterator[Trouble]:
    """Refusals and late data that last: the newest of each kind."""
    log = timeline_of(view, access.guard.served, state, _DAYS, now)
    lasting: dict[str, Incident] = {}
    for one in incidents_of(state.port.address, log.timeline, log.promised, log.start, now):
        if one.closed_at is None:
            lasting.setdefault(one.kind, one)
    for kind in ("refused", "late"):
        if kind in lasting:
            one = lasting[kind]
            yield Trouble(one.port, kind, "error", one.opened_at, one.cause, one.effect)


def _held(state: PortState) -> Iterator[Trouble]:
    """Its findings by their codes alone: their words may name consumers."""
    codes = list(dict.fromkeys(item.finding.code for item in state.judgements if item.blocks))
    if codes:
        cause = f"what blocks: {_named(codes)}; `mesh check` tells more"
        effect = "no new version is published; readers go on with the last one"
        yield Trouble(state.port.address, "held", "error", None, cause, effect)


def _unavailable(one: Availability) -> Iterator[Trouble]:
    if one.state not in ("at risk", "broken") or one.measured is None or one.objective.percent is None:
        return
    promised = f"{one.objective.percent:g} % of {length(one.objective.window)}"
    cause = f"measured {floored(one.measured, 3)} %, promised {promised}"
    left = one.budget_left_percent
    spent = one.state == "broken" or left is None
    effect = "the error budget is used up" if spent else f"{floored(left, 0)} % of the error budget is left"
    effect += ", and it is down now" if one.last is not None and not one.last.up else ""
    yield Trouble(one.port, "availability", "error" if one.state == "broken" else "warning", None, cause, effect)


def _broken_rules(access: Access, view: CatalogView, state: PortState, now: datetime) -> Iterator[Trouble]:
    """Rules that held when the served version was published, and fail today."""
    publication, address = state.publication, PortAddress.parse(state.port.address)
    if publication is None:
        return
    contract = view.promise(address, publication).contract
    held = _held_then(publication)
    asked = [name for name in clock_rules(contract) if name in held]
    if not asked:
        return
    with closing(access.guard.lakes.cursor(address.domain)) as con:
        served = qualified(address.domain, address.product, f"v{address.major}")
        audit = evaluate(con, contract, served, now, publication.data_as_of, only=asked)
    failed = [result.name for result in audit.results if result.evaluated and not result.passed]
    if failed:
        does = "does" if len(failed) == 1 else "do"
        cause = f"{_named(failed)} held as the version was published, and no longer {does}"
        effect = f"publication {publication.number} is served all the same"
        yield Trouble(str(address), "rules", "error", None, cause, effect)


def _unusual(state: PortState, judged: Judged) -> Iterator[Trouble]:
    """By figure and column alone: a value of a column may be somebody's."""
    if judged.anomalies and state.publication is not None:
        names = list(dict.fromkeys(one.feature.subject for one in judged.anomalies))
        since = min(one.since_at for one in judged.anomalies)
        cause = f"beside the versions before it, unusual: {_named(names)}"
        effect = f"publication {state.publication.number} is served all the same; `mesh anomalies` shows it"
        yield Trouble(state.port.address, "anomalies", "warning", since, cause, effect)


def _held_then(publication: Publication) -> frozenset[str]:
    results: list[Mapping[str, Any]] = publication.audit.get("results", [])
    return frozenset(str(one.get("name")) for one in results if one.get("passed") is True)


def _named(names: list[str]) -> str:
    told = ", ".join(names[:_NAMED])
    return told if len(names) <= _NAMED else f"{told} and {counted(len(names) - _NAMED, 'other')}"
