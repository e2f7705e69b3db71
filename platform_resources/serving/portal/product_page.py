"""All that a product's page shows, gathered from the functions behind the API: the page decides nothing of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from fastapi import Request, Response

from platform_resources.access.errors import UnknownPortError
from platform_resources.catalog import PortState
from platform_resources.contracts import Contract
from platform_resources.lake import utc_now
from platform_resources.operations import ProbeSettings, levels_of
from platform_resources.operations.history import read_history
from platform_resources.quality import compile_checks
from platform_resources.serving.access_requests import RequestOut
from platform_resources.serving.anomalies import Anomalies, get_anomalies
from platform_resources.serving.consumers import Consumers, get_consumers
from platform_resources.serving.entitlements import contracts_of
from platform_resources.serving.impact import Impact, get_impact
from platform_resources.serving.lineage import Lineage, get_lineage
from platform_resources.serving.operation import AvailabilityOut, UsageOut, availability_out, get_usage
from platform_resources.serving.portal.access_views import AccessViews
from platform_resources.serving.portal.lineage_picture import Picture, port_picture
from platform_resources.serving.portal.plots import age_figure, availability_figure, reads_figure, score_figure
from platform_resources.serving.portal.plots_drawn import Drawn, Plotter
from platform_resources.serving.portal.plots_unusual import unusual_figure
from platform_resources.serving.portal.product_columns import ColumnRow, best_first, rows_of
from platform_resources.serving.portal.product_promises import LevelRow, PromiseRow, levels_shown, promises_of
from platform_resources.serving.portal.product_usage import Example, examples_of
from platform_resources.serving.ports import PortDetail, detail_of
from platform_resources.serving.product_metrics import (
    Incidents,
    ProductMetrics,
    Ratings,
    get_incidents,
    get_metrics,
    get_ratings,
)
from platform_resources.serving.products import ProductDetail, get_product
from platform_resources.serving.quality import PublicationOut, QualityReport, get_quality, list_publications
from platform_resources.serving.quality_figures import trends_said
from platform_resources.serving.readers import Reader
from platform_resources.serving.schemas import PortSchema, get_schema
from platform_resources.serving.slos import slos_of

LOG_ROWS = 10  # publications on the product's own page
_PLOTTED = 60  # publications that the plots tell of
_UNUSUAL_PLOTTED = 3  # anomalies; all are told
_DEPTH = 2  # steps of lineage on the product's own page


@dataclass(frozen=True)
class SupportLink:
    channel: str
    href: str | None  # where a browser may go; None for any other scheme
    says: str


@dataclass(frozen=True)
class ProductPage:
    """What one reader is shown of one port of a product. `purpose`: of its reading; None when it has none."""

    product: ProductDetail
    port: PortDetail
    schema: PortSchema
    purpose: str | None
    purposes: tuple[str, ...]  # of its grants: each may show other columns in clear
    columns: list[ColumnRow]
    examples: tuple[Example, ...]
    quality: QualityReport
    anomalies: Anomalies
    rules: dict[str, str]  # check -> what it means, by the contract
    promises: list[PromiseRow]
    levels: list[LevelRow]
    availability: AvailabilityOut
    log: list[PublicationOut]
    log_next: str | None
    plots: list[Drawn]
    lineage: Lineage
    picture: Picture
    impact: Impact
    consumers: Consumers
    usage: UsageOut
    metrics: ProductMetrics
    ratings: Ratings
    incidents: Incidents
    support: list[SupportLink]
    manages: bool
    asked: list[RequestOut]  # own requests that are not decided yet
    nothing: dict[int, str]  # own grants that name a clearance -> why they open nothing

    @property
    def trends(self) -> dict[str, str]:
        return trends_said(self.quality.trends)

    @property
    def readable(self) -> bool:
        """Whether the reader gets rows: by a grant, or as an owner."""
        return self.schema.granted


def asked_port(reader: Reader, domain: str, product: str, port: str | None) -> PortState:
    """The port that an address names (`v2`), or the one to read first; UnknownPortError when there is none."""
    states = {f"v{state.port.major}": state for state in reader.product(domain, product)}
    if port is None:
        first = get_product(reader, domain, product).ports[0]
        return states[f"v{first.major}"]
    if port not in states:
        raise UnknownPortError(f"{domain}.{product} has no such port", f"It has {', '.join(sorted(states))}.")
    return states[port]


def page_of(
    request: Request, reader: Reader, state: PortState, plotter: Plotter, root: str, purpose: str | None
) -> ProductPage:
    """Everything. `root` is the server's address; `purpose` is the one that the reader chose, if any."""
    product = get_product(reader, state.product.domain, state.product.name)
    port = detail_of(reader, state)
    schema, purpose = schema_for(reader, state, purpose)
    contract = contracts_of(reader, state)[0]
    columns = rows_of(schema, contract)
    publications = list_publications(request, Response(), reader, state, _PLOTTED, None)
    quality = get_quality(reader, state)
    anomalies = get_anomalies(reader, state)
    now = utc_now()
    levels = levels_of(reader.access, reader.view, state, now)
    availability = availability_out(levels.availability)
    usage = get_usage(reader, state)
    log = publications.publications
    figures = [
        score_figure(log, trends_said(quality.trends).get("score")),
        age_figure(log, port.freshness.promised_seconds) if port.served else None,
        availability_figure(_days(reader, state, availability, now), availability.promised_percent),
        reads_figure([(day.day, day.reads) for day in usage.by_day]),
        *(unusual_figure(one, at) for at, one in enumerate(anomalies.anomalies[:_UNUSUAL_PLOTTED], 1)),
    ]
    address = (state.product.domain, state.product.name)
    access = AccessViews(reader)
    more = len(log) > LOG_ROWS or publications.next is not None
    with ThreadPoolExecutor(1) as drawing:  # by a process of its own, while the rest is asked for
        drawn = drawing.submit(plotter.draw, [figure for figure in figures if figure is not None])
        lineage = get_lineage(reader, state, _DEPTH)
        return ProductPage(
            product=product,
            port=port,
            schema=schema,
            purpose=purpose,
            purposes=tuple(dict.fromkeys(grant.purpose for grant in port.access.grants)),
            columns=columns,
            examples=examples_of(port.address, best_first(columns), purpose, root),
            quality=quality,
            anomalies=anomalies,
            rules=rules_of(contract),
            promises=promises_of(port, availability, quality.measured, log, now),
            levels=levels_shown(slos_of(reader, state, levels)),
            availability=availability,
            log=log[:LOG_ROWS],
            log_next=str(log[LOG_ROWS - 1].number) if more else None,
            lineage=lineage,
            picture=port_picture(lineage),
            impact=get_impact(reader, state, "change", None),
            consumers=get_consumers(reader, state),
            usage=usage,
            metrics=get_metrics(reader, *address),
            ratings=get_ratings(reader, *address),
            incidents=get_incidents(reader, *address, 90),
            support=[support_link(entry) for entry in product.support],
            manages=reader.manages(state.product),
            asked=access.pending(port.address),
            nothing=access.nothing(port.access.grants),
            plots=drawn.result(),
        )


def schema_for(reader: Reader, state: PortState, wanted: str | None = None) -> tuple[PortSchema, str | None]:
    """The schema for a purpose, and which: the one that was chosen, else the reader's own or that of a grant."""
    own = reader.caller.purpose or reader.caller.identity.purpose
    granted = [grant.purpose for grant in reader.grants if grant.is_on(state.port.address)]
    tried = [wanted] if wanted is not None else list(dict.fromkeys(p for p in (own, *granted) if p is not None))
    for purpose in tried:
        schema = get_schema(reader, state, purpose, None)
        if schema.granted:
            return schema, purpose
    return get_schema(reader, state, wanted, None), wanted or own


def _days(reader: Reader, state: PortState, found: AvailabilityOut, now: datetime) -> list[tuple[date, float]]:
    """The share of each day of the promised window that was up, in percent; days without a probe are left out."""
    if found.measured_percent is None:
        return []
    longest = ProbeSettings.from_env().longest
    first = (now - timedelta(days=found.window_days)).date()
    start = datetime.combine(first, time(), UTC)
    history = read_history(reader.access.control, state.port.address, start - longest)
    days = []
    while start < now:
        end = start + timedelta(days=1)
        share = history.covered(start, min(end, now), longest).share_up
        if share is not None:
            days.append((start.date(), 100 * share))
        start = end
    return days


def rules_of(contract: Contract) -> dict[str, str]:
    """Name of a check -> its description in the contract."""
    return {check.name: check.description for check in compile_checks(contract) if check.description}


def support_link(entry: dict[str, object]) -> SupportLink:
    """A channel of support; its address is a link when it is one of the web or of mail."""
    url = str(entry.get("url") or "")
    href = url if url.lower().startswith(("https://", "http://", "mailto:")) else None
    told = [str(entry[name]) for name in ("scope", "description") if entry.get(name)]
    return SupportLink(str(entry.get("channel") or url), href, ": ".join(told))
