"""The pages of a product: what it is and how it is read, its publications, its lineage."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from platform_resources.access.errors import NotPublishedError
from platform_resources.catalog import PortState
from platform_resources.contracts import Contract
from platform_resources.contracts.changes import compare_contracts
from platform_resources.governance.evolution import by_promise, by_secrecy
from platform_resources.lake import PortAddress
from platform_resources.serving.callers import TheLimits, TheThreads
from platform_resources.serving.column_lineage import get_column_lineage
from platform_resources.serving.contracts import YAML, contract_text
from platform_resources.serving.impact import Event, get_impact
from platform_resources.serving.lineage import get_lineage
from platform_resources.serving.portal.first_rows import first_rows
from platform_resources.serving.portal.lineage_picture import column_picture, port_picture
from platform_resources.serving.portal.pages import (
    HEADERS,
    NOTICES,
    PortalReader,
    Posted,
    asked_of,
    render,
    see_other,
)
from platform_resources.serving.portal.plots_drawn import PLOTTER
from platform_resources.serving.portal.product_diff import difference_of, written
from platform_resources.serving.portal.product_page import asked_port, page_of, schema_for
from platform_resources.serving.portal.product_text import blocks
from platform_resources.serving.portal.samples import failing_rows
from platform_resources.serving.product_metrics import RatingGiven, rate
from platform_resources.serving.quality import PublicationOut, list_publications
from platform_resources.serving.readers import Domain, ProductName, Reader

router = APIRouter()

NOTICES["rated"] = "Thank you: your rating is shown with the others."

_PAGE = 25  # publications on a page of the log
_DEEP = 10  # steps of lineage on its own page

Port = Annotated[str | None, Query(description="Of the product's ports: v2.", max_length=5, pattern=r"^v[1-9][0-9]*$")]


@router.get("/products/{domain}/{product}")
def show(
    request: Request,
    reader: PortalReader,
    domain: Domain,
    product: ProductName,
    port: Port = None,
    purpose: Annotated[str | None, Query(max_length=63)] = None,
) -> Response:
    """A product, by one of its ports."""
    state = asked_port(reader, domain, product, port)
    page = page_of(request, reader, state, PLOTTER, request.app.state.site.root(request), purpose)
    return render(request, reader, "product.html", page=page, texts=blocks)


@router.get("/products/{domain}/{product}/publications")
def log(
    request: Request,
    reader: PortalReader,
    domain: Domain,
    product: ProductName,
    port: Port = None,
    cursor: Annotated[str | None, Query(pattern=r"^[1-9][0-9]{0,8}$")] = None,
) -> Response:
    """The publication log of a port, page by page."""
    state = asked_port(reader, domain, product, port)
    page = list_publications(request, Response(), reader, state, _PAGE, cursor)
    return render(request, reader, "product_publications.html", state=state, page=page, cursor=cursor)


@router.get("/products/{domain}/{product}/publications/diff")
def diff(
    request: Request,
    reader: PortalReader,
    domain: Domain,
    product: ProductName,
    earlier: Annotated[int, Query(alias="from", ge=1, le=2**31 - 2)],
    later: Annotated[int, Query(alias="to", ge=1, le=2**31 - 2)],
    port: Port = None,
) -> Response:
    """Two publications of a port, side by side."""
    state = asked_port(reader, domain, product, port)
    first, last = sorted((earlier, later))
    before, after = (_publication(request, reader, state, number) for number in (first, last))
    contracts = (_promised(reader, state, number) for number in (first, last))
    council = reader.documents.council
    comparison = compare_contracts(*contracts, by_secrecy(council), by_promise(council))
    difference = difference_of(before, after, comparison)
    return render(request, reader, "product_diff.html", state=state, diff=difference, written=written)


@router.get("/products/{domain}/{product}/lineage")
def lineage(
    request: Request,
    reader: PortalReader,
    domain: Domain,
    product: ProductName,
    port: Port = None,
    column: Annotated[str | None, Query(max_length=63)] = None,
    event: Annotated[Event, Query()] = "change",
) -> Response:
    """Where a port, or one column of it, comes from and goes to, and what an event there would hit."""
    state = asked_port(reader, domain, product, port)
    names = [found.name for found in state.port.contract.table.columns]
    column = column or None  # the form sends it empty for all columns
    if column is not None:
        columns = get_column_lineage(reader, state, column, _DEEP)
        ports, picture = None, column_picture(columns)
    else:
        ports, columns = get_lineage(reader, state, _DEEP), None
        picture = port_picture(ports)
    return render(
        request,
        reader,
        "product_lineage.html",
        **{"state": state, "picture": picture, "ports": ports, "columns": columns, "column": column, "names": names},
        **{"impact": get_impact(reader, state, event, column), "event": event},
    )


@router.get("/products/{domain}/{product}/rows")
async def some_rows(
    request: Request,
    reader: PortalReader,
    limits: TheLimits,
    threads: TheThreads,
    domain: Domain,
    product: ProductName,
    port: Port = None,
    purpose: Annotated[str | None, Query(max_length=63)] = None,
) -> Response:
    """The first rows of what is served, as the reader sees them: read only when somebody asks for this page."""

    def look() -> Response:
        state = asked_port(reader, domain, product, port)
        _, declared = schema_for(reader, state, purpose)
        found = first_rows(reader, state, declared)
        return render(request, reader, "product_first_rows.html", state=state, found=found)

    with limits.stream(reader.caller.identity.id):
        return await threads.bulk(look)


@router.get("/products/{domain}/{product}/checks/{check}/rows")
async def rows(
    request: Request,
    reader: PortalReader,
    limits: TheLimits,
    threads: TheThreads,
    domain: Domain,
    product: ProductName,
    check: Annotated[str, Path(max_length=400)],
    port: Port = None,
    purpose: Annotated[str | None, Query(max_length=63)] = None,
) -> Response:
    """Rows of what is served that break a rule, as the reader sees them.

    A query of it waits up to 10 s for its turn: on the threads of queries, and in one of the reader's places for them.
    """

    def look() -> Response:
        state = asked_port(reader, domain, product, port)
        schema, declared = schema_for(reader, state, purpose)
        found = failing_rows(reader, state, check, schema, declared)
        return render(request, reader, "product_rows.html", state=state, found=found, purpose=declared)

    with limits.stream(reader.caller.identity.id):
        return await threads.sql(look)


@router.get("/products/{domain}/{product}/contract")
def contract(
    reader: PortalReader,
    domain: Domain,
    product: ProductName,
    port: Port = None,
    publication: Annotated[int | None, Query(ge=1, le=2**31)] = None,
) -> Response:
    """The contract, byte for byte, as a file: the API's address of it asks for a token, which no browser sends."""
    state = asked_port(reader, domain, product, port)
    name = f"{domain}.{product}.v{state.port.major}.odcs.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', **HEADERS}
    return Response(contract_text(reader, state, publication), media_type=YAML, headers=headers)


@router.post("/products/{domain}/{product}/ratings")
def give_rating(posted: Posted, domain: Domain, product: ProductName) -> Response:
    """Rate the product, or rate it anew."""
    given = asked_of(RatingGiven, stars=posted.text("stars"), comment=posted.text("comment"))
    rate(posted.reader, domain, product, given)
    return see_other(f"/products/{domain}/{product}#ratings", done="rated")


def _publication(request: Request, reader: Reader, state: PortState, number: int) -> PublicationOut:
    found = list_publications(request, Response(), reader, state, 1, str(number + 1)).publications
    if not found or found[0].number != number:
        raise NotPublishedError(f"{state.port.address} has no publication {number}", "Its log lists those that it has.")
    return found[0]


def _promised(reader: Reader, state: PortState, number: int) -> Contract:
    """The contract that a publication was held to."""
    address = PortAddress.parse(state.port.address)
    return reader.view.promise(address, reader.logged(address, number)).contract
