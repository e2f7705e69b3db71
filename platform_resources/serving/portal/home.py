"""The first page: search, the state of the mesh, and what needs who is signed in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response

from platform_resources.catalog import PortState
from platform_resources.lake import utc_now
from platform_resources.serving.access_requests import grant_out, request_out
from platform_resources.serving.portal.pages import PortalReader, render
from platform_resources.serving.ports import freshness_of
from platform_resources.serving.readers import Reader

router = APIRouter()

_NEWEST = 8
_SHOWN = 10  # of each list of what needs somebody
_SOON = timedelta(days=30)


@dataclass(frozen=True)
class MeshFigures:
    """Of the ports that a reader may know of. `score` is the mean of the served publications; None without any."""

    domains: int
    products: int
    ports: int
    served: int
    fresh: int
    late: int
    held: int
    score: float | None


@dataclass(frozen=True)
class Trouble:
    """A port that is not as promised now. `since` is when that was seen, where it is known."""

    port: str
    kind: str
    says: str
    since: datetime | None


@router.get("/")
def home(request: Request, reader: PortalReader) -> Response:
    """The home page."""
    found = list(reader.domains())
    ports = [port for _, of in found for port in of if port.lifecycle != "retired"]
    troubles = [trouble for port in ports if (trouble := trouble_of(port)) is not None]
    served = [port for port in ports if port.publication is not None]
    served.sort(key=lambda port: port.publication.published_at, reverse=True)  # type: ignore[union-attr]
    return render(
        request,
        reader,
        "home.html",
        figures=figures_of(len(found), ports),
        newest=served[:_NEWEST],
        troubles=troubles,
        broken=[state.name for state, _ in found if state.problems] if reader.administers else [],
        **_mine(reader, ports),
    )


def figures_of(domains: int, ports: Sequence[PortState]) -> MeshFigures:
    """The mesh in figures."""
    scores = [port.publication.score for port in ports if port.publication is not None]
    states = [freshness_of(port).state for port in ports]
    return MeshFigures(
        domains=domains,
        products=len({port.product.address for port in ports}),
        ports=len(ports),
        served=len(scores),
        fresh=states.count("fresh"),
        late=states.count("late"),
        held=sum(port.held for port in ports),
        score=sum(scores) / len(scores) if scores else None,
    )


def trouble_of(port: PortState) -> Trouble | None:
    """What readers of a port should know now: a candidate that was refused, data later than promised."""
    freshness = freshness_of(port)
    if port.refusal is not None:
        says = "the newest version failed its audit; readers go on with the one before"
        return Trouble(port.port.address, "refused", says, port.refusal.refused_at)
    if freshness.state == "late":
        says = "the data is older than promised"
        return Trouble(
            port.port.address, "late", says, None if port.publication is None else port.publication.data_as_of
        )
    if port.held:
        return Trouble(port.port.address, "held", "the gate keeps the next version back", None)
    return None


def _mine(reader: Reader, ports: Iterable[PortState]) -> dict[str, object]:
    """What needs who is signed in: lists, the first to be looked at first."""
    now, requests, caller = utc_now(), reader.access.requests, reader.caller
    inbox = requests.inbox(caller) if caller.may("approve") else ()
    own = [item for item in requests.list(caller, "pending") if item.requested_by == caller.identity.id]
    ending = sorted((grant for grant in reader.grants if grant.ends_at - now < _SOON), key=lambda grant: grant.ends_at)
    products = {port.product.address: port.product for port in ports if reader.owns(port.product)}
    return {
        "inbox": [request_out(item) for item in inbox[:_SHOWN]],
        "inbox_count": len(inbox),
        "asked": [request_out(item) for item in own[:_SHOWN]],
        "ending": [grant_out(grant) for grant in ending[:_SHOWN]],
        "owned": [products[address] for address in sorted(products)][:_SHOWN],
        "owned_count": len(products),
    }
